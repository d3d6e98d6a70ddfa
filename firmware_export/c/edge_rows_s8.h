/* Functions of whole rows: the logarithm of softmax, and rows of length 1.
 *
 * Qm.n as in edge_softmax_s8.h. The steps and the order of their roundings are those of TensorFlow
 * Lite's reference kernels, since every rounding shows in the result.
 */
#ifndef EDGE_ROWS_S8_H
#define EDGE_ROWS_S8_H

#include "edge_requantize.h"
#include "edge_softmax_s8.h"
#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_SQRT_HALF 1518500250           /* 0.5^(1/2), Q0.31 */
#define EDGE_FOURTH_ROOT_OF_HALF 1805811301 /* 0.5^(1/4), Q0.31 */

/* What the powers of two leave of a logarithm, Q6.25: a quotient of polynomials of r in
 * [1/2, 1), Q0.31, around 0.5^(1/4). */
EDGE_INLINE int32_t edge_log_near_one(int32_t r)
{
    const int32_t q = (r - EDGE_FOURTH_ROOT_OF_HALF) * 2;
    const int32_t p = (int32_t)(((int64_t)r + EDGE_FOURTH_ROOT_OF_HALF + 1) / 2);
    const int32_t square = edge_multiply_high(q, q);
    const int32_t cubic = edge_multiply_high(edge_multiply_high(q, square), 117049297);
    const int32_t numerator = edge_multiply_high(q, r) + cubic;
    const int32_t inner = 1057819769 + q + edge_multiply_high(127690142, square);
    const int32_t denominator = edge_multiply_high(p, inner) + edge_multiply_high(638450708, q);

    return edge_multiply_high(edge_divide_by_power_of_two(numerator, 6),
                              edge_reciprocal_of_one_plus(denominator));
}

/* log(value) for value of at least 1, Q12.19 to Q5.26: a power of two, taken twice, once of value
 * and once of value / sqrt(2), and what is left. */
EDGE_INLINE int32_t edge_log_of_sum(int32_t value)
{
    const int32_t quarter = (int32_t)1 << 23; /* Q6.25 */
    const int32_t zeros = edge_count_leading_zeros((uint32_t)value);
    const int32_t headroom =
        edge_count_leading_zeros((uint32_t)edge_multiply_high(value, EDGE_SQRT_HALF)) - 1;
    const int32_t high =
        edge_multiply_high(edge_shift_left_saturating(value, zeros - 1), EDGE_SQRT_HALF);
    const int32_t left = edge_shift_left_saturating(high, 1);
    const int32_t right = edge_shift_left_saturating(value, headroom);
    const int32_t left_power = (12 - zeros) * ((int32_t)1 << 25) + quarter;
    const int32_t right_power = (12 - headroom) * ((int32_t)1 << 25) - quarter;
    const int32_t power = left_power > right_power ? left_power : right_power;
    const int32_t rest = edge_log_near_one(left < right ? left : right);

    return edge_shift_left_saturating(edge_multiply_high(power, 1488522236) + rest, 1);
}

/* One row, input (depth) to output (depth). */
EDGE_INLINE void edge_log_softmax_row(const edge_log_softmax_t *log_softmax, const int8_t *input,
                                      int8_t *output)
{
    const edge_softmax_t *exp = &log_softmax->exp;
    const int32_t greatest = edge_softmax_greatest(input, exp->depth);
    const int32_t log_sum = edge_log_of_sum(edge_softmax_sum(exp, input, greatest));
    const int32_t reversed = edge_requantize(INT32_MIN + log_sum, log_softmax->reverse.multiplier,
                                             log_softmax->reverse.shift);
    const int32_t least = exp->diff_min - 1 > reversed ? exp->diff_min - 1 : reversed;
    int32_t i;

    for (i = 0; i < exp->depth; i++) {
        const int32_t difference = input[i] - greatest;
        int32_t value = INT8_MIN - INT8_MAX;

        if (difference > least) {
            const int32_t share = edge_requantize(difference, exp->multiplier, exp->left_shift);

            value = edge_divide_by_power_of_two(share - log_sum, 22);
        }
        output[i] = edge_clamp_s8(value, INT8_MAX, INT8_MIN, INT8_MAX);
    }
}

/* input (rows, depth), output (rows, depth); depth <= 4095, so that the sum fits */
EDGE_KERNEL void edge_log_softmax_s8(const edge_log_softmax_t *log_softmax, const int8_t *input,
                                     int8_t *output)
{
    int32_t row;

    for (row = 0; row < log_softmax->exp.rows; row++) {
        edge_log_softmax_row(log_softmax, input, output);
        input += log_softmax->exp.depth;
        output += log_softmax->exp.depth;
    }
}

/* 1 / sqrt(value) for value in [2^27, 2^29): Newton's method, five steps, in Q3.28. */
EDGE_INLINE int32_t edge_inverse_root(int32_t value)
{
    const int32_t half = edge_divide_by_power_of_two(value >> 1, 1);
    int32_t x = (int32_t)1 << 28;
    int32_t step;

    for (step = 0; step < 5; step++) {
        const int32_t cube = edge_shift_left_saturating(
            edge_multiply_high(edge_multiply_high(x, x), x), 6);
        const int32_t lead = edge_multiply_high(((int32_t)1 << 28) + ((int32_t)1 << 27), x);

        x = edge_shift_left_saturating(lead - edge_multiply_high(half, cube), 3);
    }
    return edge_multiply_high(x, EDGE_SQRT_HALF);
}

/* 1 / sqrt(value) of an integer; of 0 that of 1. */
EDGE_INLINE edge_requant_t edge_inverse_square_root(int32_t value)
{
    edge_requant_t result = {INT32_MAX, 0};
    int32_t right = 11;
    int32_t pairs;

    if (value <= 1) {
        return result;
    }
    while (value >= (int32_t)1 << 29) {
        value /= 4;
        right++;
    }
    pairs = (edge_count_leading_zeros((uint32_t)value) - 1) / 2 - 1;
    right -= pairs;
    result.multiplier = edge_inverse_root(value * ((int32_t)1 << (2 * pairs)));
    if (right < 0) {
        result.multiplier *= (int32_t)1 << -right;
        right = 0;
    }
    result.shift = -right;
    return result;
}

/* input (rows, depth), output (rows, depth), rows of length 1 at scale 1/128; depth <= 32767 */
EDGE_KERNEL void edge_l2_normalization_s8(const edge_l2_normalization_t *table,
                                          const int8_t *input, int8_t *output)
{
    int32_t row;
    int32_t i;

    for (row = 0; row < table->rows; row++) {
        int32_t sum = 0;
        edge_requant_t share;

        for (i = 0; i < table->depth; i++) {
            const int32_t value = input[i] - table->input_zero_point;

            sum += value * value;
        }
        share = edge_inverse_square_root(sum);
        for (i = 0; i < table->depth; i++) {
            const int32_t value = edge_requantize(input[i] - table->input_zero_point,
                                                  share.multiplier, share.shift + 7);

            output[i] = edge_clamp_s8(value, 0, INT8_MIN, INT8_MAX);
        }
        input += table->depth;
        output += table->depth;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ROWS_S8_H */
