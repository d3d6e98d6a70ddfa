/* Sensor samples in float32 to a model's int8 input; the same codes as the daemon computes.
 * Compile without -ffast-math. No kernel needs this file. */
#ifndef EDGE_FRONTEND_F32_H
#define EDGE_FRONTEND_F32_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* value rounded half to even; |value| < 2^23 */
EDGE_INLINE int32_t edge_round_even_f32(float value)
{
    const int32_t whole = (int32_t)value;
    const float fraction = value - (float)whole; /* exact, in (-1, 1) */
    const int32_t is_odd = whole % 2 != 0 ? 1 : 0;

    if (fraction > 0.5f || (fraction == 0.5f && is_odd != 0)) {
        return whole + 1;
    }
    if (fraction < -0.5f || (fraction == -0.5f && is_odd != 0)) {
        return whole - 1;
    }
    return whole;
}

/* The code of one real value, saturated; `zero_point` for NaN. */
EDGE_INLINE int8_t edge_code_f32(float value, float scale, int32_t zero_point)
{
    const float steps = value / scale;
    int32_t code;

    if (steps >= 512.0f) { /* also what int32 cannot hold */
        return INT8_MAX;
    }
    if (steps <= -512.0f) {
        return INT8_MIN;
    }
    code = steps == steps ? edge_round_even_f32(steps) + zero_point : zero_point;
    code = code > INT8_MAX ? INT8_MAX : code;
    return (int8_t)(code < INT8_MIN ? INT8_MIN : code);
}

/* `rows` rows of `columns` samples: (sample - mean) / std, then codes. */
EDGE_KERNEL void edge_window_f32_s8(int32_t rows, int32_t columns, const float *samples,
                                    const float *mean, const float *std, float scale,
                                    int32_t zero_point, int8_t *codes)
{
    int32_t row;
    int32_t column;

    for (row = 0; row < rows; row++) {
        for (column = 0; column < columns; column++) {
            const int32_t at = row * columns + column;
            const float centred = samples[at] - mean[column];

            codes[at] = edge_code_f32(centred / std[column], scale, zero_point);
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_FRONTEND_F32_H */
