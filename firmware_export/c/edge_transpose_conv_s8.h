/* Transposed convolution, int8, one scale per output channel.
 *
 * Each output pixel gathers from the input pixels that reach it, so that no int32 image is needed.
 */
#ifndef EDGE_TRANSPOSE_CONV_S8_H
#define EDGE_TRANSPOSE_CONV_S8_H

#include "edge_moving_types.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first input row, from `first` on, whose window of `kernel` rows ends behind row `place`.
 * Places only grow, so that `first` is where the last search ended; no division is needed. */
EDGE_INLINE int32_t edge_spread_first(int32_t first, int32_t place, int32_t kernel, int32_t stride)
{
    while (first * stride + kernel <= place) {
        first++;
    }
    return first;
}

/* sum of (input - zero point) * weight over the channels of one pixel */
EDGE_INLINE int32_t edge_spread_dot(const int8_t *input, const int8_t *weight, int32_t channels,
                                    int32_t zero_point)
{
    int32_t sum = 0;
    int32_t i;

    for (i = 0; i < channels; i++) {
        sum += (input[i] - zero_point) * weight[i];
    }
    return sum;
}

/* Where an output pixel lies among the windows, and the first input pixel that reaches it. */
typedef struct {
    int32_t top;
    int32_t left;
    int32_t first_row;
    int32_t first_column;
} edge_spread_t;

/* What input row `row` adds through kernel row `weight` (kernel_width, input.channels). */
EDGE_INLINE int32_t edge_spread_row(const edge_transpose_conv_t *conv, const edge_spread_t *at,
                                    const int8_t *row, const int8_t *weight)
{
    const int32_t channels = conv->input.channels;
    int32_t sum = 0;
    int32_t x;

    for (x = at->first_column; x < conv->input.width && x * conv->stride_width <= at->left; x++) {
        const int32_t kernel_x = at->left - x * conv->stride_width;

        sum += edge_spread_dot(row + x * channels, weight + kernel_x * channels, channels,
                               conv->input_zero_point);
    }
    return sum;
}

/* The accumulator of one output value, without bias; weight (kernel..., input.channels). */
EDGE_INLINE int32_t edge_spread_sum(const edge_transpose_conv_t *conv, const edge_spread_t *at,
                                    const int8_t *input, const int8_t *weight)
{
    const int32_t kernel_row = conv->kernel_width * conv->input.channels;
    const int32_t input_row = conv->input.width * conv->input.channels;
    int32_t sum = 0;
    int32_t y;

    for (y = at->first_row; y < conv->input.height && y * conv->stride_height <= at->top; y++) {
        const int32_t kernel_y = at->top - y * conv->stride_height;

        sum += edge_spread_row(conv, at, input + y * input_row, weight + kernel_y * kernel_row);
    }
    return sum;
}

/* All channels of one output pixel; output (output.channels) */
EDGE_INLINE void edge_spread_pixel(const edge_transpose_conv_t *conv, const edge_spread_t *at,
                                   const int8_t *input, int8_t *output)
{
    const int32_t window = conv->kernel_height * conv->kernel_width * conv->input.channels;
    int32_t c;

    for (c = 0; c < conv->output.channels; c++) {
        const int32_t sum = edge_spread_sum(conv, at, input, conv->weight + c * window);
        const int32_t value =
            edge_requantize(sum + conv->bias[c], conv->multiplier[c], conv->shift[c]);

        output[c] = edge_clamp_s8(value, conv->output_zero_point, conv->activation_min,
                                  conv->activation_max);
    }
}

/* input, output: images */
EDGE_KERNEL void edge_transpose_conv_s8(const edge_transpose_conv_t *conv,
                                        const int8_t *EDGE_RESTRICT input,
                                        int8_t *EDGE_RESTRICT output)
{
    edge_spread_t at = {0, 0, 0, 0};
    int32_t y;
    int32_t x;

    for (y = 0; y < conv->output.height; y++) {
        at.top = y + conv->crop_top;
        at.first_row = edge_spread_first(at.first_row, at.top, conv->kernel_height,
                                         conv->stride_height);
        at.first_column = 0;
        for (x = 0; x < conv->output.width; x++) {
            at.left = x + conv->crop_left;
            at.first_column = edge_spread_first(at.first_column, at.left, conv->kernel_width,
                                                conv->stride_width);
            edge_spread_pixel(conv, &at, input, output);
            output += conv->output.channels;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_TRANSPOSE_CONV_S8_H */
