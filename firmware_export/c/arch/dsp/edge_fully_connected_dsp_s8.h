/* Fully connected, int8, for cores with SMLAD: four outputs at a time. */
#ifndef EDGE_FULLY_CONNECTED_DSP_S8_H
#define EDGE_FULLY_CONNECTED_DSP_S8_H

#include "edge_dsp_finish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The sums of four outputs; weight is (inputs / 4 rounded up, 2, 2) words of twins. */
EDGE_INLINE edge_dsp_sums_t edge_fully_connected_dsp_sums(const int32_t *weight, int32_t size,
                                                          const int8_t *input)
{
    const int32_t groups = size >> 2;
    const int32_t rest = size & 3;
    edge_dsp_sums_t sums = {0u, 0u, 0u, 0u};
    int8_t tail[4] = {0, 0, 0, 0};
    int32_t i;

    sums = edge_dsp_dot_4(weight, input, groups, sums);
    if (rest > 0) {
        for (i = 0; i < rest; i++) {
            tail[i] = input[4 * groups + i];
        }
        sums = edge_dsp_dot_4(weight + 4 * groups, tail, 1, sums);
    }
    return sums;
}

/* Twice an accumulator of output `index` to int8. */
EDGE_INLINE int8_t edge_fully_connected_dsp_output(const edge_fully_connected_dsp_t *layer,
                                                   int32_t index, int32_t doubled)
{
    const int32_t channel = layer->is_per_channel ? index : 0;

    return edge_dsp_output(doubled, layer->multiplier[channel], layer->exponent[channel],
                           layer->output_zero_point);
}

/* Outputs [index, index + 4), of which the last ones may be none of the layer's. */
EDGE_INLINE void edge_fully_connected_dsp_4(const edge_fully_connected_dsp_t *layer, int32_t index,
                                            const int32_t *weight, const int8_t *input,
                                            int8_t *output)
{
    const edge_dsp_sums_t sums = edge_fully_connected_dsp_sums(weight, layer->input_size, input);
    const int32_t *bias = layer->bias + index;

    output[0] = edge_fully_connected_dsp_output(
        layer, index, edge_dsp_twice_x(sums.both_0, sums.y_0, bias[0]));
    output[1] = edge_fully_connected_dsp_output(layer, index + 1,
                                                edge_dsp_twice_y(sums.y_0, bias[1]));
    output[2] = edge_fully_connected_dsp_output(
        layer, index + 2, edge_dsp_twice_x(sums.both_1, sums.y_1, bias[2]));
    output[3] = edge_fully_connected_dsp_output(layer, index + 3,
                                                edge_dsp_twice_y(sums.y_1, bias[3]));
}

/* input (I), output (O) */
EDGE_KERNEL void edge_fully_connected_dsp_s8(const edge_fully_connected_dsp_t *layer,
                                             const int8_t *input, int8_t *output)
{
    const int32_t words = ((layer->input_size + 3) >> 2) * 4;
    const int32_t *weight = layer->weight;
    int8_t last[4];
    int32_t index;
    int32_t i;

    for (index = 0; index + 4 <= layer->output_size; index += 4) {
        edge_fully_connected_dsp_4(layer, index, weight, input, output + index);
        weight += words;
    }
    if (index < layer->output_size) {
        edge_fully_connected_dsp_4(layer, index, weight, input, last);
        for (i = 0; index + i < layer->output_size; i++) {
            output[index + i] = last[i];
        }
    }
    edge_dsp_clamp(output, layer->output_size, layer->activation_min, layer->activation_max);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_FULLY_CONNECTED_DSP_S8_H */
