/* Depthwise convolution, int8, for cores with Helium: 16 channels of one pixel at a time, channel
 * multiplier 1. Cells are read through a list of addresses, as in arch/dsp; the list
 * stays while the window moves inside the input. */
#ifndef EDGE_DEPTHWISE_CONV_MVE_S8_H
#define EDGE_DEPTHWISE_CONV_MVE_S8_H

#include "../dsp/edge_depthwise_conv_dsp_s8.h"
#include "edge_conv_mve_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All channels at one pixel, whose cells lie `offset` values behind the listed ones. */
EDGE_INLINE void edge_depthwise_mve_pixel(const edge_conv_mve_t *layer, const int8_t *cells,
                                          int32_t taps, int32_t offset, int8_t *output)
{
    const edge_mve_range_t range = edge_conv_mve_range(&layer->shape);
    const int32_t channels = layer->shape.output.channels;
    const int8_t *weight = layer->weight;
    const int32_t *finish = layer->finish;
    int32_t channel = 0;

    for (; channel + 16 <= channels; channel += 16) {
        edge_mve_depthwise_16(cells, taps, offset + channel, 16, weight, finish, &range,
                              output + channel);
        weight += 16 * taps;
        finish += 4 * EDGE_MVE_FINISH_WORDS;
    }
    if (channel < channels) {
        edge_mve_depthwise_16(cells, taps, offset + channel, channels - channel, weight, finish,
                              &range, output + channel);
    }
}

/* One row of the output. */
EDGE_INLINE void edge_depthwise_mve_row(const edge_conv_mve_t *layer, const int8_t *input,
                                        edge_span_t y, const int8_t *zeros, int8_t *cells,
                                        int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    edge_window_t window;
    int was_inside = 0;
    int32_t offset = 0;
    int32_t column;

    window.y = y;
    for (column = 0; column < conv->output.width; column++) {
        window.x = edge_conv_columns(conv, column);
        if (was_inside && edge_conv_is_inside(conv, &window)) {
            offset += conv->stride_width * conv->input.channels;
        } else {
            offset = 0;
            edge_depthwise_dsp_list(conv, input, &window, zeros, cells);
        }
        was_inside = edge_conv_is_inside(conv, &window);
        edge_depthwise_mve_pixel(layer, cells, taps, offset, output);
        output += conv->output.channels;
    }
}

/* input (H, W, C), output (OH, OW, C); scratch aligned to 4, one address for each tap and C bytes.
 */
EDGE_KERNEL void edge_depthwise_conv_mve_s8(const edge_conv_mve_t *layer, const int8_t *input,
                                            int8_t *scratch, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    int8_t *zeros = scratch + taps * (int32_t)sizeof(const int8_t *);
    int32_t row;

    (void)edge_mve_fill(conv->input_zero_point, conv->input.channels, zeros);
    for (row = 0; row < conv->output.height; row++) {
        edge_depthwise_mve_row(layer, input, edge_conv_rows(conv, row), zeros, scratch, output);
        output += conv->output.width * conv->output.channels;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CONV_MVE_S8_H */
