/* Values of int16 around a tensor. What else only moves them moves bytes (edge_layout_s8.h). */
#ifndef EDGE_PAD_S16_H
#define EDGE_PAD_S16_H

#include "edge_layout_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* input (size...), output (before + size + after...) */
EDGE_KERNEL void edge_pad_s16(const edge_pad_t *pad, const int16_t *EDGE_RESTRICT input,
                              int16_t *EDGE_RESTRICT output)
{
    const int32_t outer = pad->axes - 1;
    const int32_t run = pad->size[outer];
    const int32_t count = edge_pad_count(pad);
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t stride[EDGE_MAX_AXES];
    int32_t rows = edge_axes_count(outer, pad->size);
    int32_t i;

    for (i = 0; i < count; i++) {
        output[i] = (int16_t)pad->value;
    }
    edge_pad_strides(pad, stride);
    output += edge_axes_offset(pad->axes, pad->before, stride);
    for (; rows > 0; rows--) {
        for (i = 0; i < run; i++) {
            output[edge_axes_offset(outer, index, stride) + i] = *input++;
        }
        edge_axes_next(outer, pad->size, index);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_PAD_S16_H */
