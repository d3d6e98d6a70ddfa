/* Softmax, int8: exp and reciprocal in fixed point.
 *
 * Qm.n below: an int32 with m integer bits and n = 31 - m fraction bits. The steps and the order of
 * their roundings are those of gemmlowp (fixedpoint/fixedpoint.h) and of TensorFlow Lite's
 * reference softmax, since every rounding shows in the result.
 */
#ifndef EDGE_SOFTMAX_S8_H
#define EDGE_SOFTMAX_S8_H

#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Leading zero bits of value > 0. */
EDGE_INLINE int32_t edge_count_leading_zeros(uint32_t value)
{
#if defined(__GNUC__)
    return (int32_t)(__builtin_clzl(value) - (int)(8 * (sizeof(long) - sizeof(uint32_t))));
#else
    int32_t count = 0;

    while ((value & 0x80000000u) == 0) {
        value <<= 1;
        count++;
    }
    return count;
#endif
}

/* exp(x) for x in [-1/4, 0), Q0.31 to Q0.31: Taylor's series around -1/8, four terms. */
EDGE_INLINE int32_t edge_exp_quarter(int32_t x)
{
    const int32_t exp_minus_eighth = 1895147668; /* exp(-1/8) */
    const int32_t third = 715827883;             /* 1/3 */
    const int32_t t = x + ((int32_t)1 << 28);    /* x + 1/8 */
    const int32_t t2 = edge_multiply_high(t, t);
    const int32_t t3 = edge_multiply_high(t2, t);
    const int32_t t4 = edge_multiply_high(t2, t2);
    const int32_t high_terms =
        edge_multiply_high(edge_divide_by_power_of_two(t4, 2) + t3, third) + t2;
    const int32_t series = t + edge_divide_by_power_of_two(high_terms, 1);

    return exp_minus_eighth + edge_multiply_high(exp_minus_eighth, series);
}

/* exp(x) for x in (-32, 0], Q5.26 to Q0.31: a quarter's worth by series, the rest bit by bit. */
EDGE_INLINE int32_t edge_exp_of_negative(int32_t x)
{
    /* exp(-2^k) for k = -2 to 4, Q0.31 */
    static const int32_t factor[7] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    const int32_t quarter = (int32_t)1 << 24;
    const int32_t rest = (int32_t)((uint32_t)x & (uint32_t)(quarter - 1)) - quarter;
    const uint32_t quarters = (uint32_t)(rest - x); /* a multiple of 1/4, and 0 or more */
    int32_t result;
    int32_t k;

    if (x == 0) {
        return INT32_MAX;
    }
    result = edge_exp_quarter(rest * 32);
    for (k = 0; k < 7; k++) {
        if ((quarters >> (24 + k)) & 1u) {
            result = edge_multiply_high(result, factor[k]);
        }
    }
    return result;
}

/* 1 / (1 + x) for x in [0, 1), Q0.31 to Q0.31: Newton's method for 1 / ((1 + x) / 2), three steps,
 * in Q2.29. */
EDGE_INLINE int32_t edge_reciprocal_of_one_plus(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t y = 1515870810 + edge_multiply_high(half, -1010580540); /* 48/17 - 32/17 * half */
    int32_t step;

    for (step = 0; step < 3; step++) {
        const int32_t error = ((int32_t)1 << 29) - edge_multiply_high(half, y);

        y += edge_shift_left_saturating(edge_multiply_high(y, error), 2);
    }
    return edge_shift_left_saturating(y, 1);
}

/* exp of input - greatest, both raw, Q0.31 */
EDGE_INLINE int32_t edge_softmax_exp(const edge_softmax_t *softmax, int32_t difference)
{
    return edge_exp_of_negative(
        edge_requantize(difference, softmax->multiplier, softmax->left_shift));
}

/* The sum of exp over one row, Q12.19. */
EDGE_INLINE int32_t edge_softmax_sum(const edge_softmax_t *softmax, const int8_t *row,
                                     int32_t greatest)
{
    int32_t sum = 0;
    int32_t i;

    for (i = 0; i < softmax->depth; i++) {
        const int32_t difference = row[i] - greatest;

        if (difference >= softmax->diff_min) {
            sum += edge_divide_by_power_of_two(edge_softmax_exp(softmax, difference), 12);
        }
    }
    return sum;
}

EDGE_INLINE int32_t edge_softmax_greatest(const int8_t *row, int32_t depth)
{
    int32_t greatest = INT8_MIN;
    int32_t i;

    for (i = 0; i < depth; i++) {
        greatest = row[i] > greatest ? row[i] : greatest;
    }
    return greatest;
}

/* One row, input (depth) to output (depth). */
EDGE_INLINE void edge_softmax_row(const edge_softmax_t *softmax, const int8_t *input,
                                  int8_t *output)
{
    const int32_t greatest = edge_softmax_greatest(input, softmax->depth);
    const uint32_t sum = (uint32_t)edge_softmax_sum(softmax, input, greatest);
    const int32_t headroom = edge_count_leading_zeros(sum);
    const int32_t scale =
        edge_reciprocal_of_one_plus((int32_t)((sum << headroom) & (uint32_t)INT32_MAX));
    const int32_t exponent = headroom > 3 ? 35 - headroom : 32; /* beyond 32 all round to 0 */
    int32_t i;

    for (i = 0; i < softmax->depth; i++) {
        const int32_t difference = input[i] - greatest;
        int32_t value = 0;

        if (difference >= softmax->diff_min) {
            const int32_t share = edge_multiply_high(scale, edge_softmax_exp(softmax, difference));

            value = edge_divide_by_power_of_two(share, exponent);
        }
        output[i] = edge_clamp_s8(value, INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

/* input (rows, depth), output (rows, depth); depth <= 4095, so that the sum fits */
EDGE_KERNEL void edge_softmax_s8(const edge_softmax_t *softmax, const int8_t *input,
                                 int8_t *output)
{
    int32_t row;

    for (row = 0; row < softmax->rows; row++) {
        edge_softmax_row(softmax, input, output);
        input += softmax->depth;
        output += softmax->depth;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_SOFTMAX_S8_H */
