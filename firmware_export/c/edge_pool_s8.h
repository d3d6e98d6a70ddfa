/* Average pooling and max pooling, int8. */
#ifndef EDGE_POOL_S8_H
#define EDGE_POOL_S8_H

#include "edge_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* sum / count, rounded half away from 0; count >= 1 */
EDGE_INLINE int32_t edge_pool_divide(int32_t sum, int32_t count)
{
#if defined(__clang_analyzer__) /* which does not know that every window meets a cell */
    count = count < 1 ? 1 : count;
#endif
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

EDGE_INLINE int8_t edge_pool_clamp(const edge_pool_t *pool, int32_t value)
{
    const int32_t raised = value < pool->activation_min ? pool->activation_min : value;

    return (int8_t)edge_min(raised, pool->activation_max);
}

/* The sum of one channel over a window of (height, width) cells. */
EDGE_INLINE int32_t edge_pool_sum(const int8_t *input, int32_t height, int32_t width,
                                  int32_t pitch, int32_t channels)
{
    int32_t sum = 0;
    int32_t i;

    for (; height > 0; height--) {
        const int8_t *cell = input;

        for (i = 0; i < width; i++) {
            sum += *cell;
            cell += channels;
        }
        input += pitch;
    }
    return sum;
}

/* The greatest value of one channel over a window of (height, width) cells. */
EDGE_INLINE int32_t edge_pool_greatest(const int8_t *input, int32_t height, int32_t width,
                                       int32_t pitch, int32_t channels)
{
    int32_t greatest = INT8_MIN;
    int32_t i;

    for (; height > 0; height--) {
        const int8_t *cell = input;

        for (i = 0; i < width; i++) {
            greatest = *cell > greatest ? *cell : greatest;
            cell += channels;
        }
        input += pitch;
    }
    return greatest;
}

/* The cells of one window: the first one, and how many there are each way. */
typedef struct {
    const int8_t *first;
    int32_t height;
    int32_t width;
} edge_pool_window_t;

/* The window of output cell (row, column), without what lies outside the input. */
EDGE_INLINE edge_pool_window_t edge_pool_window(const edge_pool_t *pool, const int8_t *input,
                                                int32_t row, int32_t column)
{
    const edge_span_t y = edge_span(row * pool->stride_height - pool->pad_top,
                                    pool->kernel_height, 1, pool->input.height);
    const edge_span_t x = edge_span(column * pool->stride_width - pool->pad_left,
                                    pool->kernel_width, 1, pool->input.width);
    edge_pool_window_t window;

    window.first = input + ((y.origin + y.begin) * pool->input.width + x.origin + x.begin) *
                               pool->input.channels;
    window.height = y.end - y.begin;
    window.width = x.end - x.begin;
    return window;
}

/* input (H, W, C), output (OH, OW, C) */
EDGE_KERNEL void edge_average_pool_s8(const edge_pool_t *EDGE_RESTRICT pool, const int8_t *input,
                                      int8_t *output)
{
    const int32_t channels = pool->input.channels;
    const int32_t pitch = pool->input.width * channels;
    int32_t row;
    int32_t column;
    int32_t c;

    for (row = 0; row < pool->output.height; row++) {
        for (column = 0; column < pool->output.width; column++) {
            const edge_pool_window_t window = edge_pool_window(pool, input, row, column);

            for (c = 0; c < channels; c++) {
                const int32_t sum = edge_pool_sum(window.first + c, window.height, window.width,
                                                  pitch, channels);

                *output++ = edge_pool_clamp(
                    pool, edge_pool_divide(sum, window.height * window.width));
            }
        }
    }
}

/* input (H, W, C), output (OH, OW, C) */
EDGE_KERNEL void edge_max_pool_s8(const edge_pool_t *EDGE_RESTRICT pool, const int8_t *input,
                                  int8_t *output)
{
    const int32_t channels = pool->input.channels;
    const int32_t pitch = pool->input.width * channels;
    int32_t row;
    int32_t column;
    int32_t c;

    for (row = 0; row < pool->output.height; row++) {
        for (column = 0; column < pool->output.width; column++) {
            const edge_pool_window_t window = edge_pool_window(pool, input, row, column);

            for (c = 0; c < channels; c++) {
                *output++ = edge_pool_clamp(
                    pool, edge_pool_greatest(window.first + c, window.height, window.width, pitch,
                                             channels));
            }
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_POOL_S8_H */
