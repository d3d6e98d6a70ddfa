/* What main.c needs of the machine below it: QEMU's boards (startup.c) or this host (host.c). */
#ifndef EDGE_HARNESS_H
#define EDGE_HARNESS_H

#include <stdint.h>

/* Prints "key=0x..." and a line end. */
void harness_print(const char *key, uint32_t value);

/* The counting plugin counts from the return of the first to the call of the second. */
void harness_mark_begin(void);
void harness_mark_end(void);

/* Fills the unused stack; then tells how many bytes below the caller's frame were written. */
void harness_stack_paint(void);
uint32_t harness_stack_used(void);

#endif
