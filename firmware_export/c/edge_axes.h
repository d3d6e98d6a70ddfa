/* Walking over tensors of any rank: the last axis is a plain loop, the others an odometer. */
#ifndef EDGE_AXES_H
#define EDGE_AXES_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Moves `index` to the next position of `size`, the last axis fastest; back to 0 after the last. */
EDGE_INLINE void edge_axes_next(int32_t axes, const int32_t *size, int32_t *index)
{
    int32_t axis = axes - 1;

    for (; axis >= 0; axis--) {
        index[axis]++;
        if (index[axis] < size[axis]) {
            return;
        }
        index[axis] = 0;
    }
}

/* Where `index` lies, in elements, given the stride of each axis. */
EDGE_INLINE int32_t edge_axes_offset(int32_t axes, const int32_t *index, const int32_t *stride)
{
    int32_t offset = 0;
    int32_t axis;

    for (axis = 0; axis < axes; axis++) {
        offset += index[axis] * stride[axis];
    }
    return offset;
}

/* The product of the sizes; 1 without axes. */
EDGE_INLINE int32_t edge_axes_count(int32_t axes, const int32_t *size)
{
    int32_t count = 1;
    int32_t axis;

    for (axis = 0; axis < axes; axis++) {
        count *= size[axis];
    }
    return count;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_AXES_H */
