/* Depthwise convolution, int8, one scale per output channel. */
#ifndef EDGE_DEPTHWISE_CONV_S8_H
#define EDGE_DEPTHWISE_CONV_S8_H

#include "edge_conv_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the taps inside the input to the sums of four neighbouring channels, channel multiplier 1.
 * input is (H, W, C) and weight (KH, KW, C), both from the first of the four channels on. */
EDGE_INLINE void edge_depthwise_window_4(const edge_conv_t *conv, const int8_t *input,
                                         const int8_t *weight, const edge_window_t *window,
                                         edge_accumulators_t *sums)
{
    const int32_t channels = conv->output.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t row_step = edge_conv_row_step(conv);
    const int8_t *corner = edge_conv_corner(conv, input, window);
    const int32_t step = conv->dilation_width * channels;
    int32_t tap;

    for (tap = window->y.begin; tap < window->y.end; tap++) {
        const int8_t *cell = corner + (tap - window->y.begin) * row_step;
        const int8_t *taps = weight + (tap * row + window->x.begin * channels);

        edge_dot_4_channels_s8(cell, step, taps, channels, window->x.end - window->x.begin, sums);
    }
}

/* As edge_depthwise_window_4, for one output channel and any channel multiplier.
 * input is (H, W, I) from its channel on, weight (KH, KW, O) from its channel on. */
EDGE_KERNEL int32_t edge_depthwise_window_1(const edge_conv_t *conv, const int8_t *input,
                                            const int8_t *weight, const edge_window_t *window,
                                            int32_t sum)
{
    const int32_t channels = conv->output.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t row_step = edge_conv_row_step(conv);
    const int8_t *corner = edge_conv_corner(conv, input, window);
    const int32_t step = conv->dilation_width * conv->input.channels;
    int32_t tap;

    for (tap = window->y.begin; tap < window->y.end; tap++) {
        const int8_t *cell = corner + (tap - window->y.begin) * row_step;
        const int8_t *taps = weight + (tap * row + window->x.begin * channels);

        sum = edge_dot_1_s8(cell, step, taps, channels, window->x.end - window->x.begin, sum);
    }
    return sum;
}

/* What the taps in the padding add to one output channel: the zero point times their weights,
 * which the folded bias took off. weight is (KH, KW, O) from the channel on. */
EDGE_KERNEL int32_t edge_depthwise_padding_1(const edge_conv_t *conv, const int8_t *weight,
                                             const edge_window_t *window)
{
    const int32_t channels = conv->output.channels;
    const int32_t width = conv->kernel_width;
    const int8_t one = 1;
    int32_t sum = 0;
    int32_t tap;

    for (tap = 0; tap < conv->kernel_height; tap++) {
        const int is_read = tap >= window->y.begin && tap < window->y.end;
        const int32_t left = is_read ? window->x.begin : width;
        const int32_t right = is_read ? window->x.end : width;

        sum = edge_dot_1_s8(&one, 0, weight, channels, left, sum);
        sum = edge_dot_1_s8(&one, 0, weight + right * channels, channels, width - right, sum);
        weight += width * channels;
    }
    return sum * conv->input_zero_point;
}

/* As edge_depthwise_padding_1, for four neighbouring channels. */
EDGE_KERNEL edge_accumulators_t edge_depthwise_padding_4(const edge_conv_t *conv,
                                                         const int8_t *weight,
                                                         const edge_window_t *window)
{
    const int32_t channels = conv->output.channels;
    const int32_t width = conv->kernel_width;
    const int8_t zero = (int8_t)conv->input_zero_point;
    const int8_t zeros[4] = {zero, zero, zero, zero};
    edge_accumulators_t sums = {0, 0, 0, 0};
    int32_t tap;

    for (tap = 0; tap < conv->kernel_height; tap++) {
        const int is_read = tap >= window->y.begin && tap < window->y.end;
        const int32_t left = is_read ? window->x.begin : width;
        const int32_t right = is_read ? window->x.end : width;

        edge_dot_4_channels_s8(zeros, 0, weight, channels, left, &sums);
        edge_dot_4_channels_s8(zeros, 0, weight + right * channels, channels, width - right,
                               &sums);
        weight += width * channels;
    }
    return sums;
}

/* All output channels at one position: cell is (O), depth_multiplier = O / I. */
EDGE_INLINE void edge_depthwise_cell(const edge_conv_t *conv, const int8_t *input,
                                     const edge_window_t *window, int32_t depth_multiplier,
                                     int8_t *cell)
{
    const int is_inside = edge_conv_is_inside(conv, window);
    int32_t channel = 0;
    int32_t copy = 0; /* channel == (input channel) * depth_multiplier + copy */

    if (depth_multiplier == 1) {
        for (; channel + 4 <= conv->output.channels; channel += 4) {
            edge_accumulators_t sums = edge_conv_bias_4(conv, channel);

            edge_depthwise_window_4(conv, input, conv->weight + channel, window, &sums);
            if (!is_inside) {
                edge_conv_add_4(&sums,
                                edge_depthwise_padding_4(conv, conv->weight + channel, window));
            }
            edge_conv_store_4(conv, channel, &sums, cell);
            input += 4;
        }
    }
    for (; channel < conv->output.channels; channel++) {
        const int8_t *weight = conv->weight + channel;
        int32_t sum =
            edge_depthwise_window_1(conv, input, weight, window, conv->bias[channel]);

        if (!is_inside) {
            sum += edge_depthwise_padding_1(conv, weight, window);
        }
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
    edge_window_t window;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        window.y = edge_conv_rows(conv, row);
        for (column = 0; column < conv->output.width; column++) {
            window.x = edge_conv_columns(conv, column);
            edge_depthwise_cell(conv, input, &window, depth_multiplier, output);
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
