/* What a convolution's kernel reads at one pixel, side by side, padding and all. */
#ifndef EDGE_CONV_PATCH_S8_H
#define EDGE_CONV_PATCH_S8_H

#include "edge_bytes.h"
#include "edge_conv_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Any window, padding and all, as (KH, KW, I) in `patch`. */
EDGE_KERNEL void edge_conv_patch(const edge_conv_t *conv, const int8_t *input,
                                 const edge_window_t *window, int8_t *patch)
{
    const edge_runs_t runs = edge_conv_runs(conv, window->x);
    const int32_t channels = conv->input.channels;
    const int32_t left = window->x.begin * channels;
    const int32_t right = (conv->kernel_width - window->x.end) * channels;
    const int32_t row = conv->kernel_width * channels;
    const int32_t zero = conv->input_zero_point;
    const int8_t *cell = edge_conv_corner(conv, input, window);
    int32_t tap;
    int32_t i;

    patch = edge_bytes_fill(zero, window->y.begin * row, patch);
    for (tap = window->y.begin; tap < window->y.end; tap++) {
        patch = edge_bytes_fill(zero, left, patch);
        for (i = 0; i < runs.count; i++) {
            patch = edge_bytes_copy(cell + i * runs.step, runs.length, patch);
        }
        patch = edge_bytes_fill(zero, right, patch);
        cell += edge_conv_row_step(conv);
    }
    (void)edge_bytes_fill(zero, (conv->kernel_height - tap) * row, patch);
}

/* The window of an output column of `line`, as (KH, KW, I) in `patch`. */
EDGE_INLINE void edge_conv_gather(const edge_conv_t *conv, const edge_conv_line_t *line,
                                  const int8_t *input, int32_t column, int8_t *patch)
{
    const int8_t *cell;
    int32_t rows;
    int32_t i;

    if (!edge_conv_is_inner(line, column)) {
        const edge_window_t window = {line->y, edge_conv_columns(conv, column)};

        edge_conv_patch(conv, input, &window, patch);
        return;
    }
    cell = input + (line->start + column * line->step);
    for (rows = line->y.end; rows > 0; rows--) {
        for (i = 0; i < line->runs.count; i++) {
            patch = edge_bytes_copy(cell + i * line->runs.step, line->runs.length, patch);
        }
        cell += line->row_step;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_PATCH_S8_H */
