/* Fully connected, int8, for cores with Helium: four outputs at a time. */
#ifndef EDGE_FULLY_CONNECTED_MVE_S8_H
#define EDGE_FULLY_CONNECTED_MVE_S8_H

#include "edge_mve.h"

#ifdef __cplusplus
extern "C" {
#endif

/* input (I), output (O), one scale for all outputs; with one for each it is a convolution */
EDGE_KERNEL void edge_fully_connected_mve_s8(const edge_fully_connected_mve_t *layer,
                                             const int8_t *input, int8_t *output)
{
    const int32_t size = layer->input_size;
    const int32_t weights = 4 * edge_mve_whole(size);
    const int8_t *weight = layer->weight;
    const int32_t *bias = layer->bias;
    int32_t left = layer->output_size;
    edge_mve_range_t range;

    range.zero_point = layer->output_zero_point;
    range.minimum = layer->activation_min;
    range.maximum = layer->activation_max;
    for (; left > 0; left -= 4) {
        edge_mve_dense_4(weight, bias, layer->multiplier, layer->shift, input, size, &range,
                         left < 4 ? left : 4, output);
        weight += weights;
        bias += 4;
        output += 4;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_FULLY_CONNECTED_MVE_S8_H */
