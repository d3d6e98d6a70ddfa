/* float32 to int8 and back, for applications that think in real numbers; no kernel needs it. */
#ifndef EDGE_IO_F32_H
#define EDGE_IO_F32_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* value rounded half away from 0; |value| < 2^23 */
EDGE_INLINE int32_t edge_round_f32(float value)
{
    const int32_t whole = (int32_t)value;
    const float fraction = value - (float)whole; /* exact */

    if (fraction >= 0.5f) {
        return whole + 1;
    }
    return fraction <= -0.5f ? whole - 1 : whole;
}

/* output[i] = input[i] / scale + zero_point, clamped to int8; NaN becomes zero_point (real 0). */
EDGE_KERNEL void edge_quantize_f32_s8(int32_t size, float scale, int32_t zero_point,
                                      const float *EDGE_RESTRICT input,
                                      int8_t *EDGE_RESTRICT output)
{
    int32_t i;

    for (i = 0; i < size; i++) {
        const float steps = input[i] / scale;
        int32_t value;

        if (steps >= 256.0f) { /* also what int32 cannot hold */
            value = INT8_MAX;
        } else if (steps <= -256.0f) {
            value = INT8_MIN;
        } else if (steps == steps) {
            value = edge_round_f32(steps) + zero_point;
            value = value > INT8_MAX ? INT8_MAX : value;
            value = value < INT8_MIN ? INT8_MIN : value;
        } else {
            value = zero_point; /* NaN */
        }
        output[i] = (int8_t)value;
    }
}

/* output[i] = (input[i] - zero_point) * scale */
EDGE_KERNEL void edge_dequantize_s8_f32(int32_t size, float scale, int32_t zero_point,
                                        const int8_t *EDGE_RESTRICT input,
                                        float *EDGE_RESTRICT output)
{
    int32_t i;

    for (i = 0; i < size; i++) {
        output[i] = scale * (float)(input[i] - zero_point);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_IO_F32_H */
