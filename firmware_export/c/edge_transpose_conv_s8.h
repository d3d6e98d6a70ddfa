/* Transposed convolution, int8, one scale per output channel.
 *
 * Each output pixel gathers from the input pixels that reach it, so that no int32 image is needed.
 */
#ifndef EDGE_TRANSPOSE_CONV_S8_H
#define EDGE_TRANSPOSE_CONV_S8_H

#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which of `size` input rows reaches row `place` through kernel row 0; -1 for none. */
EDGE_INLINE int32_t edge_spread_source(int32_t place, int32_t stride, int32_t size)
{
    if (place < 0 || place % stride != 0 || place / stride >= size) {
        return -1;
    }
    return place / stride;
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

/* One row of the kernel against the input row that it sees: what it adds to the output column
 * `left` - crop_left; weight (kernel_width, input.channels). */
EDGE_INLINE int32_t edge_spread_row(const edge_transpose_conv_t *conv, const int8_t *row,
                                    const int8_t *weight, int32_t left)
{
    const int32_t channels = conv->input.channels;
    int32_t sum = 0;
    int32_t kx;

    for (kx = 0; kx < conv->kernel_width; kx++) {
        const int32_t x = edge_spread_source(left - kx, conv->stride_width, conv->input.width);

        if (x >= 0) {
            sum += edge_spread_dot(row + x * channels, weight + kx * channels, channels,
                                   conv->input_zero_point);
        }
    }
    return sum;
}

/* The accumulator of one output value, at (top - crop_top, left - crop_left), without bias. */
EDGE_INLINE int32_t edge_spread_sum(const edge_transpose_conv_t *conv, const int8_t *input,
                                    const int8_t *weight, int32_t top, int32_t left)
{
    const int32_t kernel_row = conv->kernel_width * conv->input.channels;
    const int32_t input_row = conv->input.width * conv->input.channels;
    int32_t sum = 0;
    int32_t ky;

    for (ky = 0; ky < conv->kernel_height; ky++) {
        const int32_t y = edge_spread_source(top - ky, conv->stride_height, conv->input.height);

        if (y >= 0) {
            sum += edge_spread_row(conv, input + y * input_row, weight + ky * kernel_row, left);
        }
    }
    return sum;
}

/* input, output: images */
EDGE_KERNEL void edge_transpose_conv_s8(const edge_transpose_conv_t *conv,
                                        const int8_t *EDGE_RESTRICT input,
                                        int8_t *EDGE_RESTRICT output)
{
    const int32_t window = conv->kernel_height * conv->kernel_width * conv->input.channels;
    int32_t y;
    int32_t x;
    int32_t c;

    for (y = 0; y < conv->output.height; y++) {
        for (x = 0; x < conv->output.width; x++) {
            for (c = 0; c < conv->output.channels; c++) {
                const int32_t sum = edge_spread_sum(conv, input, conv->weight + c * window,
                                                    y + conv->crop_top, x + conv->crop_left);
                const int32_t value = edge_requantize(sum + conv->bias[c], conv->multiplier[c],
                                                      conv->shift[c]);

                *output++ = edge_clamp_s8(value, conv->output_zero_point, conv->activation_min,
                                          conv->activation_max);
            }
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_TRANSPOSE_CONV_S8_H */
