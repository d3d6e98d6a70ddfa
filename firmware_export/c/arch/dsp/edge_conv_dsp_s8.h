/* Convolution, int8, for cores with SMLAD: two channels at two pixels at a time. */
#ifndef EDGE_CONV_DSP_S8_H
#define EDGE_CONV_DSP_S8_H

#include "../../edge_conv_patch_s8.h"
#include "edge_dsp_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the next output pixel reads. */
typedef struct {
    edge_window_t window;
    int32_t row;
    int32_t column;
    int is_pointwise; /* 1 x 1, one pixel after the other, nothing but whole words */
    const int8_t *next; /* where it is so */
} edge_conv_cursor_t;

EDGE_INLINE edge_conv_cursor_t edge_conv_dsp_start(const edge_conv_t *conv, const int8_t *input)
{
    edge_conv_cursor_t cursor;

    cursor.is_pointwise = conv->kernel_height == 1 && conv->kernel_width == 1 &&
                          conv->stride_height == 1 && conv->stride_width == 1 &&
                          conv->input.height == conv->output.height &&
                          conv->input.width == conv->output.width && conv->pad_top == 0 &&
                          conv->pad_left == 0 && (conv->input.channels & 3) == 0;
    cursor.next = input;
    cursor.row = 0;
    cursor.column = 0;
    cursor.window.y = edge_conv_rows(conv, 0);
    cursor.window.x = edge_conv_columns(conv, 0);
    return cursor;
}

EDGE_INLINE void edge_conv_dsp_next(const edge_conv_t *conv, edge_conv_cursor_t *cursor)
{
    cursor->column++;
    if (cursor->column == conv->output.width) {
        cursor->column = 0;
        cursor->row++;
        cursor->window.y = edge_conv_rows(conv, cursor->row);
    }
    cursor->window.x = edge_conv_columns(conv, cursor->column);
}

/* Values a kernel reads at one pixel, rounded up to words; the weights of the rest are 0. */
EDGE_INLINE int32_t edge_conv_dsp_groups(const edge_conv_t *conv)
{
    return (conv->kernel_height * conv->kernel_width * conv->input.channels + 3) >> 2;
}

/* Expands the window inside the input straight away: input channels are a multiple of 4. */
EDGE_INLINE void edge_conv_dsp_inside(const edge_conv_t *conv, const int8_t *input,
                                      const edge_window_t *window, int8_t *columns)
{
    const edge_runs_t runs = edge_conv_runs(conv, window->x);
    const int8_t *cell = edge_conv_corner(conv, input, window);
    int32_t tap;
    int32_t i;

    for (tap = 0; tap < conv->kernel_height; tap++) {
        for (i = 0; i < runs.count; i++) {
            edge_dsp_expand(cell + i * runs.step, runs.length >> 2, columns);
            columns += runs.length << 2;
        }
        cell += edge_conv_row_step(conv);
    }
}

/* Expands what one pixel reads into its half of `columns`; `patch` is room for edge_conv_patch,
 * needed at the border and where the channels fill no words. */
EDGE_KERNEL void edge_conv_dsp_gather(const edge_conv_t *conv, const int8_t *input,
                                      edge_conv_cursor_t *cursor, int8_t *patch, int8_t *columns)
{
    if (cursor->is_pointwise) {
        edge_dsp_expand(cursor->next, conv->input.channels >> 2, columns);
        cursor->next += conv->input.channels;
        return;
    }
    if ((conv->input.channels & 3) == 0 && edge_conv_is_inside(conv, &cursor->window)) {
        edge_conv_dsp_inside(conv, input, &cursor->window, columns);
    } else {
        edge_conv_patch(conv, input, &cursor->window, patch);
        edge_dsp_expand(patch, edge_conv_dsp_groups(conv), columns);
    }
    edge_conv_dsp_next(conv, cursor);
}

/* Makes the second pixel of `columns` the first one's like. */
EDGE_INLINE void edge_conv_dsp_repeat(int32_t groups, int8_t *columns)
{
    for (; groups > 0; groups--) {
        (void)memcpy(columns + 8, columns, 8);
        columns += 16;
    }
}

/* All channels of two pixels, whose outputs may be the same. */
EDGE_KERNEL void edge_conv_dsp_pixels(const edge_conv_dsp_t *layer, const int8_t *columns,
                                      int8_t *first, int8_t *second)
{
    const int32_t zero_point = layer->shape.output_zero_point;
    const int32_t groups = edge_conv_dsp_groups(&layer->shape);
    const int32_t *weight = layer->weight;
    const int32_t *finish = layer->finish;
    int32_t pairs = layer->shape.output.channels >> 1;

    for (; pairs > 0; pairs--) {
        edge_dsp_finish_2x2(edge_dsp_dot_2x2(&weight, columns, groups), &finish, zero_point,
                            &first, &second);
    }
    if ((layer->shape.output.channels & 1) != 0) {
        int8_t last[4];
        int8_t *last_first = last;
        int8_t *last_second = last + 2;

        edge_dsp_finish_2x2(edge_dsp_dot_2x2(&weight, columns, groups), &finish, zero_point,
                            &last_first, &last_second);
        *first = last[0];
        *second = last[2];
    }
}

/* input (H, W, I), output (OH, OW, O); scratch aligned to 4, of 4 bytes for each value that the
 * kernel reads at one pixel and 1 more for its patch, values rounded up to a multiple of 4. */
EDGE_KERNEL void edge_conv_dsp_s8(const edge_conv_dsp_t *layer, const int8_t *input,
                                  int8_t *scratch, int8_t *output)
{
    const edge_conv_t *conv = &layer->shape;
    const int32_t groups = edge_conv_dsp_groups(conv);
    const int32_t pixels = conv->output.height * conv->output.width;
    int8_t *patch = scratch + 16 * groups;
    edge_conv_cursor_t cursor = edge_conv_dsp_start(conv, input);
    int32_t pixel;

    (void)memset(patch + 4 * (groups - 1), 0, 4); /* not all of it may be written later */
    for (pixel = 0; pixel < pixels; pixel += 2) {
        int8_t *first = output + pixel * conv->output.channels;
        int8_t *second = first;

        edge_conv_dsp_gather(conv, input, &cursor, patch, scratch);
        if (pixel + 1 < pixels) {
            second += conv->output.channels;
            edge_conv_dsp_gather(conv, input, &cursor, patch, scratch + 8);
        } else {
            edge_conv_dsp_repeat(groups, scratch);
        }
        edge_conv_dsp_pixels(layer, scratch, first, second);
    }
    edge_dsp_clamp(output, pixels * conv->output.channels, conv->activation_min,
                   conv->activation_max);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_DSP_S8_H */
