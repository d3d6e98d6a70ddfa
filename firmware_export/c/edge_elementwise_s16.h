/* One output of int16 for each input, or pair of inputs. */
#ifndef EDGE_ELEMENTWISE_S16_H
#define EDGE_ELEMENTWISE_S16_H

#include <stddef.h>

#include "edge_axes.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one pair becomes; `table` is the kernel's own. */
typedef int16_t (*edge_pair_function_s16_t)(const void *table, int16_t left, int16_t right);

/* All pairs. Inlined with a literal `function`, so that no call is left in the loop. */
EDGE_INLINE void edge_pairs_s16(int32_t size, const edge_broadcast_t *shape,
                                edge_pair_function_s16_t function, const void *table,
                                const int16_t *left, const int16_t *right, int16_t *output)
{
    const int32_t outer = shape == NULL ? 0 : shape->axes - 1;
    const int32_t run = shape == NULL ? size : shape->size[outer];
    const int32_t left_step = shape == NULL ? 1 : shape->left_stride[outer];
    const int32_t right_step = shape == NULL ? 1 : shape->right_stride[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = shape == NULL ? 1 : edge_axes_count(outer, shape->size);
    int32_t i;

    for (; rows > 0; rows--) {
        const int16_t *a = left;
        const int16_t *b = right;

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

/* One input of a sum, as a share of twice the larger scale, EDGE_ADD_LEFT_SHIFT_S16 wider. */
EDGE_INLINE int32_t edge_add_widen_s16(int16_t value, edge_requant_t requant)
{
    const int32_t wide = value * ((int32_t)1 << EDGE_ADD_LEFT_SHIFT_S16);

    return edge_requantize(wide, requant.multiplier, requant.shift);
}

/* A sum or difference to int16. */
EDGE_INLINE int16_t edge_add_output_s16(const edge_add_t *add, int32_t sum)
{
    return edge_clamp_s16(edge_requantize(sum, add->output.multiplier, add->output.shift),
                          add->activation_min, add->activation_max);
}

EDGE_INLINE int16_t edge_add_element_s16(const void *table, int16_t left, int16_t right)
{
    const edge_add_t *add = (const edge_add_t *)table;

    return edge_add_output_s16(add, edge_add_widen_s16(left, add->left) +
                                        edge_add_widen_s16(right, add->right));
}

EDGE_INLINE int16_t edge_sub_element_s16(const void *table, int16_t left, int16_t right)
{
    const edge_add_t *sub = (const edge_add_t *)table;

    return edge_add_output_s16(sub, edge_add_widen_s16(left, sub->left) -
                                        edge_add_widen_s16(right, sub->right));
}

EDGE_INLINE int16_t edge_mul_element_s16(const void *table, int16_t left, int16_t right)
{
    const edge_mul_t *mul = (const edge_mul_t *)table;
    const int32_t value =
        edge_requantize(left * right, mul->output.multiplier, mul->output.shift);

    return edge_clamp_s16(value, mul->activation_min, mul->activation_max);
}

EDGE_INLINE int16_t edge_minimum_element_s16(const void *table, int16_t left, int16_t right)
{
    (void)table;
    return left < right ? left : right;
}

EDGE_INLINE int16_t edge_maximum_element_s16(const void *table, int16_t left, int16_t right)
{
    (void)table;
    return left > right ? left : right;
}

/* left + right, in the output's shape, or as add->broadcast says; see edge_add_t */
EDGE_KERNEL void edge_add_s16(const edge_add_t *add, const int16_t *left, const int16_t *right,
                              int16_t *output)
{
    edge_pairs_s16(add->size, add->broadcast, edge_add_element_s16, add, left, right, output);
}

/* left - right, likewise */
EDGE_KERNEL void edge_sub_s16(const edge_add_t *sub, const int16_t *left, const int16_t *right,
                              int16_t *output)
{
    edge_pairs_s16(sub->size, sub->broadcast, edge_sub_element_s16, sub, left, right, output);
}

/* left * right, likewise; see edge_mul_t */
EDGE_KERNEL void edge_mul_s16(const edge_mul_t *mul, const int16_t *left, const int16_t *right,
                              int16_t *output)
{
    edge_pairs_s16(mul->size, mul->broadcast, edge_mul_element_s16, mul, left, right, output);
}

/* The lesser of each two, likewise */
EDGE_KERNEL void edge_minimum_s16(const edge_extremum_t *minimum, const int16_t *left,
                                  const int16_t *right, int16_t *output)
{
    edge_pairs_s16(minimum->size, minimum->broadcast, edge_minimum_element_s16, minimum, left,
                   right, output);
}

/* The greater of each two, likewise */
EDGE_KERNEL void edge_maximum_s16(const edge_extremum_t *maximum, const int16_t *left,
                                  const int16_t *right, int16_t *output)
{
    edge_pairs_s16(maximum->size, maximum->broadcast, edge_maximum_element_s16, maximum, left,
                   right, output);
}

/* input (size) less its zero point, in the output's scale */
EDGE_INLINE int32_t edge_rescale_value(const edge_rescale_t *rescale, int32_t input)
{
    return edge_requantize(input - rescale->input_zero_point, rescale->requant.multiplier,
                           rescale->requant.shift);
}

/* input (size), output (size) */
EDGE_KERNEL void edge_rescale_s16(const edge_rescale_t *rescale, const int16_t *input,
                                  int16_t *output)
{
    int32_t i;

    for (i = 0; i < rescale->size; i++) {
        output[i] = edge_clamp_s16(edge_rescale_value(rescale, input[i]), rescale->activation_min,
                                   rescale->activation_max);
    }
}

/* input (size) of int8, output (size) */
EDGE_KERNEL void edge_rescale_s8_s16(const edge_rescale_t *rescale,
                                     const int8_t *EDGE_RESTRICT input,
                                     int16_t *EDGE_RESTRICT output)
{
    int32_t i;

    for (i = 0; i < rescale->size; i++) {
        output[i] = edge_clamp_s16(edge_rescale_value(rescale, input[i]), rescale->activation_min,
                                   rescale->activation_max);
    }
}

/* input (size), output (size) of int8 */
EDGE_KERNEL void edge_rescale_s16_s8(const edge_rescale_t *rescale,
                                     const int16_t *EDGE_RESTRICT input,
                                     int8_t *EDGE_RESTRICT output)
{
    int32_t i;

    for (i = 0; i < rescale->size; i++) {
        output[i] = edge_clamp_s8(edge_rescale_value(rescale, input[i]),
                                  rescale->output_zero_point, rescale->activation_min,
                                  rescale->activation_max);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ELEMENTWISE_S16_H */
