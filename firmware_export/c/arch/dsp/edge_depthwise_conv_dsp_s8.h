/* Depthwise convolution, int8, for cores with SMLAxy: four channels of one pixel at a time, a
 * multiple of 4 channels, channel multiplier 1. */
#ifndef EDGE_DEPTHWISE_CONV_DSP_S8_H
#define EDGE_DEPTHWISE_CONV_DSP_S8_H

#include "../../edge_depthwise_cells.h"
#include "edge_dsp_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All channels at one pixel, whose cells lie `offset` values behind the listed ones. */
EDGE_INLINE void edge_depthwise_dsp_pixel(const edge_conv_dsp_t *layer, const int8_t *cells,
                                          int32_t taps, int32_t offset, int8_t *output)
{
    const int32_t zero_point = layer->shape.output_zero_point;
    const int32_t end = offset + layer->shape.output.channels;
    const int32_t *weight = layer->weight;
    const int32_t *finish = layer->finish;

    for (; offset < end; offset += 4) {
        edge_dsp_finish_4(edge_dsp_taps_4(cells, taps, &weight, offset), &finish, zero_point,
                          &output);
    }
}

/* input (H, W, C), output (OH, OW, C); scratch aligned to 4, one address for each tap and C bytes.
 */
EDGE_KERNEL void edge_depthwise_conv_dsp_s8(const edge_conv_dsp_t *layer, const int8_t *input,
                                            int8_t *scratch, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    const int8_t *zeros = edge_depthwise_zeros(conv, scratch);
    int8_t *next = output;
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        const edge_conv_line_t line = edge_conv_line(conv, row);

        for (column = 0; column < conv->output.width; column++) {
            const int32_t offset = edge_depthwise_at(conv, &line, input, zeros, column, scratch);

            edge_depthwise_dsp_pixel(layer, scratch, taps, offset, next);
            next += conv->output.channels;
        }
    }
    edge_dsp_clamp(output, conv->output.height * conv->output.width * conv->output.channels,
                   conv->activation_min, conv->activation_max);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CONV_DSP_S8_H */
