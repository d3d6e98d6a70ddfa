/* Depthwise convolution, int8, one scale per output channel. */
#ifndef EDGE_DEPTHWISE_CONV_S8_H
#define EDGE_DEPTHWISE_CONV_S8_H

#include "edge_conv_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The accumulators of four neighbouring channels at one position, channel multiplier 1.
 * input is (H, W, C) and weight (KH, KW, C), both from the first of the four channels on. */
EDGE_INLINE void edge_depthwise_window_4(const edge_conv_t *conv, const int8_t *input,
                                         const int8_t *weight, edge_span_t y, edge_span_t x,
                                         edge_accumulators_t *sums)
{
    const int32_t channels = conv->output.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t pitch = conv->input.width * channels;
    const int32_t step = conv->dilation_width * channels;
    const int32_t outside = conv->kernel_width - (x.end - x.begin);
    const int8_t zero = (int8_t)conv->input_zero_point;
    const int8_t padding[4] = {zero, zero, zero, zero};
    int32_t tap;

    edge_dot_4_channels_s8(padding, 0, weight, channels, y.begin * conv->kernel_width, sums);
    for (tap = y.begin; tap < y.end; tap++) {
        const int8_t *taps = weight + tap * row;
        const int8_t *cells = input + ((y.origin + tap * conv->dilation_height) * pitch +
                                       x.origin * channels + x.begin * step);

        edge_dot_4_channels_s8(cells, step, taps + x.begin * channels, channels, x.end - x.begin,
                               sums);
        if (outside > 0) {
            edge_dot_4_channels_s8(padding, 0, taps, channels, x.begin, sums);
            edge_dot_4_channels_s8(padding, 0, taps + x.end * channels, channels,
                                   conv->kernel_width - x.end, sums);
        }
    }
    edge_dot_4_channels_s8(padding, 0, weight + y.end * row, channels,
                           (conv->kernel_height - y.end) * conv->kernel_width, sums);
}

/* The accumulator of one output channel at one position, any channel multiplier.
 * input is (H, W, I) from its channel on, weight (KH, KW, O) from its channel on. */
EDGE_INLINE int32_t edge_depthwise_window_1(const edge_conv_t *conv, const int8_t *input,
                                            const int8_t *weight, edge_span_t y, edge_span_t x,
                                            int32_t sum)
{
    const int32_t channels = conv->output.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t pitch = conv->input.width * conv->input.channels;
    const int32_t step = conv->dilation_width * conv->input.channels;
    const int8_t zero = (int8_t)conv->input_zero_point;
    int32_t tap;

    sum = edge_dot_1_s8(&zero, 0, weight, channels, y.begin * conv->kernel_width, sum);
    for (tap = y.begin; tap < y.end; tap++) {
        const int8_t *taps = weight + tap * row;
        const int8_t *cells = input + ((y.origin + tap * conv->dilation_height) * pitch +
                                       x.origin * conv->input.channels + x.begin * step);

        sum = edge_dot_1_s8(cells, step, taps + x.begin * channels, channels, x.end - x.begin,
                            sum);
        sum = edge_dot_1_s8(&zero, 0, taps, channels, x.begin, sum);
        sum = edge_dot_1_s8(&zero, 0, taps + x.end * channels, channels,
                            conv->kernel_width - x.end, sum);
    }
    return edge_dot_1_s8(&zero, 0, weight + y.end * row, channels,
                         (conv->kernel_height - y.end) * conv->kernel_width, sum);
}

/* All output channels at one position: cell is (O), depth_multiplier = O / I. */
EDGE_INLINE void edge_depthwise_cell(const edge_conv_t *conv, const int8_t *input, edge_span_t y,
                                     edge_span_t x, int32_t depth_multiplier, int8_t *cell)
{
    int32_t channel = 0;
    int32_t copy = 0; /* channel == (input channel) * depth_multiplier + copy */

    if (depth_multiplier == 1) {
        for (; channel + 4 <= conv->output.channels; channel += 4) {
            edge_accumulators_t sums = edge_conv_bias_4(conv, channel);

            edge_depthwise_window_4(conv, input, conv->weight + channel, y, x, &sums);
            edge_conv_store_4(conv, channel, &sums, cell);
            input += 4;
        }
    }
    for (; channel < conv->output.channels; channel++) {
        const int32_t sum = edge_depthwise_window_1(conv, input, conv->weight + channel, y, x,
                                                    conv->bias[channel]);

        cell[channel] = edge_conv_output(conv, channel, sum);
        copy++;
        if (copy == depth_multiplier) {
            copy = 0;
            input++;
        }
    }
}

/* input (H, W, I), output (OH, OW, O): the body, for calls whose sizes are literals. */
EDGE_INLINE void edge_depthwise_conv_s8_inline(const edge_conv_t *conv,
                                               const int8_t *EDGE_RESTRICT input,
                                               int8_t *EDGE_RESTRICT output)
{
    const int32_t depth_multiplier = conv->output.channels / conv->input.channels;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const edge_span_t y =
            edge_span(row * conv->stride_height - conv->pad_top, conv->kernel_height,
                      conv->dilation_height, conv->input.height);

        for (column = 0; column < conv->output.width; column++) {
            const edge_span_t x =
                edge_span(column * conv->stride_width - conv->pad_left, conv->kernel_width,
                          conv->dilation_width, conv->input.width);

            edge_depthwise_cell(conv, input, y, x, depth_multiplier, output);
            output += conv->output.channels;
        }
    }
}

/* input (H, W, I), output (OH, OW, O) */
EDGE_KERNEL void edge_depthwise_conv_s8(const edge_conv_t *conv,
                                        const int8_t *EDGE_RESTRICT input,
                                        int8_t *EDGE_RESTRICT output)
{
    edge_depthwise_conv_s8_inline(conv, input, output);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CONV_S8_H */
