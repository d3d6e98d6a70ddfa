/* Where the windows of a convolution lie in its input, depthwise or not. */
#ifndef EDGE_CONV_WINDOW_H
#define EDGE_CONV_WINDOW_H

#include "edge_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The input rows that the window of an output row meets. */
EDGE_INLINE edge_span_t edge_conv_rows(const edge_conv_t *conv, int32_t row)
{
    return edge_span(row * conv->stride_height - conv->pad_top, conv->kernel_height,
                     conv->dilation_height, conv->input.height);
}

/* The input columns that the window of an output column meets. */
EDGE_INLINE edge_span_t edge_conv_columns(const edge_conv_t *conv, int32_t column)
{
    return edge_span(column * conv->stride_width - conv->pad_left, conv->kernel_width,
                     conv->dilation_width, conv->input.width);
}

/* Whether a window of the kernel lies in the input as a whole. */
EDGE_INLINE int edge_conv_is_inside(const edge_conv_t *conv, const edge_window_t *window)
{
    return window->y.end - window->y.begin == conv->kernel_height &&
           window->x.end - window->x.begin == conv->kernel_width;
}

/* The output columns whose windows lie in the input's width as a whole. */
EDGE_INLINE edge_range_t edge_conv_inner_columns(const edge_conv_t *conv)
{
    return edge_inner(conv->output.width, conv->stride_width, conv->pad_left,
                      (conv->kernel_width - 1) * conv->dilation_width, conv->input.width);
}

/* Where the first cell that the window meets lies in (H, W, I). */
EDGE_INLINE int32_t edge_conv_corner_at(const edge_conv_t *conv, const edge_window_t *window)
{
    const int32_t y = window->y.origin + window->y.begin * conv->dilation_height;
    const int32_t x = window->x.origin + window->x.begin * conv->dilation_width;

    return (y * conv->input.width + x) * conv->input.channels;
}

/* That cell. */
EDGE_INLINE const int8_t *edge_conv_corner(const edge_conv_t *conv, const int8_t *input,
                                           const edge_window_t *window)
{
    return input + edge_conv_corner_at(conv, window);
}

/* How far apart in the input two kernel rows are. */
EDGE_INLINE int32_t edge_conv_row_step(const edge_conv_t *conv)
{
    return conv->dilation_height * conv->input.width * conv->input.channels;
}

/* Neighbours in memory that a kernel row meets: `count` runs of `length` values each; the next run
 * lies `step` values on in the input, `length` on in the weights. */
typedef struct {
    int32_t count;
    int32_t length;
    int32_t step;
} edge_runs_t;

/* Without dilation the taps of a row are one run, with it each tap is one. */
EDGE_INLINE edge_runs_t edge_conv_runs(const edge_conv_t *conv, edge_span_t x)
{
    edge_runs_t runs;

    runs.count = 1;
    runs.length = (x.end - x.begin) * conv->input.channels;
    runs.step = conv->dilation_width * conv->input.channels;
    if (conv->dilation_width != 1) {
        runs.count = x.end - x.begin;
        runs.length = conv->input.channels;
    }
    return runs;
}

/* One row of the output, and what its windows that lie inside the input have in common. */
typedef struct {
    edge_span_t y;
    edge_range_t inner;   /* the columns of these windows */
    int32_t start;        /* where the window of column 0 would start in the input */
    int32_t step;         /* how far the next one is from there */
    edge_runs_t runs;     /* of each kernel row */
    int32_t row_step;     /* from one kernel row to the next */
} edge_conv_line_t;

EDGE_INLINE edge_conv_line_t edge_conv_line(const edge_conv_t *conv, int32_t row)
{
    const edge_span_t whole = {0, 0, conv->kernel_width};
    const int32_t channels = conv->input.channels;
    edge_conv_line_t line;

    line.y = edge_conv_rows(conv, row);
    line.inner = edge_conv_inner_columns(conv);
    if (line.y.end - line.y.begin != conv->kernel_height) {
        line.inner.end = line.inner.begin; /* none */
    }
    line.start = (line.y.origin * conv->input.width - conv->pad_left) * channels;
    line.step = conv->stride_width * channels;
    line.runs = edge_conv_runs(conv, whole);
    line.row_step = edge_conv_row_step(conv);
    return line;
}

EDGE_INLINE int edge_conv_is_inner(const edge_conv_line_t *line, int32_t column)
{
    return column >= line->inner.begin && column < line->inner.end;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_WINDOW_H */
