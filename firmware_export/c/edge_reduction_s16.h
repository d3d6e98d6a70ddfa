/* Several values of int16 become one: pools and means. */
#ifndef EDGE_REDUCTION_S16_H
#define EDGE_REDUCTION_S16_H

#include "edge_axes.h"
#include "edge_pool_s8.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the cells of a window lie that the input has. */
typedef struct {
    int32_t first; /* in (H, W, C) */
    int32_t height;
    int32_t width;
} edge_pool_cells_t;

EDGE_INLINE edge_pool_cells_t edge_pool_cells(const edge_pool_t *pool, int32_t row, int32_t column)
{
    const edge_span_t y = edge_span(row * pool->stride_height - pool->pad_top,
                                    pool->kernel_height, 1, pool->input.height);
    const edge_span_t x = edge_span(column * pool->stride_width - pool->pad_left,
                                    pool->kernel_width, 1, pool->input.width);
    edge_pool_cells_t cells;

    cells.first = ((y.origin + y.begin) * pool->input.width + x.origin + x.begin) *
                  pool->input.channels;
    cells.height = y.end - y.begin;
    cells.width = x.end - x.begin;
    return cells;
}

/* The mean of one channel of the cells, rounded half away from 0; `input` begins at the channel. */
EDGE_INLINE int32_t edge_pool_mean_s16(const edge_pool_t *pool, const int16_t *input,
                                       const edge_pool_cells_t *cells)
{
    const int16_t *cell = input + cells->first;
    int32_t sum = 0;
    int32_t y;
    int32_t x;

    for (y = 0; y < cells->height; y++) {
        for (x = 0; x < cells->width; x++) {
            sum += cell[x * pool->input.channels];
        }
        cell += pool->input.width * pool->input.channels;
    }
    return edge_pool_divide(sum, cells->height * cells->width);
}

/* The greatest of one channel of the cells, likewise. */
EDGE_INLINE int32_t edge_pool_greatest_s16(const edge_pool_t *pool, const int16_t *input,
                                           const edge_pool_cells_t *cells)
{
    const int16_t *cell = input + cells->first;
    int32_t greatest = INT16_MIN;
    int32_t y;
    int32_t x;

    for (y = 0; y < cells->height; y++) {
        for (x = 0; x < cells->width; x++) {
            const int32_t value = cell[x * pool->input.channels];

            greatest = value > greatest ? value : greatest;
        }
        cell += pool->input.width * pool->input.channels;
    }
    return greatest;
}

/* input (H, W, C), output (OH, OW, C); at most 2^15 cells in a window */
EDGE_KERNEL void edge_average_pool_s16(const edge_pool_t *pool, const int16_t *EDGE_RESTRICT input,
                                       int16_t *EDGE_RESTRICT output)
{
    int32_t row;
    int32_t column;
    int32_t c;

    for (row = 0; row < pool->output.height; row++) {
        for (column = 0; column < pool->output.width; column++) {
            const edge_pool_cells_t cells = edge_pool_cells(pool, row, column);

            for (c = 0; c < pool->input.channels; c++) {
                *output++ = edge_clamp_s16(edge_pool_mean_s16(pool, input + c, &cells),
                                           pool->activation_min, pool->activation_max);
            }
        }
    }
}

/* input (H, W, C), output (OH, OW, C) */
EDGE_KERNEL void edge_max_pool_s16(const edge_pool_t *pool, const int16_t *EDGE_RESTRICT input,
                                   int16_t *EDGE_RESTRICT output)
{
    int32_t row;
    int32_t column;
    int32_t c;

    for (row = 0; row < pool->output.height; row++) {
        for (column = 0; column < pool->output.width; column++) {
            const edge_pool_cells_t cells = edge_pool_cells(pool, row, column);

            for (c = 0; c < pool->input.channels; c++) {
                *output++ = edge_clamp_s16(edge_pool_greatest_s16(pool, input + c, &cells),
                                           pool->activation_min, pool->activation_max);
            }
        }
    }
}

/* The sum over the reduced axes, from `input` on. */
EDGE_INLINE int32_t edge_mean_sum_s16(const edge_mean_t *mean, const int16_t *input)
{
    const int32_t outer = mean->reduced_axes - 1;
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = edge_axes_count(outer, mean->reduced_size);
    int32_t sum = 0;
    int32_t i;

    for (; rows > 0; rows--) {
        const int16_t *cell = input + edge_axes_offset(outer, index, mean->reduced_stride);

        for (i = 0; i < mean->reduced_size[outer]; i++) {
            sum += cell[i * mean->reduced_stride[outer]];
        }
        edge_axes_next(outer, mean->reduced_size, index);
    }
    return sum;
}

/* output holds the kept axes in order; at most 2^15 elements are reduced into one */
EDGE_KERNEL void edge_mean_s16(const edge_mean_t *mean, const int16_t *EDGE_RESTRICT input,
                               int16_t *EDGE_RESTRICT output)
{
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t outputs = edge_axes_count(mean->kept_axes, mean->kept_size);

    for (; outputs > 0; outputs--) {
        const int32_t at = edge_axes_offset(mean->kept_axes, index, mean->kept_stride);
        const int32_t sum = edge_mean_sum_s16(mean, input + at);

        *output++ =
            edge_clamp_s16(edge_requantize(sum, mean->requant.multiplier, mean->requant.shift),
                           INT16_MIN, INT16_MAX);
        edge_axes_next(mean->kept_axes, mean->kept_size, index);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_REDUCTION_S16_H */
