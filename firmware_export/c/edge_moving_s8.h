/* Parts of a tensor, and images in another size. */
#ifndef EDGE_MOVING_S8_H
#define EDGE_MOVING_S8_H

#include <string.h>

#include "edge_axes.h"
#include "edge_moving_types.h"

/* One pixel to the next in the fixed point of a bilinear resize. */
#define EDGE_RESIZE_ONE 1024

#ifdef __cplusplus
extern "C" {
#endif

/* output (size...), contiguous; the input from `first` on, as input_stride says */
EDGE_KERNEL void edge_slice_s8(const edge_slice_t *slice, const int8_t *EDGE_RESTRICT input,
                               int8_t *EDGE_RESTRICT output)
{
    const int32_t outer = slice->axes - 1;
    const int32_t run = slice->size[outer];
    const int32_t stride = slice->input_stride[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = edge_axes_count(outer, slice->size);
    int32_t i;

    for (; rows > 0; rows--) {
        const int32_t at =
            slice->first + edge_axes_offset(outer, index, slice->input_stride);

        if (stride == 1) {
            (void)memcpy(output, input + at, (size_t)run);
        } else {
            for (i = 0; i < run; i++) {
                output[i] = input[at + i * stride];
            }
        }
        output += run;
        edge_axes_next(outer, slice->size, index);
    }
}

/* input (rows, row_size, run), output (rows, count, run) */
EDGE_KERNEL void edge_gather_s8(const edge_gather_t *gather, const int8_t *EDGE_RESTRICT input,
                                int8_t *EDGE_RESTRICT output)
{
    int32_t row;
    int32_t i;

    for (row = 0; row < gather->rows; row++) {
        for (i = 0; i < gather->count; i++) {
            (void)memcpy(output, input + gather->indices[i] * gather->run, (size_t)gather->run);
            output += gather->run;
        }
        input += gather->row_size * gather->run;
    }
}

/* input, output: images */
EDGE_KERNEL void edge_resize_nearest_s8(const edge_resize_nearest_t *resize,
                                        const int8_t *EDGE_RESTRICT input,
                                        int8_t *EDGE_RESTRICT output)
{
    const int32_t channels = resize->input.channels;
    int32_t y;
    int32_t x;

    for (y = 0; y < resize->output.height; y++) {
        const int8_t *row = input + resize->rows[y] * resize->input.width * channels;

        for (x = 0; x < resize->output.width; x++) {
            (void)memcpy(output, row + resize->columns[x] * channels, (size_t)channels);
            output += channels;
        }
    }
}

/* A place between two pixels. */
typedef struct {
    int32_t low;
    int32_t high;
    int32_t fraction; /* of EDGE_RESIZE_ONE, counted from `low`; negative above the first pixel */
} edge_place_t;

/* Where `position` lies among `size` pixels (TFLite `ComputeInterpolationValuesInteger`). */
EDGE_INLINE edge_place_t edge_resize_place(int32_t position, int32_t size)
{
    edge_place_t place;

    place.low = position > 0 ? position / EDGE_RESIZE_ONE : 0;
    place.high = position > 0 ? (position + EDGE_RESIZE_ONE - 1) / EDGE_RESIZE_ONE : 0;
    place.high = place.high < size ? place.high : size - 1;
    place.fraction = position - place.low * EDGE_RESIZE_ONE;
    return place;
}

/* The mean of two values, weighted; times EDGE_RESIZE_ONE. */
EDGE_INLINE int32_t edge_resize_mix(int32_t low, int32_t high, int32_t fraction)
{
    return low * (EDGE_RESIZE_ONE - fraction) + high * fraction;
}

/* Divides by EDGE_RESIZE_ONE squared, half away from zero. */
EDGE_INLINE int8_t edge_resize_rounded(int32_t sum)
{
    const int32_t one = EDGE_RESIZE_ONE * EDGE_RESIZE_ONE;

    return (int8_t)((sum + (sum > 0 ? one / 2 : -(one / 2))) / one);
}

/* input, output: images; sums stay below 2^30: codes are int8, fractions in [-512, 1024) */
EDGE_KERNEL void edge_resize_bilinear_s8(const edge_resize_bilinear_t *resize,
                                         const int8_t *EDGE_RESTRICT input,
                                         int8_t *EDGE_RESTRICT output)
{
    const int32_t channels = resize->input.channels;
    const int32_t width = resize->input.width * channels;
    int32_t y;
    int32_t x;
    int32_t c;

    for (y = 0; y < resize->output.height; y++) {
        const edge_place_t row =
            edge_resize_place(y * resize->row_step + resize->row_first, resize->input.height);
        const int8_t *top = input + row.low * width;
        const int8_t *bottom = input + row.high * width;

        for (x = 0; x < resize->output.width; x++) {
            const edge_place_t column = edge_resize_place(
                x * resize->column_step + resize->column_first, resize->input.width);
            const int32_t left = column.low * channels;
            const int32_t right = column.high * channels;

            for (c = 0; c < channels; c++) {
                const int32_t low = edge_resize_mix(top[left + c], bottom[left + c], row.fraction);
                const int32_t high =
                    edge_resize_mix(top[right + c], bottom[right + c], row.fraction);

                *output++ = edge_resize_rounded(edge_resize_mix(low, high, column.fraction));
            }
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_MOVING_S8_H */
