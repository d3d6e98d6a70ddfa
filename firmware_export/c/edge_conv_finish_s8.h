/* From the sums of a convolution to its codes: plain tables, one scale per output channel. */
#ifndef EDGE_CONV_FINISH_S8_H
#define EDGE_CONV_FINISH_S8_H

#include "edge_arch.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

EDGE_INLINE void edge_conv_add_4(edge_accumulators_t *sums, edge_accumulators_t more)
{
    sums->a += more.a;
    sums->b += more.b;
    sums->c += more.c;
    sums->d += more.d;
}

/* accumulator of output channel `channel` to int8 */
EDGE_INLINE int8_t edge_conv_output(const edge_conv_t *conv, int32_t channel, int32_t accumulator)
{
    const int32_t value =
        edge_requantize(accumulator, conv->multiplier[channel], conv->shift[channel]);

    return edge_clamp_s8(value, conv->output_zero_point, conv->activation_min,
                         conv->activation_max);
}

/* Stores four accumulators as output channels [channel, channel + 4) of `cell`, (O). */
EDGE_INLINE void edge_conv_store_4(const edge_conv_t *conv, int32_t channel,
                                   const edge_accumulators_t *sums, int8_t *cell)
{
    cell[channel] = edge_conv_output(conv, channel, sums->a);
    cell[channel + 1] = edge_conv_output(conv, channel + 1, sums->b);
    cell[channel + 2] = edge_conv_output(conv, channel + 2, sums->c);
    cell[channel + 3] = edge_conv_output(conv, channel + 3, sums->d);
}

/* The biases of output channels [channel, channel + 4). */
EDGE_INLINE edge_accumulators_t edge_conv_bias_4(const edge_conv_t *conv, int32_t channel)
{
    edge_accumulators_t sums;

    sums.a = conv->bias[channel];
    sums.b = conv->bias[channel + 1];
    sums.c = conv->bias[channel + 2];
    sums.d = conv->bias[channel + 3];
    return sums;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_FINISH_S8_H */
