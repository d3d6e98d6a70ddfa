/* The inner loops of the kernels that read plain tables: arch/generic is plain C99. arch/dsp and
 * arch/mve have kernels of their own, since their tables are laid out otherwise; the exporter
 * picks by the target. */
#ifndef EDGE_ARCH_H
#define EDGE_ARCH_H

#include "arch/thumb/edge_dot_thumb.h"

#endif /* EDGE_ARCH_H */
