/* Mean over any axes, int8, the count folded into the factor. */
#ifndef EDGE_MEAN_S8_H
#define EDGE_MEAN_S8_H

#include "edge_axes.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The sum of the raw values over the reduced axes, from `input` on. */
EDGE_INLINE int32_t edge_mean_sum(const edge_mean_t *mean, const int8_t *input)
{
    const int32_t outer = mean->reduced_axes - 1;
    const int32_t run = mean->reduced_size[outer];
    const int32_t stride = mean->reduced_stride[outer];
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t rows = edge_axes_count(outer, mean->reduced_size);
    int32_t sum = 0;
    int32_t i;

    for (; rows > 0; rows--) {
        const int8_t *cell = input + edge_axes_offset(outer, index, mean->reduced_stride);

        for (i = 0; i < run; i++) {
            sum += cell[i * stride];
        }
        edge_axes_next(outer, mean->reduced_size, index);
    }
    return sum;
}

/* output holds the kept axes in order; at most 2^23 elements are reduced into one */
EDGE_KERNEL void edge_mean_s8(const edge_mean_t *mean, const int8_t *EDGE_RESTRICT input,
                              int8_t *EDGE_RESTRICT output)
{
    const int32_t zero =
        mean->input_zero_point * edge_axes_count(mean->reduced_axes, mean->reduced_size);
    int32_t index[EDGE_MAX_AXES] = {0};
    int32_t outputs = edge_axes_count(mean->kept_axes, mean->kept_size);

    for (; outputs > 0; outputs--) {
        const int8_t *first = input + edge_axes_offset(mean->kept_axes, index, mean->kept_stride);
        const int32_t sum = edge_mean_sum(mean, first) - zero;
        const int32_t value = edge_requantize(sum, mean->requant.multiplier, mean->requant.shift);

        *output++ = edge_clamp_s8(value, mean->output_zero_point, INT8_MIN, INT8_MAX);
        edge_axes_next(mean->kept_axes, mean->kept_size, index);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_MEAN_S8_H */
