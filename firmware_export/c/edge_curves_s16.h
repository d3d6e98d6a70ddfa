/* Softmax, logistic and tanh of int16, by tables with lines between their entries. */
#ifndef EDGE_CURVES_S16_H
#define EDGE_CURVES_S16_H

#include "edge_requantize.h"
#include "edge_softmax_s8.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A curve at `code`, of a table of 513 entries over all codes (TFLite `LUTLookup`). */
EDGE_INLINE int32_t edge_looked_up_s16(const int16_t *table, int32_t code)
{
    const int32_t place = code - INT16_MIN;
    const int32_t low = table[place / 128];
    const int32_t rise = table[place / 128 + 1] - low;

    return low + edge_shift_right(rise * (place % 128) + 64, 7);
}

/* The greatest of a row. */
EDGE_INLINE int32_t edge_greatest_s16(const int16_t *row, int32_t depth)
{
    int32_t greatest = row[0];
    int32_t i;

    for (i = 1; i < depth; i++) {
        greatest = row[i] > greatest ? row[i] : greatest;
    }
    return greatest;
}

/* exp(input - greatest) of each of a row, Q15, into `output`; returns their sum. */
EDGE_INLINE int32_t edge_exp_row_s16(const edge_softmax_s16_t *softmax, const int16_t *input,
                                     int16_t *output)
{
    const int32_t greatest = edge_greatest_s16(input, softmax->depth);
    int32_t sum = 0;
    int32_t i;

    for (i = 0; i < softmax->depth; i++) {
        const int32_t steps = edge_requantize(input[i] - greatest, softmax->requant.multiplier,
                                              softmax->requant.shift);
        const int32_t code = steps < INT16_MIN - INT16_MAX ? INT16_MIN : steps + INT16_MAX;
        const int32_t power = edge_looked_up_s16(softmax->exp, code);

        output[i] = (int16_t)power;
        sum += power;
    }
    return sum;
}

/* 2^15 / (1 + x) of the x with which sum = 2^(31 - headroom) * (1 + x) */
EDGE_INLINE int32_t edge_reciprocal_s16(const edge_softmax_s16_t *softmax, uint32_t sum,
                                        int32_t headroom)
{
    const uint32_t mantissa = ((sum << (headroom - 1)) + ((uint32_t)1 << 13)) >> 14;
    const int32_t code = (int32_t)mantissa - (((int32_t)1 << 15) + ((int32_t)1 << 16));

    return edge_looked_up_s16(softmax->reciprocal,
                              edge_clamp_s16(code, INT16_MIN, INT16_MAX));
}

/* input (rows, depth), output (rows, depth) */
EDGE_KERNEL void edge_softmax_s16(const edge_softmax_s16_t *softmax, const int16_t *input,
                                  int16_t *output)
{
    int32_t row;
    int32_t i;

    for (row = 0; row < softmax->rows; row++) {
        const uint32_t sum = (uint32_t)edge_exp_row_s16(softmax, input, output);
        const int32_t headroom = edge_count_leading_zeros(sum);
        const int32_t reciprocal = edge_reciprocal_s16(softmax, sum, headroom);
        const int32_t shift = 31 - headroom;

        for (i = 0; i < softmax->depth; i++) {
            const int32_t share = output[i] * reciprocal + ((int32_t)1 << (shift - 1));

            output[i] = edge_clamp_s16(edge_shift_right(share, shift), 0, INT16_MAX);
        }
        input += softmax->depth;
        output += softmax->depth;
    }
}

/* `code` in steps of which 2^bits are 1/24 (bits: 9 of the logistic, 8 of the tanh). */
EDGE_INLINE int32_t edge_curve_argument(const edge_curve_s16_t *curve, int32_t code)
{
    const int64_t half = ((int64_t)1 << curve->shift) / 2;

    return (int32_t)(((int64_t)code * curve->multiplier + half) >> curve->shift);
}

/* The logistic of |argument| as Q16 shifted left by `bits`, `saturated` beyond the table. */
EDGE_INLINE int32_t edge_curve_s16(const edge_curve_s16_t *curve, int32_t argument, int32_t bits,
                                   int32_t saturated)
{
    const int32_t magnitude = argument < 0 ? -argument : argument;
    const int32_t index = magnitude >> bits;
    int32_t low;
    int32_t rise;

    if (index >= 255) {
        return saturated;
    }
    low = curve->table[index];
    rise = curve->table[index + 1] - low;
    return (low + 32768) * ((int32_t)1 << bits) + (magnitude - (index << bits)) * rise;
}

/* input (size), output (size) */
EDGE_KERNEL void edge_logistic_s16(const edge_curve_s16_t *curve, const int16_t *input,
                                   int16_t *output)
{
    int32_t i;

    for (i = 0; i < curve->size; i++) {
        const int32_t argument = edge_curve_argument(curve, input[i]);
        const int32_t value = edge_curve_s16(curve, argument, 9, 0x7FFF * 1024);
        const int32_t whole = argument >= 0 ? value + 512 : ((int32_t)1 << 25) - value + 511;

        output[i] = (int16_t)edge_shift_right(whole, 10);
    }
}

/* input (size), output (size): 2 * logistic(2 * x) - 1 */
EDGE_KERNEL void edge_tanh_s16(const edge_curve_s16_t *curve, const int16_t *input,
                               int16_t *output)
{
    const int32_t one = (int32_t)1 << 23;
    int32_t i;

    for (i = 0; i < curve->size; i++) {
        const int32_t argument = edge_curve_argument(curve, input[i]);
        const int32_t value = edge_curve_s16(curve, argument, 8, 0xFFFF * 256);
        const int32_t whole = argument >= 0 ? value - one + 128 : one - value + 127;

        output[i] = (int16_t)edge_shift_right(whole, 8);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_CURVES_S16_H */
