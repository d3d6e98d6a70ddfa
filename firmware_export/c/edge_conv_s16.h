/* Convolution, depthwise or not, and fully connected: activations of int16, weights of int8. */
#ifndef EDGE_CONV_S16_H
#define EDGE_CONV_S16_H

#include "edge_conv_window.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* So many products of int16 and int8 have a sum inside int32. */
#define EDGE_BLOCK_S16 256

/* The sums of four rows of weights. */
typedef struct {
    int64_t a;
    int64_t b;
    int64_t c;
    int64_t d;
} edge_wide_sums_t;

/* Where three more rows of weights lie behind a first one: the next ones, or, where there are no
 * more, the last one again, whose sum is then not used. */
typedef struct {
    int32_t b;
    int32_t c;
    int32_t d;
} edge_further_rows_t;

/* `left` rows follow the first one, each `size` long. */
EDGE_INLINE edge_further_rows_t edge_further_rows(int32_t left, int32_t size)
{
    edge_further_rows_t rows;

    rows.b = edge_min(left, 1) * size;
    rows.c = edge_min(left, 2) * size;
    rows.d = edge_min(left, 3) * size;
    return rows;
}

/* Adds what at most EDGE_BLOCK_S16 values make of four rows of weights: each is loaded once. */
EDGE_INLINE void edge_dot_block_s16(const int16_t *values, const int8_t *weight,
                                    edge_further_rows_t rows, int32_t size, edge_wide_sums_t *sums)
{
    int32_t a = 0;
    int32_t b = 0;
    int32_t c = 0;
    int32_t d = 0;

    for (; size > 0; size--) {
        const int32_t value = *values++;

        a += value * weight[0];
        b += value * weight[rows.b];
        c += value * weight[rows.c];
        d += value * weight[rows.d];
        weight++;
    }
    sums->a += a;
    sums->b += b;
    sums->c += c;
    sums->d += d;
}

/* As edge_dot_block_s16, of any number of values. */
EDGE_INLINE void edge_dot_s16(const int16_t *values, const int8_t *weight, edge_further_rows_t rows,
                              int32_t size, edge_wide_sums_t *sums)
{
    for (; size > EDGE_BLOCK_S16; size -= EDGE_BLOCK_S16) {
        edge_dot_block_s16(values, weight, rows, EDGE_BLOCK_S16, sums);
        values += EDGE_BLOCK_S16;
        weight += EDGE_BLOCK_S16;
    }
    edge_dot_block_s16(values, weight, rows, size, sums);
}

/* accumulator of output channel `channel` to int16 */
EDGE_INLINE int16_t edge_conv_output_s16(const edge_conv_t *conv, int32_t channel,
                                         int64_t accumulator)
{
    return edge_finish_s16(accumulator + conv->bias[channel], conv->multiplier[channel],
                           conv->shift[channel], conv->activation_min, conv->activation_max);
}

/* The first `count` of four channels from `channel` on, into `output`. */
EDGE_INLINE void edge_conv_store_s16(const edge_conv_t *conv, int32_t channel, int32_t count,
                                     const edge_wide_sums_t *sums, int16_t *output)
{
    output[0] = edge_conv_output_s16(conv, channel, sums->a);
    if (count > 1) {
        output[1] = edge_conv_output_s16(conv, channel + 1, sums->b);
    }
    if (count > 2) {
        output[2] = edge_conv_output_s16(conv, channel + 2, sums->c);
    }
    if (count > 3) {
        output[3] = edge_conv_output_s16(conv, channel + 3, sums->d);
    }
}

/* The products of the cells of a window with four channels' weights, (KH, KW, I) each; those of the
 * padding are 0 and left out. */
EDGE_INLINE edge_wide_sums_t edge_conv_sums_s16(const edge_conv_t *conv, const int16_t *input,
                                                const edge_window_t *window, const int8_t *weight,
                                                edge_further_rows_t rows)
{
    const edge_runs_t runs = edge_conv_runs(conv, window->x);
    const int32_t row = conv->kernel_width * conv->input.channels;
    const int16_t *cell = input + edge_conv_corner_at(conv, window);
    edge_wide_sums_t sums = {0, 0, 0, 0};
    int32_t tap;
    int32_t i;

    weight += window->y.begin * row + window->x.begin * conv->input.channels;
    for (tap = window->y.begin; tap < window->y.end; tap++) {
        for (i = 0; i < runs.count; i++) {
            edge_dot_s16(cell + i * runs.step, weight + i * runs.length, rows, runs.length, &sums);
        }
        cell += edge_conv_row_step(conv);
        weight += row;
    }
    return sums;
}

/* input (H, W, I), output (OH, OW, O) */
EDGE_KERNEL void edge_conv_s16(const edge_conv_t *conv, const int16_t *EDGE_RESTRICT input,
                               int16_t *EDGE_RESTRICT output)
{
    const int32_t size = conv->kernel_height * conv->kernel_width * conv->input.channels;
    const int32_t channels = conv->output.channels;
    int32_t row;
    int32_t column;
    int32_t channel;

    for (row = 0; row < conv->output.height; row++) {
        for (column = 0; column < conv->output.width; column++) {
            const edge_window_t window = {edge_conv_rows(conv, row),
                                          edge_conv_columns(conv, column)};

            for (channel = 0; channel < channels; channel += 4) {
                const edge_further_rows_t rows = edge_further_rows(channels - channel - 1, size);
                const edge_wide_sums_t sums = edge_conv_sums_s16(
                    conv, input, &window, conv->weight + channel * size, rows);

                edge_conv_store_s16(conv, channel, channels - channel, &sums, output + channel);
            }
            output += channels;
        }
    }
}

