/* Convolution, int8, one scale per output channel: four channels of one pixel at a time. */
#ifndef EDGE_CONV_S8_H
#define EDGE_CONV_S8_H

#include "edge_conv_finish_s8.h"
#include "edge_conv_patch_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All channels at one pixel, from the `size` values that its window reads. */
EDGE_INLINE void edge_conv_pixel(const edge_conv_t *conv, const int8_t *values, int32_t size,
                                 int8_t *output)
{
    const int8_t *weight = conv->weight;
    int32_t channel = 0;

    for (; channel + 4 <= conv->output.channels; channel += 4) {
        edge_accumulators_t sums = edge_conv_bias_4(conv, channel);

        edge_dot_4_s8(values, weight, size, size, &sums);
        edge_conv_store_4(conv, channel, &sums, output);
        weight += 4 * size;
    }
    for (; channel < conv->output.channels; channel++) {
        const int32_t sum = edge_dot_1_s8(values, weight, size, conv->bias[channel]);

        output[channel] = edge_conv_output(conv, channel, sum);
        weight += size;
    }
}

/* input (H, W, I), output (OH, OW, O); scratch holds the KH * KW * I values of one pixel. It is not
 * `restrict`: GCC would make a call of memmove of each short copy into it. */
EDGE_KERNEL void edge_conv_s8(const edge_conv_t *EDGE_RESTRICT conv, const int8_t *input,
                              int8_t *scratch, int8_t *output)
{
    const int32_t size = conv->kernel_height * conv->kernel_width * conv->input.channels;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const edge_conv_line_t line = edge_conv_line(conv, row);

        for (column = 0; column < conv->output.width; column++) {
            edge_conv_gather(conv, &line, input, column, scratch);
            edge_conv_pixel(conv, scratch, size, output);
            output += conv->output.channels;
        }
    }
}

/* input (H, W, I), output (OH, OW, O); the kernel is 1 x 1, without padding */
EDGE_KERNEL void edge_pointwise_conv_s8(const edge_conv_t *EDGE_RESTRICT conv, const int8_t *input,
                                        int8_t *output)
{
    const int32_t channels = conv->input.channels;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const int8_t *cell = input + row * conv->stride_height * conv->input.width * channels;

        for (column = 0; column < conv->output.width; column++) {
            edge_conv_pixel(conv, cell, channels, output);
            cell += conv->stride_width * channels;
            output += conv->output.channels;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_S8_H */
