/* Convolution, int8, one scale per output channel. */
#ifndef EDGE_CONV_S8_H
#define EDGE_CONV_S8_H

#include "edge_arch.h"
#include "edge_requantize.h"
#include "edge_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds one kernel row, (kernel_width, I) weights of four output channels, to their sums.
 * `input` is the input row (W, I) that it meets. */
EDGE_INLINE void edge_conv_row_4(const edge_conv_t *conv, const int8_t *input,
                                 const int8_t *weight, int32_t row_stride, edge_span_t x,
                                 edge_accumulators_t *sums)
{
    const int32_t channels = conv->input.channels;
    const int32_t step = conv->dilation_width;
    const int8_t *cell = input + (x.origin + x.begin * step) * channels;
    const int8_t *tap = weight + x.begin * channels;
    int32_t run = (x.end - x.begin) * channels;

    if (step == 1) { /* neighbouring taps are neighbours in memory: one run */
        edge_dot_4_rows_s8(cell, 1, tap, row_stride, run, sums);
        return;
    }
    for (; run > 0; run -= channels) {
        edge_dot_4_rows_s8(cell, 1, tap, row_stride, channels, sums);
        cell += step * channels;
        tap += channels;
    }
}

/* As edge_conv_row_4, for one output channel. */
EDGE_INLINE int32_t edge_conv_row_1(const edge_conv_t *conv, const int8_t *input,
                                    const int8_t *weight, edge_span_t x, int32_t sum)
{
    const int32_t channels = conv->input.channels;
    const int32_t step = conv->dilation_width;
    int32_t tap;

    for (tap = x.begin; tap < x.end; tap++) {
        const int8_t *cell = input + (x.origin + tap * step) * channels;

        sum = edge_dot_1_s8(cell, 1, weight + tap * channels, 1, channels, sum);
    }
    return sum;
}

/* The accumulators of four output channels at one position; weight is (4, KH, KW, I).
 * What the padding covers is multiplied by the zero point, which the bias took off. */
EDGE_INLINE void edge_conv_window_4(const edge_conv_t *conv, const int8_t *input,
                                    const int8_t *weight, edge_span_t y, edge_span_t x,
                                    edge_accumulators_t *sums)
{
    const int32_t row = conv->kernel_width * conv->input.channels;
    const int32_t row_stride = conv->kernel_height * row;
    const int32_t left = x.begin * conv->input.channels;
    const int32_t right = x.end * conv->input.channels;
    const int8_t padding = (int8_t)conv->input_zero_point;
    const int32_t pitch = conv->input.width * conv->input.channels;
    int32_t tap;

    edge_dot_4_rows_s8(&padding, 0, weight, row_stride, y.begin * row, sums);
    for (tap = y.begin; tap < y.end; tap++) {
        const int8_t *taps = weight + tap * row;
        const int8_t *cells = input + (y.origin + tap * conv->dilation_height) * pitch;

        edge_conv_row_4(conv, cells, taps, row_stride, x, sums);
        if (right - left < row) {
            edge_dot_4_rows_s8(&padding, 0, taps, row_stride, left, sums);
            edge_dot_4_rows_s8(&padding, 0, taps + right, row_stride, row - right, sums);
        }
    }
    edge_dot_4_rows_s8(&padding, 0, weight + y.end * row, row_stride, row_stride - y.end * row,
                       sums);
}

/* As edge_conv_window_4, for one output channel. */
EDGE_INLINE int32_t edge_conv_window_1(const edge_conv_t *conv, const int8_t *input,
                                       const int8_t *weight, edge_span_t y, edge_span_t x,
                                       int32_t sum)
{
    const int32_t row = conv->kernel_width * conv->input.channels;
    const int32_t left = x.begin * conv->input.channels;
    const int32_t right = x.end * conv->input.channels;
    const int8_t padding = (int8_t)conv->input_zero_point;
    const int32_t pitch = conv->input.width * conv->input.channels;
    int32_t tap;

    sum = edge_dot_1_s8(&padding, 0, weight, 1, y.begin * row, sum);
    for (tap = y.begin; tap < y.end; tap++) {
        const int8_t *taps = weight + tap * row;
        const int8_t *cells = input + (y.origin + tap * conv->dilation_height) * pitch;

        sum = edge_conv_row_1(conv, cells, taps, x, sum);
        sum = edge_dot_1_s8(&padding, 0, taps, 1, left, sum);
        sum = edge_dot_1_s8(&padding, 0, taps + right, 1, row - right, sum);
    }
    return edge_dot_1_s8(&padding, 0, weight + y.end * row, 1,
                         (conv->kernel_height - y.end) * row, sum);
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

/* All output channels at one position: cell is (O). */
EDGE_INLINE void edge_conv_cell(const edge_conv_t *conv, const int8_t *input, edge_span_t y,
                                edge_span_t x, int8_t *cell)
{
    const int32_t size = conv->kernel_height * conv->kernel_width * conv->input.channels;
    const int8_t *weight = conv->weight;
    int32_t channel = 0;

    for (; channel + 4 <= conv->output.channels; channel += 4) {
        edge_accumulators_t sums = edge_conv_bias_4(conv, channel);

        edge_conv_window_4(conv, input, weight, y, x, &sums);
        edge_conv_store_4(conv, channel, &sums, cell);
        weight += 4 * size;
    }
    for (; channel < conv->output.channels; channel++) {
        const int32_t sum = edge_conv_window_1(conv, input, weight, y, x, conv->bias[channel]);

        cell[channel] = edge_conv_output(conv, channel, sum);
        weight += size;
    }
}

/* input (H, W, I), output (OH, OW, O): the body, for calls whose sizes are literals. */
EDGE_INLINE void edge_conv_s8_inline(const edge_conv_t *conv, const int8_t *EDGE_RESTRICT input,
                                     int8_t *EDGE_RESTRICT output)
{
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

            edge_conv_cell(conv, input, y, x, output);
            output += conv->output.channels;
        }
    }
}

/* input (H, W, I), output (OH, OW, O) */
EDGE_KERNEL void edge_conv_s8(const edge_conv_t *conv, const int8_t *EDGE_RESTRICT input,
                              int8_t *EDGE_RESTRICT output)
{
    edge_conv_s8_inline(conv, input, output);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_S8_H */
