/* Inner loops in plain C99: sums of products of raw int8 (zero points are folded into the bias). */
#ifndef EDGE_ARCH_DOT_S8_H
#define EDGE_ARCH_DOT_S8_H

#include "../../edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Four accumulators that the compiler keeps in registers. */
typedef struct {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} edge_accumulators_t;

/* accumulator + sum over i < length of input[i] * weight[i] */
EDGE_INLINE int32_t edge_dot_1_s8(const int8_t *input, const int8_t *weight, int32_t length,
                                  int32_t accumulator)
{
    for (; length > 0; length--) {
        accumulator += (int32_t)*input++ * *weight++;
    }
    return accumulator;
}

/* What four rows of weights, `row_stride` apart, add for input `i`. */
EDGE_INLINE void edge_dot_4_step(const int8_t *input, const int8_t *weight, int32_t row_stride,
                                 int32_t i, edge_accumulators_t *s)
{
    const int32_t value = input[i];

    s->a += value * weight[i];
    s->b += value * weight[i + row_stride];
    s->c += value * weight[i + 2 * row_stride];
    s->d += value * weight[i + 3 * row_stride];
}

/* One input against four rows of weights: each input is loaded once. Four steps a round save
 * counting, where loads take an offset. */
EDGE_INLINE void edge_dot_4_rows_s8(const int8_t *input, const int8_t *weight, int32_t row_stride,
                                    int32_t length, edge_accumulators_t *sums)
{
    edge_accumulators_t s = *sums;

    for (; length >= 4; length -= 4) {
        edge_dot_4_step(input, weight, row_stride, 0, &s);
        edge_dot_4_step(input, weight, row_stride, 1, &s);
        edge_dot_4_step(input, weight, row_stride, 2, &s);
        edge_dot_4_step(input, weight, row_stride, 3, &s);
        input += 4;
        weight += 4;
    }
    for (; length > 0; length--) {
        edge_dot_4_step(input++, weight++, row_stride, 0, &s);
    }
    *sums = s;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ARCH_DOT_S8_H */
