/* One output for each input (or pair of inputs): add, mul, rescale, lookup. */
#ifndef EDGE_ELEMENTWISE_S8_H
#define EDGE_ELEMENTWISE_S8_H

#include <stddef.h>

#include "arch/mve/edge_add_mve.h"
#include "edge_axes.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One input of an addition, as a share of twice the larger scale, EDGE_ADD_LEFT_SHIFT wider. */
EDGE_INLINE int32_t edge_add_widen(int8_t value, int32_t zero_point, edge_requant_t requant)
{
    const int32_t wide = (value - zero_point) * ((int32_t)1 << EDGE_ADD_LEFT_SHIFT);

    return edge_requantize(wide, requant.multiplier, requant.shift);
}

/* left + right, one element */
EDGE_INLINE int8_t edge_add_element(const edge_add_t *add, int8_t left, int8_t right)
{
    const int32_t sum = edge_add_widen(left, add->left_zero_point, add->left) +
                        edge_add_widen(right, add->right_zero_point, add->right);

    return edge_clamp_s8(edge_requantize(sum, add->output.multiplier, add->output.shift),
                         add->output_zero_point, add->activation_min, add->activation_max);
}

/* left * right, one element */
EDGE_INLINE int8_t edge_mul_element(const edge_mul_t *mul, int8_t left, int8_t right)
{
    const int32_t product = (left - mul->left_zero_point) * (right - mul->right_zero_point);

    return edge_clamp_s8(edge_requantize(product, mul->output.multiplier, mul->output.shift),
                         mul->output_zero_point, mul->activation_min, mul->activation_max);
}

/* The rest of an addition whose inputs broadcast; output is contiguous. */
EDGE_INLINE void edge_add_broadcast(const edge_add_t *add, const int8_t *left,
                                    const int8_t *right, int8_t *output)
{
    const edge_broadcast_t *shape = add->broadcast;
    const int32_t outer = shape->axes - 1;
    const int32_t run = shape->size[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = edge_axes_count(outer, shape->size);
    int32_t i;

    for (; rows > 0; rows--) {
        const int8_t *a = left + edge_axes_offset(outer, index, shape->left_stride);
        const int8_t *b = right + edge_axes_offset(outer, index, shape->right_stride);

        for (i = 0; i < run; i++) {
            *output++ = edge_add_element(add, a[i * shape->left_stride[outer]],
                                         b[i * shape->right_stride[outer]]);
        }
        edge_axes_next(outer, shape->size, index);
    }
}

/* left, right and output in the output's shape, or as add->broadcast says; see edge_add_t */
EDGE_KERNEL void edge_add_s8(const edge_add_t *add, const int8_t *left, const int8_t *right,
                             int8_t *output)
{
    int32_t i;

    if (add->broadcast != NULL) {
        edge_add_broadcast(add, left, right, output);
        return;
    }
    for (i = edge_add_mve(add, left, right, output); i < add->size; i++) {
        output[i] = edge_add_element(add, left[i], right[i]);
    }
}

/* As edge_add_broadcast. */
EDGE_INLINE void edge_mul_broadcast(const edge_mul_t *mul, const int8_t *left,
                                    const int8_t *right, int8_t *output)
{
    const edge_broadcast_t *shape = mul->broadcast;
    const int32_t outer = shape->axes - 1;
    const int32_t run = shape->size[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = edge_axes_count(outer, shape->size);
    int32_t i;

    for (; rows > 0; rows--) {
        const int8_t *a = left + edge_axes_offset(outer, index, shape->left_stride);
        const int8_t *b = right + edge_axes_offset(outer, index, shape->right_stride);

        for (i = 0; i < run; i++) {
            *output++ = edge_mul_element(mul, a[i * shape->left_stride[outer]],
                                         b[i * shape->right_stride[outer]]);
        }
        edge_axes_next(outer, shape->size, index);
    }
}

/* left, right and output in the output's shape, or as mul->broadcast says; see edge_mul_t */
EDGE_KERNEL void edge_mul_s8(const edge_mul_t *mul, const int8_t *left, const int8_t *right,
                             int8_t *output)
{
    int32_t i;

    if (mul->broadcast != NULL) {
        edge_mul_broadcast(mul, left, right, output);
        return;
    }
    for (i = 0; i < mul->size; i++) {
        output[i] = edge_mul_element(mul, left[i], right[i]);
    }
}

/* input (size), output (size) */
EDGE_KERNEL void edge_rescale_s8(const edge_rescale_t *rescale, const int8_t *input,
                                 int8_t *output)
{
    int32_t i;

    for (i = 0; i < rescale->size; i++) {
        const int32_t value =
            edge_requantize(input[i] - rescale->input_zero_point, rescale->requant.multiplier,
                            rescale->requant.shift);

        output[i] = edge_clamp_s8(value, rescale->output_zero_point, rescale->activation_min,
                                  rescale->activation_max);
    }
}

/* input (size), output (size) */
EDGE_KERNEL void edge_lookup_s8(const edge_lookup_t *lookup, const int8_t *input, int8_t *output)
{
    int32_t i;

    for (i = 0; i < lookup->size; i++) {
        output[i] = lookup->table[input[i] + 128];
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ELEMENTWISE_S8_H */
