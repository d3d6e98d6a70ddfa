/* Convolution, int8, one scale per output channel. */
#ifndef EDGE_CONV_S8_H
#define EDGE_CONV_S8_H

#include "edge_arch.h"
#include "edge_requantize.h"
#include "edge_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The input rows that the window of an output row meets. */
EDGE_INLINE edge_span_t edge_conv_rows(const edge_conv_t *conv, int32_t row)
{
    return edge_span(row * conv->stride_height - conv->pad_top, conv->kernel_height,
                     conv->dilation_height, conv->input.height);
}

/* The input columns that the window of an output column meets. */
EDGE_INLINE edge_span_t edge_conv_columns(const edge_conv_t *conv, int32_t column)
{
    return edge_span(column * conv->stride_width - conv->pad_left, conv->kernel_width,
                     conv->dilation_width, conv->input.width);
}

/* Whether a window of the kernel lies in the input as a whole. */
EDGE_INLINE int edge_conv_is_inside(const edge_conv_t *conv, const edge_window_t *window)
{
    return window->y.end - window->y.begin == conv->kernel_height &&
           window->x.end - window->x.begin == conv->kernel_width;
}

/* The first cell of (H, W, I) that the window meets. */
EDGE_INLINE const int8_t *edge_conv_corner(const edge_conv_t *conv, const int8_t *input,
                                           const edge_window_t *window)
{
    const int32_t y = window->y.origin + window->y.begin * conv->dilation_height;
    const int32_t x = window->x.origin + window->x.begin * conv->dilation_width;

    return input + (y * conv->input.width + x) * conv->input.channels;
}

/* How far apart in the input two kernel rows are. */
EDGE_INLINE int32_t edge_conv_row_step(const edge_conv_t *conv)
{
    return conv->dilation_height * conv->input.width * conv->input.channels;
}

/* Neighbours in memory that a kernel row meets: `count` runs of `length` values each; the next run
 * lies `step` values on in the input, `length` on in the weights. */
typedef struct {
    int32_t count;
    int32_t length;
    int32_t step;
} edge_runs_t;

/* Without dilation the taps of a row are one run, with it each tap is one. */
EDGE_INLINE edge_runs_t edge_conv_runs(const edge_conv_t *conv, edge_span_t x)
{
    edge_runs_t runs;

    runs.count = 1;
    runs.length = (x.end - x.begin) * conv->input.channels;
    runs.step = conv->dilation_width * conv->input.channels;
    if (conv->dilation_width != 1) {
        runs.count = x.end - x.begin;
        runs.length = conv->input.channels;
    }
    return runs;
}

/* Adds the taps inside the input to the sums of four output channels; weight is (4, KH, KW, I). */
EDGE_INLINE void edge_conv_window_4(const edge_conv_t *conv, const int8_t *input,
                                    const int8_t *weight, const edge_window_t *window,
                                    edge_accumulators_t *sums)
{
    const edge_runs_t runs = edge_conv_runs(conv, window->x);
    const int32_t channels = conv->input.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t row_stride = conv->kernel_height * row;
    const int32_t row_step = edge_conv_row_step(conv);
    const int8_t *corner = edge_conv_corner(conv, input, window);
    int32_t tap;
    int32_t i;

    for (tap = window->y.begin; tap < window->y.end; tap++) {
        const int8_t *cell = corner + (tap - window->y.begin) * row_step;
        const int8_t *taps = weight + (tap * row + window->x.begin * channels);

        for (i = 0; i < runs.count; i++) {
            edge_dot_4_rows_s8(cell + i * runs.step, 1, taps + i * runs.length, row_stride,
                               runs.length, sums);
        }
    }
}

/* As edge_conv_window_4, for one output channel. */
EDGE_KERNEL int32_t edge_conv_window_1(const edge_conv_t *conv, const int8_t *input,
                                       const int8_t *weight, const edge_window_t *window,
                                       int32_t sum)
{
    const edge_runs_t runs = edge_conv_runs(conv, window->x);
    const int32_t channels = conv->input.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t row_step = edge_conv_row_step(conv);
    const int8_t *corner = edge_conv_corner(conv, input, window);
    int32_t tap;
    int32_t i;

    for (tap = window->y.begin; tap < window->y.end; tap++) {
        const int8_t *cell = corner + (tap - window->y.begin) * row_step;
        const int8_t *taps = weight + (tap * row + window->x.begin * channels);

        for (i = 0; i < runs.count; i++) {
            sum = edge_dot_1_s8(cell + i * runs.step, 1, taps + i * runs.length, 1, runs.length,
                                sum);
        }
    }
    return sum;
}

