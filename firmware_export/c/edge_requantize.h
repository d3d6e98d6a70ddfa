/* Fixed point: an int32 accumulator times a real factor, rounded as TensorFlow Lite Micro does.
 *
 * Here and in arch/dsp only are negative numbers shifted right: the shift is arithmetic with every
 * compiler for the targets (C99 6.5.7 leaves it to them), and the tests would notice otherwise.
 * No function here overflows for any argument inside the ranges that it names.
 */
#ifndef EDGE_REQUANTIZE_H
#define EDGE_REQUANTIZE_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* left * right / 2^31, rounded half up; not both may be INT32_MIN.
 * The same numbers as gemmlowp's `SaturatingRoundingDoublingHighMul`. */
EDGE_INLINE int32_t edge_multiply_high(int32_t left, int32_t right)
{
    const int64_t product = (int64_t)left * right;

    return (int32_t)((product + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^exponent, rounded half away from 0; exponent in [1, 32], value above INT32_MIN. */
EDGE_INLINE int32_t edge_divide_by_power_of_two(int32_t value, int32_t exponent)
{
    const int32_t nudged = value + (value >> 31); /* half up of value - 1 is half down of value */

    return ((nudged >> (exponent - 1)) + 1) >> 1;
}

/* value * 2^exponent, held at the ends of int32; exponent in [0, 30]. Rare, so not inlined. */
EDGE_SHARED int32_t edge_shift_left_saturating(int32_t value, int32_t exponent)
{
    if (value > (INT32_MAX >> exponent)) {
        return INT32_MAX;
    }
    if (value < (INT32_MIN >> exponent)) {
        return INT32_MIN;
    }
    return value * (int32_t)((uint32_t)1 << exponent);
}

/* accumulator * multiplier * 2^(shift - 31), rounded twice, or once (EDGE_SINGLE_ROUNDING).
 *
 * Any accumulator, multiplier >= 0, shift in [-31, 30]. A shift to the left that leaves int32
 * saturates; with a multiplier of at least 2^30 the clamp to int8 behind it gives what exact
 * arithmetic would give. */
EDGE_INLINE int32_t edge_requantize(int32_t accumulator, int32_t multiplier, int32_t shift)
{
    if (shift > 0) {
        return edge_multiply_high(edge_shift_left_saturating(accumulator, shift), multiplier);
    }
#if EDGE_SINGLE_ROUNDING
    {
        const int64_t product = (int64_t)accumulator * multiplier;
        const int64_t half = (int64_t)1 << (30 - shift);

        return (int32_t)((product + half) >> (31 - shift));
    }
#else
    accumulator = edge_multiply_high(accumulator, multiplier);
    return shift < 0 ? edge_divide_by_power_of_two(accumulator, -shift) : accumulator;
#endif
}

/* value / 2^exponent, rounded down; exponent in [0, 31] */
EDGE_INLINE int32_t edge_shift_right(int32_t value, int32_t exponent)
{
    return value >> exponent;
}

/* `value` plus its zero point, clamped to [minimum, maximum] inside int8; any int32 value. */
EDGE_INLINE int8_t edge_clamp_s8(int32_t value, int32_t zero_point, int32_t minimum,
                                 int32_t maximum)
{
    const int32_t low = minimum - zero_point; /* the sum might overflow, the bounds cannot */
    const int32_t high = maximum - zero_point;
    const int32_t raised = value < low ? low : value;

    return (int8_t)((raised > high ? high : raised) + zero_point);
}

/* As edge_clamp_s8, for int16, whose zero point is 0. */
EDGE_INLINE int16_t edge_clamp_s16(int32_t value, int32_t minimum, int32_t maximum)
{
    const int32_t raised = value < minimum ? minimum : value;

    return (int16_t)(raised > maximum ? maximum : raised);
}

/* As edge_clamp_s16, for any int64. */
EDGE_INLINE int16_t edge_clamp_wide_s16(int64_t value, int32_t minimum, int32_t maximum)
{
    const int64_t raised = value < minimum ? minimum : value;

    return (int16_t)(raised > maximum ? maximum : raised);
}

/* A sum of products of int16 to its code: accumulator * multiplier * 2^(shift - 15), rounded once,
 * half up, and clamped; |accumulator| < 2^47, multiplier in [0, 2^15), shift in [-31, 14]. */
EDGE_SHARED int16_t edge_finish_wide_s16(int64_t accumulator, int32_t multiplier, int32_t shift,
                                         int32_t minimum, int32_t maximum)
{
    const int64_t half = (int64_t)1 << (14 - shift);

    return edge_clamp_wide_s16((accumulator * multiplier + half) >> (15 - shift), minimum, maximum);
}

/* The same, quicker where the accumulator is an int32 and the factor below 1, as nearly always. */
EDGE_INLINE int16_t edge_finish_s16(int64_t accumulator, int32_t multiplier, int32_t shift,
                                    int32_t minimum, int32_t maximum)
{
    if (accumulator >= INT32_MIN && accumulator <= INT32_MAX && shift <= 0) {
        const int64_t product = (int64_t)(int32_t)accumulator * multiplier;

        return edge_clamp_s16((int32_t)(((product >> (14 - shift)) + 1) >> 1), minimum, maximum);
    }
    return edge_finish_wide_s16(accumulator, multiplier, shift, minimum, maximum);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_REQUANTIZE_H */
