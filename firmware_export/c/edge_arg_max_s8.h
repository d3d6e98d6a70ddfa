/* Where the greatest code of each row stands; the first of equals. */
#ifndef EDGE_ARG_MAX_S8_H
#define EDGE_ARG_MAX_S8_H

#include <string.h>

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

EDGE_INLINE int32_t edge_arg_max_of_row(const int8_t *row, int32_t depth)
{
    int32_t best = 0;
    int32_t i;

    for (i = 1; i < depth; i++) {
        if (row[i] > row[best]) {
            best = i;
        }
    }
    return best;
}

/* input (rows, depth), output (rows) int32, as bytes: the arena is made of them */
EDGE_KERNEL void edge_arg_max_s8(const edge_arg_max_t *arg_max, const int8_t *EDGE_RESTRICT input,
                                 int8_t *EDGE_RESTRICT output)
{
    int32_t row;

    for (row = 0; row < arg_max->rows; row++) {
        const int32_t best = edge_arg_max_of_row(input + row * arg_max->depth, arg_max->depth);

        (void)memcpy(output + row * (int32_t)sizeof(best), &best, sizeof(best));
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ARG_MAX_S8_H */
