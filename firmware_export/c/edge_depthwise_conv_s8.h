/* Depthwise convolution, int8, one scale per output channel. */
#ifndef EDGE_DEPTHWISE_CONV_S8_H
#define EDGE_DEPTHWISE_CONV_S8_H

#include "edge_conv_finish_s8.h"
#include "edge_depthwise_cells.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the listed cells, `offset` values behind them, to the sums of four neighbouring channels;
 * weight is (taps, channels) from the first of the four on. */
EDGE_INLINE void edge_depthwise_taps_4(const int8_t *cells, int32_t taps, int32_t offset,
                                       const int8_t *weight, int32_t channels,
                                       edge_accumulators_t *sums)
{
    edge_accumulators_t s = *sums;

    for (; taps > 0; taps--) {
        const int8_t *cell;

        (void)memcpy(&cell, cells, sizeof cell);
        cell += offset;
        s.a += cell[0] * weight[0];
        s.b += cell[1] * weight[1];
        s.c += cell[2] * weight[2];
        s.d += cell[3] * weight[3];
        cells += sizeof cell;
        weight += channels;
    }
    *sums = s;
}

/* As edge_depthwise_taps_4, for one channel. */
EDGE_INLINE int32_t edge_depthwise_taps_1(const int8_t *cells, int32_t taps, int32_t offset,
                                          const int8_t *weight, int32_t channels, int32_t sum)
{
    for (; taps > 0; taps--) {
        const int8_t *cell;

        (void)memcpy(&cell, cells, sizeof cell);
        sum += cell[offset] * *weight;
        cells += sizeof cell;
        weight += channels;
    }
    return sum;
}

/* All channels of one pixel whose cells lie `offset` values behind the listed ones;
 * depth_multiplier = O / I. */
EDGE_INLINE void edge_depthwise_pixel(const edge_conv_t *conv, const int8_t *cells, int32_t offset,
                                      int32_t depth_multiplier, int8_t *output)
{
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    const int32_t channels = conv->output.channels;
    int32_t channel = 0;
    int32_t copy = 0; /* channel == (input channel) * depth_multiplier + copy */

    for (; depth_multiplier == 1 && channel + 4 <= channels; channel += 4) {
        edge_accumulators_t sums = edge_conv_bias_4(conv, channel);

        edge_depthwise_taps_4(cells, taps, offset, conv->weight + channel, channels, &sums);
        edge_conv_store_4(conv, channel, &sums, output);
        offset += 4;
    }
    for (; channel < channels; channel++) {
        const int32_t sum = edge_depthwise_taps_1(cells, taps, offset, conv->weight + channel,
                                                  channels, conv->bias[channel]);

        output[channel] = edge_conv_output(conv, channel, sum);
        copy++;
        if (copy == depth_multiplier) {
            copy = 0;
            offset++;
        }
    }
}

/* input (H, W, I), output (OH, OW, O); scratch aligned as an address is, one for each tap and I
 * bytes. */
EDGE_KERNEL void edge_depthwise_conv_s8(const edge_conv_t *EDGE_RESTRICT conv, const int8_t *input,
                                        int8_t *scratch, int8_t *output)
{
    const int32_t depth_multiplier = conv->output.channels / conv->input.channels;
    const int8_t *zeros = edge_depthwise_zeros(conv, scratch);
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const edge_conv_line_t line = edge_conv_line(conv, row);

        for (column = 0; column < conv->output.width; column++) {
            const int32_t offset = edge_depthwise_at(conv, &line, input, zeros, column, scratch);

            edge_depthwise_pixel(conv, scratch, offset, depth_multiplier, output);
            output += conv->output.channels;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CONV_S8_H */
