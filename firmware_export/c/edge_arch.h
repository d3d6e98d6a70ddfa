/* The only place that picks an instruction set: the inner loops of conv, depthwise and fully
 * connected. arch/generic is plain C99; a faster tier replaces its files name for name. */
#ifndef EDGE_ARCH_H
#define EDGE_ARCH_H

#include "arch/generic/edge_dot_s8.h"

#endif /* EDGE_ARCH_H */
