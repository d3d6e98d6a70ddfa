/* The elements of an addition that cores with Helium make four at a time; none on other cores. */
#ifndef EDGE_ADD_MVE_H
#define EDGE_ADD_MVE_H

#include "edge_mve.h"

#ifdef __cplusplus
extern "C" {
#endif

#if EDGE_MVE_IS_NATIVE

/* values * multiplier * 2^(shift - 31), rounded as edge_requantize does; shift <= 0, and values so
 * small that they may be doubled. */
EDGE_INLINE int32x4_t edge_add_mve_scale(int32x4_t values, edge_requant_t requant)
{
#if EDGE_SINGLE_ROUNDING
    /* twice as much, so that there always is a shift to round with */
    return vrshlq_n_s32(vqdmulhq_n_s32(vshlq_n_s32(values, 1), requant.multiplier),
                        requant.shift - 1);
#else
    /* The sign bit of value & shift says that a negative value is divided: then half away from zero
     * needs 1 less (edge_mve.h). */
    const int32x4_t high = vqrdmulhq_n_s32(values, requant.multiplier);
    const int32x4_t nudge = vshrq_n_s32(vandq_s32(high, vdupq_n_s32(requant.shift)), 31);

    return vrshlq_n_s32(vaddq_s32(high, nudge), requant.shift);
#endif
}

EDGE_INLINE int32x4_t edge_add_mve_widen(const int8_t *input, int32_t zero_point,
                                         edge_requant_t requant)
{
    const int32x4_t values = vsubq_n_s32(vldrbq_s32(input), zero_point);

    return edge_add_mve_scale(vshlq_n_s32(values, EDGE_ADD_LEFT_SHIFT), requant);
}

/* Adds from the first element on, and returns how many it did: a multiple of 4. */
EDGE_INLINE int32_t edge_add_mve(const edge_add_t *add, const int8_t *left, const int8_t *right,
                                 int8_t *output)
{
    const int32x4_t minimum = vdupq_n_s32(add->activation_min);
    const int32x4_t maximum = vdupq_n_s32(add->activation_max);
    const edge_requant_t left_requant = add->left; /* copies: output might point at them */
    const edge_requant_t right_requant = add->right;
    const edge_requant_t output_requant = add->output;
    const int32_t left_zero_point = add->left_zero_point;
    const int32_t right_zero_point = add->right_zero_point;
    const int32_t output_zero_point = add->output_zero_point;
    int32_t fours = add->size >> 2;

    for (; fours > 0; fours--) {
        const int32x4_t sums =
            vaddq_s32(edge_add_mve_widen(left, left_zero_point, left_requant),
                      edge_add_mve_widen(right, right_zero_point, right_requant));
        const int32x4_t codes =
            vaddq_n_s32(edge_add_mve_scale(sums, output_requant), output_zero_point);

        vstrbq_s32(output, vminq_s32(vmaxq_s32(codes, minimum), maximum));
        left += 4;
        right += 4;
        output += 4;
    }
    return add->size & ~3;
}

#else

EDGE_INLINE int32_t edge_add_mve(const edge_add_t *add, const int8_t *left, const int8_t *right,
                                 int8_t *output)
{
    (void)add;
    (void)left;
    (void)right;
    (void)output;
    return 0;
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ADD_MVE_H */
