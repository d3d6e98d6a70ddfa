/* The cells that a depthwise window reads, as a list of addresses: a padded cell's is that of a
 * line of zero points, so that border and interior run the same loop, and no padded copy is made.
 * While the window moves along inside the input the list stays, and an offset grows. */
#ifndef EDGE_DEPTHWISE_CELLS_H
#define EDGE_DEPTHWISE_CELLS_H

#include "edge_bytes.h"
#include "edge_conv_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the address of each cell of a window, row by row, into `cells`. */
EDGE_KERNEL void edge_depthwise_list(const edge_conv_t *conv, const int8_t *input,
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

/* Fills the line of zero points, which lies behind the list, and returns it. */
EDGE_INLINE const int8_t *edge_depthwise_zeros(const edge_conv_t *conv, int8_t *cells)
{
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    int8_t *zeros = cells + taps * (int32_t)sizeof(const int8_t *);

    (void)edge_bytes_fill(conv->input_zero_point, conv->input.channels, zeros);
    return zeros;
}

/* Where the window of an output column is, the columns being taken in order: `cells` is listed anew
 * where that must be, else the cells lie behind the listed ones by what is returned. */
EDGE_INLINE int32_t edge_depthwise_at(const edge_conv_t *conv, const edge_conv_line_t *line,
                                      const int8_t *input, const int8_t *zeros, int32_t column,
                                      int8_t *cells)
{
    if (column <= line->inner.begin || column >= line->inner.end) {
        const edge_window_t window = {line->y, edge_conv_columns(conv, column)};

        edge_depthwise_list(conv, input, &window, zeros, cells);
        return 0;
    }
    return (column - line->inner.begin) * line->step;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DEPTHWISE_CELLS_H */
