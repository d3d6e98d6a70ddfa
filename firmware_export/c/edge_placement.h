/* Where the linker puts the constants and the arena of a model.
 *
 * Name sections when the model's C file is compiled, and place them in the linker script:
 *   -DEDGE_WEIGHTS_SECTION='".qspi_flash"'   weights, biases, multipliers, lookup tables
 *   -DEDGE_EXTERNAL_SECTION='".qspi_flash"'  of these the large tables alone, as the export was told
 *   -DEDGE_ARENA_SECTION='".bss.dtcm"'       the arena, if the firmware does not own it
 * A compiler gives a section whose name starts with .bss no room in flash; any other name costs
 * the arena's size in flash as well. Whoever puts the arena into memory that the start-up code does
 * not clear loses nothing: every byte is written before it is read.
 */
#ifndef EDGE_PLACEMENT_H
#define EDGE_PLACEMENT_H

#include "edge_types.h"

#if defined(EDGE_WEIGHTS_SECTION)
#define EDGE_WEIGHTS __attribute__((section(EDGE_WEIGHTS_SECTION)))
#else
#define EDGE_WEIGHTS
#endif

#if defined(EDGE_EXTERNAL_SECTION)
#define EDGE_EXTERNAL __attribute__((section(EDGE_EXTERNAL_SECTION)))
#else
#define EDGE_EXTERNAL EDGE_WEIGHTS
#endif

#if defined(EDGE_ARENA_SECTION)
#define EDGE_ARENA __attribute__((section(EDGE_ARENA_SECTION)))
#else
#define EDGE_ARENA
#endif

#endif /* EDGE_PLACEMENT_H */
