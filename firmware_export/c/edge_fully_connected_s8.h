/* Fully connected, int8, one scale per output or one for all. */
#ifndef EDGE_FULLY_CONNECTED_S8_H
#define EDGE_FULLY_CONNECTED_S8_H

#include "edge_arch.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* accumulator of output `index` to int8 */
EDGE_INLINE int8_t edge_fully_connected_output(const edge_fully_connected_t *layer, int32_t index,
                                               int32_t accumulator)
{
    const int32_t channel = layer->is_per_channel ? index : 0;
    const int32_t value =
        edge_requantize(accumulator, layer->multiplier[channel], layer->shift[channel]);

    return edge_clamp_s8(value, layer->output_zero_point, layer->activation_min,
                         layer->activation_max);
}

/* Outputs [index, index + 4); weight is (4, input_size). */
EDGE_INLINE void edge_fully_connected_4(const edge_fully_connected_t *layer, int32_t index,
                                        const int8_t *input, const int8_t *weight, int8_t *output)
{
    edge_accumulators_t sums;

    sums.a = layer->bias[index];
    sums.b = layer->bias[index + 1];
    sums.c = layer->bias[index + 2];
    sums.d = layer->bias[index + 3];
    edge_dot_4_s8(input, weight, layer->input_size, layer->input_size, &sums);
    output[index] = edge_fully_connected_output(layer, index, sums.a);
    output[index + 1] = edge_fully_connected_output(layer, index + 1, sums.b);
    output[index + 2] = edge_fully_connected_output(layer, index + 2, sums.c);
    output[index + 3] = edge_fully_connected_output(layer, index + 3, sums.d);
}

/* input (I), output (O): the body, for calls whose sizes are literals. */
EDGE_INLINE void edge_fully_connected_s8_inline(const edge_fully_connected_t *layer,
                                                const int8_t *EDGE_RESTRICT input,
                                                int8_t *EDGE_RESTRICT output)
{
    const int8_t *weight = layer->weight;
    int32_t index = 0;

    for (; index + 4 <= layer->output_size; index += 4) {
        edge_fully_connected_4(layer, index, input, weight, output);
        weight += 4 * layer->input_size;
    }
    for (; index < layer->output_size; index++) {
        const int32_t sum =
            edge_dot_1_s8(input, weight, layer->input_size, layer->bias[index]);

        output[index] = edge_fully_connected_output(layer, index, sum);
        weight += layer->input_size;
    }
}

/* input (I), output (O) */
EDGE_KERNEL void edge_fully_connected_s8(const edge_fully_connected_t *layer,
                                         const int8_t *EDGE_RESTRICT input,
                                         int8_t *EDGE_RESTRICT output)
{
    edge_fully_connected_s8_inline(layer, input, output);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_FULLY_CONNECTED_S8_H */