/* What one channel of the cells of a window makes of its weights, (KH, KW, O) from that channel. */
EDGE_INLINE int32_t edge_depthwise_sum_s16(const edge_conv_t *conv, const int16_t *input,
                                           const edge_window_t *window, const int8_t *weight)
{
    const int32_t step = conv->dilation_width * conv->input.channels;
    const int32_t channels = conv->output.channels;
    const int16_t *line = input + edge_conv_corner_at(conv, window);
    int32_t sum = 0;
    int32_t y;
    int32_t x;

    weight += (window->y.begin * conv->kernel_width + window->x.begin) * channels;
    for (y = window->y.begin; y < window->y.end; y++) {
        for (x = 0; x < window->x.end - window->x.begin; x++) {
            sum += line[x * step] * weight[x * channels];
        }
        line += edge_conv_row_step(conv);
        weight += conv->kernel_width * channels;
    }
    return sum;
}

/* As edge_depthwise_sum_s16, of four neighbouring channels of the cells and of the weights. */
EDGE_INLINE edge_wide_sums_t edge_depthwise_sums_s16(const edge_conv_t *conv, const int16_t *input,
                                                     const edge_window_t *window,
                                                     const int8_t *weight)
{
    const int32_t step = conv->dilation_width * conv->input.channels;
    const int32_t channels = conv->output.channels;
    const int16_t *line = input + edge_conv_corner_at(conv, window);
    edge_wide_sums_t sums;
    int32_t a = 0;
    int32_t b = 0;
    int32_t c = 0;
    int32_t d = 0;
    int32_t y;
    int32_t x;

    weight += (window->y.begin * conv->kernel_width + window->x.begin) * channels;
    for (y = window->y.begin; y < window->y.end; y++) {
        const int16_t *cell = line;
        const int8_t *tap = weight;

        for (x = window->x.begin; x < window->x.end; x++) {
            a += cell[0] * tap[0];
            b += cell[1] * tap[1];
            c += cell[2] * tap[2];
            d += cell[3] * tap[3];
            cell += step;
            tap += channels;
        }
        line += edge_conv_row_step(conv);
        weight += conv->kernel_width * channels;
    }
    sums.a = a;
    sums.b = b;
    sums.c = c;
    sums.d = d;
    return sums;
}

/* All channels of one pixel. */
EDGE_INLINE void edge_depthwise_pixel_s16(const edge_conv_t *conv, const int16_t *input,
                                          const edge_window_t *window, int16_t *output)
{
    const int32_t channels = conv->output.channels;
    const int32_t depth_multiplier = channels / conv->input.channels;
    int32_t channel = 0;

    for (; depth_multiplier == 1 && channel + 4 <= channels; channel += 4) {
        const edge_wide_sums_t sums =
            edge_depthwise_sums_s16(conv, input + channel, window, conv->weight + channel);

        edge_conv_store_s16(conv, channel, 4, &sums, output + channel);
    }
    for (; channel < channels; channel++) {
        output[channel] = edge_conv_output_s16(
            conv, channel,
            edge_depthwise_sum_s16(conv, input + channel / depth_multiplier, window,
                                   conv->weight + channel));
    }
}

/* input (H, W, I), output (OH, OW, O); at most EDGE_BLOCK_S16 taps */
EDGE_KERNEL void edge_depthwise_conv_s16(const edge_conv_t *conv,
                                         const int16_t *EDGE_RESTRICT input,
                                         int16_t *EDGE_RESTRICT output)
{
    int32_t row;
    int32_t column;

    for (row = 0; row < conv->output.height; row++) {
        for (column = 0; column < conv->output.width; column++) {
            const edge_window_t window = {edge_conv_rows(conv, row),
                                          edge_conv_columns(conv, column)};

            edge_depthwise_pixel_s16(conv, input, &window, output);
            output += conv->output.channels;
        }
    }
}

/* accumulator of output `index` to int16 */
EDGE_INLINE int16_t edge_fully_connected_output_s16(const edge_fully_connected_t *layer,
                                                    int32_t index, int64_t accumulator)
{
    const int32_t channel = layer->is_per_channel ? index : 0;

    return edge_finish_s16(accumulator + layer->bias[index], layer->multiplier[channel],
                           layer->shift[channel], layer->activation_min, layer->activation_max);
}

/* input (I), output (O) */
EDGE_KERNEL void edge_fully_connected_s16(const edge_fully_connected_t *layer,
                                          const int16_t *EDGE_RESTRICT input,
                                          int16_t *EDGE_RESTRICT output)
{
    const int32_t size = layer->input_size;
    int32_t i;

    for (i = 0; i < layer->output_size; i += 4) {
        const int32_t left = layer->output_size - i - 1;
        edge_wide_sums_t sums = {0, 0, 0, 0};

        edge_dot_s16(input, layer->weight + i * size, edge_further_rows(left, size), size, &sums);
        output[i] = edge_fully_connected_output_s16(layer, i, sums.a);
        if (left > 0) {
            output[i + 1] = edge_fully_connected_output_s16(layer, i + 1, sums.b);
        }
        if (left > 1) {
            output[i + 2] = edge_fully_connected_output_s16(layer, i + 2, sums.c);
        }
        if (left > 2) {
            output[i + 3] = edge_fully_connected_output_s16(layer, i + 3, sums.d);
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CONV_S16_H */
