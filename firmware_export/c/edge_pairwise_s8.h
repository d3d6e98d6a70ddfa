/* Difference, minimum, maximum and parametric relu: one element of either input makes one. */
#ifndef EDGE_PAIRWISE_S8_H
#define EDGE_PAIRWISE_S8_H

#include <stddef.h>

#include "edge_axes.h"
#include "edge_elementwise_s8.h"
#include "edge_requantize.h"
#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one pair becomes; `table` is the kernel's own. */
typedef int8_t (*edge_pair_function_t)(const void *table, int8_t left, int8_t right);

/* All pairs. Inlined with a literal `function`, so that no call is left in the loop. */
EDGE_INLINE void edge_pairs(int32_t size, const edge_broadcast_t *shape,
                            edge_pair_function_t function, const void *table, const int8_t *left,
                            const int8_t *right, int8_t *output)
{
    const int32_t outer = shape == NULL ? 0 : shape->axes - 1;
    const int32_t run = shape == NULL ? size : shape->size[outer];
    const int32_t left_step = shape == NULL ? 1 : shape->left_stride[outer];
    const int32_t right_step = shape == NULL ? 1 : shape->right_stride[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = shape == NULL ? 1 : edge_axes_count(outer, shape->size);
    int32_t i;

    for (; rows > 0; rows--) {
        const int8_t *a = left;
        const int8_t *b = right;

        if (shape != NULL) {
            a += edge_axes_offset(outer, index, shape->left_stride);
            b += edge_axes_offset(outer, index, shape->right_stride);
        }
        for (i = 0; i < run; i++) {
            *output++ = function(table, a[i * left_step], b[i * right_step]);
        }
        if (rows > 1) {
            edge_axes_next(outer, shape->size, index);
        }
    }
}

EDGE_INLINE int8_t edge_sub_element(const void *table, int8_t left, int8_t right)
{
    const edge_add_t *sub = (const edge_add_t *)table;
    const int32_t difference = edge_add_widen(left, sub->left_zero_point, sub->left) -
                               edge_add_widen(right, sub->right_zero_point, sub->right);

    return edge_clamp_s8(edge_requantize(difference, sub->output.multiplier, sub->output.shift),
                         sub->output_zero_point, sub->activation_min, sub->activation_max);
}

EDGE_INLINE int8_t edge_minimum_element(const void *table, int8_t left, int8_t right)
{
    (void)table;
    return left < right ? left : right;
}

EDGE_INLINE int8_t edge_maximum_element(const void *table, int8_t left, int8_t right)
{
    (void)table;
    return left > right ? left : right;
}

EDGE_INLINE int8_t edge_prelu_element(const void *table, int8_t input, int8_t slope)
{
    const edge_prelu_t *prelu = (const edge_prelu_t *)table;
    const int32_t value = input - prelu->input_zero_point;
    const int32_t below = value * (slope - prelu->slope_zero_point);
    const int32_t scaled =
        value >= 0 ? edge_requantize(value, prelu->above.multiplier, prelu->above.shift)
                   : edge_requantize(below, prelu->below.multiplier, prelu->below.shift);

    return edge_clamp_s8(scaled, prelu->output_zero_point, INT8_MIN, INT8_MAX);
}

/* left - right, in the output's shape, or as sub->broadcast says; see edge_add_t */
EDGE_KERNEL void edge_sub_s8(const edge_add_t *sub, const int8_t *left, const int8_t *right,
                             int8_t *output)
{
    edge_pairs(sub->size, sub->broadcast, edge_sub_element, sub, left, right, output);
}

/* The lesser of each two, in the output's shape, or as minimum->broadcast says */
EDGE_KERNEL void edge_minimum_s8(const edge_extremum_t *minimum, const int8_t *left,
                                 const int8_t *right, int8_t *output)
{
    edge_pairs(minimum->size, minimum->broadcast, edge_minimum_element, minimum, left, right,
               output);
}

/* The greater of each two, in the output's shape, or as maximum->broadcast says */
EDGE_KERNEL void edge_maximum_s8(const edge_extremum_t *maximum, const int8_t *left,
                                 const int8_t *right, int8_t *output)
{
    edge_pairs(maximum->size, maximum->broadcast, edge_maximum_element, maximum, left, right,
               output);
}

/* input (size), slope as prelu->broadcast says, output (size); see edge_prelu_t */
EDGE_KERNEL void edge_prelu_s8(const edge_prelu_t *prelu, const int8_t *input, const int8_t *slope,
                               int8_t *output)
{
    edge_pairs(prelu->size, prelu->broadcast, edge_prelu_element, prelu, input, slope, output);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_PAIRWISE_S8_H */
