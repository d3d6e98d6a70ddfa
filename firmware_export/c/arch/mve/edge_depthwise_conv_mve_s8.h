/* Depthwise convolution, int8, for cores with Helium: 16 channels of one pixel at a time, or fewer
 * of several pixels, channel multiplier 1. */
#ifndef EDGE_DEPTHWISE_CONV_MVE_S8_H
#define EDGE_DEPTHWISE_CONV_MVE_S8_H

#include "../../edge_depthwise_cells.h"
#include "edge_conv_mve_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `count` steps along a row of `values` outputs each, the channels of one pixel or of several. The
 * cells of the first step lie `offset` values behind the listed ones, those of the next `step`
 * values on. */
typedef struct {
    int32_t count;
    int32_t values;
    int32_t offset;
    int32_t step;
} edge_depthwise_run_t;

EDGE_KERNEL void edge_depthwise_mve_run(const edge_conv_mve_t *layer, const int8_t *cells,
                                        const edge_depthwise_run_t *run, int8_t *output)
{
    const edge_mve_range_t range = edge_conv_mve_range(&layer->shape);
    const int32_t taps = layer->shape.kernel_height * layer->shape.kernel_width;
    const int8_t *weight = layer->weight;
    const int32_t *finish = layer->finish;
    const int32_t values = run->values;
    const int32_t step = run->step;
    int32_t value;

    for (value = 0; value < values; value += 16) {
        const int32_t count = edge_min(values - value, 16);
        int32_t offset = run->offset + value;
        int8_t *next = output + value;
        int32_t steps = run->count;

        for (; steps > 0; steps--) {
            edge_mve_depthwise_16(cells, taps, offset, count, weight, finish, &range, next);
            offset += step;
            next += values;
        }
        weight += 16 * taps;
        finish += EDGE_MVE_DEPTHWISE_WORDS;
    }
}

/* Pixels side by side whose windows lie inside the input, or a single one, from the list of its
 * cells. As many as fit 16 values are made together where their cells lie side by side, too; the
 * tables repeat so few channels. */
EDGE_INLINE void edge_depthwise_mve_pixels(const edge_conv_mve_t *layer, const int8_t *cells,
                                           int32_t pixels, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t channels = conv->output.channels;
    const int32_t step = conv->stride_width * channels;
    const int32_t together = step == channels && channels < 16 ? 16 / channels : 1;
    edge_depthwise_run_t run;

    run.count = pixels / together;
    run.values = together * channels;
    run.offset = 0;
    run.step = together * step;
    edge_depthwise_mve_run(layer, cells, &run, output);
    if (run.count * together < pixels) {
        run.offset = run.count * run.step;
        output += run.count * run.values;
        run.values = (pixels - run.count * together) * channels;
        run.count = 1;
        edge_depthwise_mve_run(layer, cells, &run, output);
    }
}

/* input (H, W, C), output (OH, OW, C); scratch aligned to 4, one address for each tap and C bytes.
 */
EDGE_KERNEL void edge_depthwise_conv_mve_s8(const edge_conv_mve_t *layer, const int8_t *input,
                                            int8_t *scratch, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int8_t *zeros = edge_depthwise_zeros(conv, scratch);
    int32_t row;
    int32_t column;
    int32_t pixels;

    for (row = 0; row < conv->output.height; row++) {
        const edge_conv_line_t line = edge_conv_line(conv, row);

        for (column = 0; column < conv->output.width; column += pixels) {
            (void)edge_depthwise_at(conv, &line, input, zeros, column, scratch);
            pixels = edge_conv_is_inner(&line, column) ? line.inner.end - column : 1;
            edge_depthwise_mve_pixels(layer, scratch, pixels, output);
            output += pixels * conv->output.channels;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CONV_MVE_S8_H */
