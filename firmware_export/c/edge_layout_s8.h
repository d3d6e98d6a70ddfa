/* Values that only move: copy, concat, pad, transpose. */
#ifndef EDGE_LAYOUT_S8_H
#define EDGE_LAYOUT_S8_H

#include <string.h>

#include "edge_axes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* input (size), output (size) */
EDGE_KERNEL void edge_copy_s8(int32_t size, const int8_t *EDGE_RESTRICT input,
                              int8_t *EDGE_RESTRICT output)
{
    (void)memcpy(output, input, (size_t)size);
}

/* input (rows, input_row) into columns [offset, offset + input_row) of (rows, output_row) */
EDGE_KERNEL void edge_concat_s8(const edge_concat_t *part, const int8_t *EDGE_RESTRICT input,
                                int8_t *EDGE_RESTRICT output)
{
    int32_t row;

    for (row = 0; row < part->rows; row++) {
        (void)memcpy(output + (row * part->output_row + part->offset), input + row * part->input_row,
               (size_t)part->input_row);
    }
}

/* Sets `stride` of each axis of the padded output. */
EDGE_INLINE void edge_pad_strides(const edge_pad_t *pad, int32_t *stride)
{
    int32_t step = 1;
    int32_t axis = pad->axes - 1;

    for (; axis >= 0; axis--) {
        stride[axis] = step;
        step *= pad->before[axis] + pad->size[axis] + pad->after[axis];
    }
}

/* How many elements the padded output has. */
EDGE_INLINE int32_t edge_pad_count(const edge_pad_t *pad)
{
    int32_t count = 1;
    int32_t axis;

    for (axis = 0; axis < pad->axes; axis++) {
        count *= pad->before[axis] + pad->size[axis] + pad->after[axis];
    }
    return count;
}

/* input (size...), output (before + size + after...) */
EDGE_KERNEL void edge_pad_s8(const edge_pad_t *pad, const int8_t *EDGE_RESTRICT input,
                             int8_t *EDGE_RESTRICT output)
{
    const int32_t outer = pad->axes - 1;
    const int32_t run = pad->size[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t stride[EDGE_MAX_AXES];
    int32_t rows = edge_axes_count(outer, pad->size);

    (void)memset(output, (int)pad->value, (size_t)edge_pad_count(pad));
    edge_pad_strides(pad, stride);
    output += edge_axes_offset(pad->axes, pad->before, stride);
    for (; rows > 0; rows--) {
        (void)memcpy(output + edge_axes_offset(outer, index, stride), input, (size_t)run);
        input += run;
        edge_axes_next(outer, pad->size, index);
    }
}

/* output (size...), contiguous; the input as input_stride says */
EDGE_KERNEL void edge_transpose_s8(const edge_transpose_t *transpose,
                                   const int8_t *EDGE_RESTRICT input,
                                   int8_t *EDGE_RESTRICT output)
{
    const int32_t outer = transpose->axes - 1;
    const int32_t run = transpose->size[outer];
    const int32_t stride = transpose->input_stride[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = edge_axes_count(outer, transpose->size);
    int32_t i;

    for (; rows > 0; rows--) {
        const int8_t *cell = input + edge_axes_offset(outer, index, transpose->input_stride);

        for (i = 0; i < run; i++) {
            *output++ = cell[i * stride];
        }
        edge_axes_next(outer, transpose->size, index);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_LAYOUT_S8_H */