/* What the taps in the padding add to one output channel, weight (KH, KW, I): the zero point times
 * the weights, which the folded bias took off. */
EDGE_KERNEL int32_t edge_conv_padding_1(const edge_conv_t *conv, const int8_t *weight,
                                        const edge_window_t *window)
{
    const int32_t channels = conv->input.channels;
    const int32_t row = conv->kernel_width * channels;
    const int8_t one = 1;
    int32_t sum = 0;
    int32_t tap;

    for (tap = 0; tap < conv->kernel_height; tap++) {
        const int is_read = tap >= window->y.begin && tap < window->y.end;
        const int32_t left = is_read ? window->x.begin * channels : row;
        const int32_t right = is_read ? window->x.end * channels : row;

        sum = edge_dot_1_s8(&one, 0, weight, 1, left, sum);
        sum = edge_dot_1_s8(&one, 0, weight + right, 1, row - right, sum);
        weight += row;
    }
    return sum * conv->input_zero_point;
}

/* As edge_conv_padding_1, for four output channels: weight is (4, KH, KW, I). */
EDGE_KERNEL edge_accumulators_t edge_conv_padding_4(const edge_conv_t *conv, const int8_t *weight,
                                                    const edge_window_t *window)
{
    const int32_t channels = conv->input.channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t stride = conv->kernel_height * row;
    const int8_t zero = (int8_t)conv->input_zero_point;
    edge_accumulators_t sums = {0, 0, 0, 0};
    int32_t tap;

    for (tap = 0; tap < conv->kernel_height; tap++) {
        const int is_read = tap >= window->y.begin && tap < window->y.end;
        const int32_t left = is_read ? window->x.begin * channels : row;
        const int32_t right = is_read ? window->x.end * channels : row;

        edge_dot_4_rows_s8(&zero, 0, weight, stride, left, &sums);
        edge_dot_4_rows_s8(&zero, 0, weight + right, stride, row - right, &sums);
        weight += row;
    }
    return sums;
}

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

/* All output channels at one position: cell is (O). */
EDGE_INLINE void edge_conv_cell(const edge_conv_t *conv, const int8_t *input,
                                const edge_window_t *window, int8_t *cell)
{
    const int32_t size = conv->kernel_height * conv->kernel_width * conv->input.channels;
    const int is_inside = edge_conv_is_inside(conv, window);
    const int8_t *weight = conv->weight;
    int32_t channel = 0;

    for (; channel + 4 <= conv->output.channels; channel += 4) {
        edge_accumulators_t sums = edge_conv_bias_4(conv, channel);

        edge_conv_window_4(conv, input, weight, window, &sums);
        if (!is_inside) {
            edge_conv_add_4(&sums, edge_conv_padding_4(conv, weight, window));
        }
        edge_conv_store_4(conv, channel, &sums, cell);
        weight += 4 * size;
    }
    for (; channel < conv->output.channels; channel++) {
        int32_t sum = edge_conv_window_1(conv, input, weight, window, conv->bias[channel]);

        if (!is_inside) {
            sum += edge_conv_padding_1(conv, weight, window);
        }
        cell[channel] = edge_conv_output(conv, channel, sum);
        weight += size;
    }
}

/* input (H, W, I), output (OH, OW, O): the body, for calls whose sizes are literals. */
EDGE_INLINE void edge_conv_s8_inline(const edge_conv_t *conv, const int8_t *EDGE_RESTRICT input,
                                     int8_t *EDGE_RESTRICT output)
{
    edge_window_t window;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        window.y = edge_conv_rows(conv, row);
        for (column = 0; column < conv->output.width; column++) {
            window.x = edge_conv_columns(conv, column);
            edge_conv_cell(conv, input, &window, output);
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
