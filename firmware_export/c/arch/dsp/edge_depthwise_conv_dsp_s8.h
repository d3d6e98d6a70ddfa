/* Depthwise convolution, int8, for cores with SMLAxy: four channels of one pixel at a time, a
 * multiple of 4 channels, channel multiplier 1.
 *
 * The addresses of the cells that a window reads stand in a list, and a padded cell's is that of a
 * line of zero points: so border and interior run the same loop, and no padded copy is made. */
#ifndef EDGE_DEPTHWISE_CONV_DSP_S8_H
#define EDGE_DEPTHWISE_CONV_DSP_S8_H

#include "../../edge_conv_s8.h"
#include "edge_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the address of each cell of a window, row by row, into `cells`. */
EDGE_KERNEL void edge_depthwise_dsp_list(const edge_conv_t *conv, const int8_t *input,
                                         const edge_window_t *window, const int8_t *zeros,
                                         int8_t *cells)
{
    const int8_t *corner = edge_conv_corner(conv, input, window);
    const int32_t step = conv->dilation_width * conv->input.channels;
    int32_t y;
    int32_t x;

    for (y = 0; y < conv->kernel_height; y++) {
        const int is_read = y >= window->y.begin && y < window->y.end;
        const int8_t *next = corner;

        for (x = 0; x < conv->kernel_width; x++) {
            const int8_t *cell = zeros;

            if (is_read && x >= window->x.begin && x < window->x.end) {
                cell = next;
                next += step;
            }
            (void)memcpy(cells, &cell, sizeof cell);
            cells += sizeof cell;
        }
        if (is_read) {
            corner += edge_conv_row_step(conv);
        }
    }
}

/* Moves every address on, from one window inside the input to the next. */
EDGE_INLINE void edge_depthwise_dsp_move(int8_t *cells, int32_t taps, int32_t step)
{
    for (; taps > 0; taps--) {
        const int8_t *cell;

        (void)memcpy(&cell, cells, sizeof cell);
        cell += step;
        (void)memcpy(cells, &cell, sizeof cell);
        cells += sizeof cell;
    }
}

/* All channels at one pixel. */
EDGE_INLINE void edge_depthwise_dsp_pixel(const edge_conv_dsp_t *layer, const int8_t *cells,
                                          int32_t taps, int8_t *output)
{
    const int32_t zero_point = layer->shape.output_zero_point;
    const int32_t *weight = layer->weight;
    const int32_t *finish = layer->finish;
    int32_t channel;

    for (channel = 0; channel < layer->shape.output.channels; channel += 4) {
        edge_dsp_finish_4(edge_dsp_taps_4(cells, taps, &weight, channel), &finish, zero_point,
                          &output);
    }
}

/* One row of the output. */
EDGE_INLINE void edge_depthwise_dsp_row(const edge_conv_dsp_t *layer, const int8_t *input,
                                        edge_span_t y, const int8_t *zeros, int8_t *cells,
                                        int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    edge_window_t window;
    int was_inside = 0;
    int32_t column;

    window.y = y;
    for (column = 0; column < conv->output.width; column++) {
        window.x = edge_conv_columns(conv, column);
        if (was_inside && edge_conv_is_inside(conv, &window)) {
            edge_depthwise_dsp_move(cells, taps, conv->stride_width * conv->input.channels);
        } else {
            edge_depthwise_dsp_list(conv, input, &window, zeros, cells);
        }
        was_inside = edge_conv_is_inside(conv, &window);
        edge_depthwise_dsp_pixel(layer, cells, taps, output);
        output += conv->output.channels;
    }
}

/* input (H, W, C), output (OH, OW, C); scratch aligned to 4, one address for each tap and C bytes.
 */
EDGE_KERNEL void edge_depthwise_conv_dsp_s8(const edge_conv_dsp_t *layer, const int8_t *input,
                                            int8_t *scratch, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    int8_t *zeros = scratch + taps * (int32_t)sizeof(const int8_t *);
    int8_t *next = output;
    int32_t row;

    (void)memset(zeros, conv->input_zero_point, (size_t)conv->input.channels);
    for (row = 0; row < conv->output.height; row++) {
        edge_depthwise_dsp_row(layer, input, edge_conv_rows(conv, row), zeros, scratch, next);
        next += conv->output.width * conv->output.channels;
    }
    edge_dsp_clamp(output, conv->output.height * conv->output.width * conv->output.channels,
                   conv->activation_min, conv->activation_max);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CONV_DSP_S8_H */
