/* Inner loops in plain C99: sums of products of raw int8 (zero points are folded into the bias).
 *
 * `input_step` is a literal at every call: 1 (or the channels) walks over the input, 0 stays on one
 * value, which is how a padded cell is read.
 */
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

/* accumulator + sum over i < length of input[i * input_step] * weight[i * weight_step] */
EDGE_INLINE int32_t edge_dot_1_s8(const int8_t *input, int32_t input_step, const int8_t *weight,
                                  int32_t weight_step, int32_t length, int32_t accumulator)
{
    for (; length > 0; length--) {
        accumulator += (int32_t)*input * *weight;
        input += input_step;
        weight += weight_step;
    }
    return accumulator;
}

/* One input against four rows of weights, `row_stride` apart: each input is loaded once. */
EDGE_INLINE void edge_dot_4_rows_s8(const int8_t *input, int32_t input_step, const int8_t *weight,
                                    int32_t row_stride, int32_t length, edge_accumulators_t *sums)
{
    const int8_t *row_b = weight + row_stride;
    const int8_t *row_c = row_b + row_stride;
    const int8_t *row_d = row_c + row_stride;
    const int8_t *const end = weight + length;
    edge_accumulators_t s = *sums;

    while (weight < end) {
        const int32_t value = *input;

        s.a += value * *weight++;
        s.b += value * *row_b++;
        s.c += value * *row_c++;
        s.d += value * *row_d++;
        input += input_step;
    }
    *sums = s;
}

/* Four neighbouring channels, each against its own weight, over `taps` steps. */
EDGE_INLINE void edge_dot_4_channels_s8(const int8_t *input, int32_t input_step,
                                        const int8_t *weight, int32_t weight_step, int32_t taps,
                                        edge_accumulators_t *sums)
{
    edge_accumulators_t s = *sums;

    for (; taps > 0; taps--) {
        s.a += (int32_t)input[0] * weight[0];
        s.b += (int32_t)input[1] * weight[1];
        s.c += (int32_t)input[2] * weight[2];
        s.d += (int32_t)input[3] * weight[3];
        input += input_step;
        weight += weight_step;
    }
    *sums = s;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ARCH_DOT_S8_H */
