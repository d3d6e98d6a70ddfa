/* Convolution, int8, for cores with Helium: four channels of one pixel at a time. */
#ifndef EDGE_CONV_MVE_S8_H
#define EDGE_CONV_MVE_S8_H

#include "../../edge_conv_patch_s8.h"
#include "edge_mve.h"

#ifdef __cplusplus
extern "C" {
#endif

EDGE_INLINE edge_mve_range_t edge_conv_mve_range(const edge_conv_t *conv)
{
    edge_mve_range_t range;

    range.zero_point = conv->output_zero_point;
    range.minimum = conv->activation_min;
    range.maximum = conv->activation_max;
    return range;
}

/* All channels at one pixel, from the `size` values that its window reads. */
EDGE_INLINE void edge_conv_mve_pixel(const edge_conv_mve_t *layer, const edge_mve_range_t *range,
                                     const int8_t *values, int32_t size, int8_t *output)
{
    const int32_t weights = 4 * edge_mve_whole(size);
    const int8_t *weight = layer->weight;
    const int32_t *finish = layer->finish;
    int32_t channels = layer->shape.output.channels;

    for (; channels >= 4; channels -= 4) {
        edge_mve_conv_4(weight, finish, values, size, range, 4, output);
        weight += weights;
        finish += EDGE_MVE_FINISH_WORDS;
        output += 4;
    }
    if (channels > 0) {
        edge_mve_conv_4(weight, finish, values, size, range, channels, output);
    }
}

/* input (H, W, I), output (OH, OW, O); scratch holds the KH * KW * I values of one pixel */
EDGE_KERNEL void edge_conv_mve_s8(const edge_conv_mve_t *layer, const int8_t *input,
                                  int8_t *scratch, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const edge_mve_range_t range = edge_conv_mve_range(conv);
    const int32_t size = conv->kernel_height * conv->kernel_width * conv->input.channels;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const edge_conv_line_t line = edge_conv_line(conv, row);

        for (column = 0; column < conv->output.width; column++) {
            edge_conv_gather(conv, &line, input, column, scratch);
            edge_conv_mve_pixel(layer, &range, scratch, size, output);
            output += conv->output.channels;
        }
    }
}

/* input (H, W, I), output (OH, OW, O); the kernel is 1 x 1, without padding */
EDGE_KERNEL void edge_pointwise_conv_mve_s8(const edge_conv_mve_t *layer, const int8_t *input,
                                            int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const edge_mve_range_t range = edge_conv_mve_range(conv);
    const int32_t channels = conv->input.channels;
    const int32_t step = conv->stride_width * channels;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const int8_t *cell = input + row * conv->stride_height * conv->input.width * channels;

        for (column = 0; column < conv->output.width; column++) {
            edge_conv_mve_pixel(layer, &range, cell, channels, output);
            cell += step;
            output += conv->output.channels;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_MVE_S8_H */
