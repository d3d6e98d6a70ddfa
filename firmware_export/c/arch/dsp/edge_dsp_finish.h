/* From the sums of the dsp kernels to codes, in SIMD instructions or in C with the same result. */
#ifndef EDGE_DSP_FINISH_H
#define EDGE_DSP_FINISH_H

#include "edge_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Twice an accumulator, (both - y) / 256 or y, plus twice its bias. */
EDGE_INLINE int32_t edge_dsp_twice_x(uint32_t both, uint32_t y, int32_t bias)
{
    return bias + ((int32_t)(both - y) >> 7);
}

EDGE_INLINE int32_t edge_dsp_twice_y(uint32_t y, int32_t bias)
{
    return bias + (int32_t)(y << 1);
}

/* SMMUL and SMMULR differ in that the latter rounds; half away from zero needs 1 less below 0. */
#if EDGE_SINGLE_ROUNDING
#define EDGE_DSP_MULTIPLY(result, value, multiplier)                                               \
    "smmul " result ", " value ", " multiplier "\n"
#else
#define EDGE_DSP_MULTIPLY(result, value, multiplier)                                               \
    "smmulr " result ", " value ", " multiplier "\n"                                               \
    "add " result ", " result ", " result ", asr #31\n"
#endif

/* doubled / 2 * multiplier / 2^(31 + exponent) to int8, rounded as edge_requantize does, plus
 * the zero point, held inside int8. |doubled| < 2^31, multiplier >= 0, exponent in [1, 31]. */
EDGE_INLINE int8_t edge_dsp_output(int32_t doubled, int32_t multiplier, int32_t exponent,
                                   int32_t zero_point)
{
    int32_t value;

#if EDGE_DSP_IS_NATIVE
    /* ASRS leaves the half in the carry, ADC rounds with it and adds the zero point. */
    __asm__(EDGE_DSP_MULTIPLY("%0", "%1", "%2")
            "asrs %0, %0, %3\n"
            "adc %0, %0, %4\n"
            "ssat %0, #8, %0\n"
            : "=&r"(value)
            : "r"(doubled), "r"(multiplier), "r"(exponent), "r"(zero_point)
            : "cc");
#else
#if EDGE_SINGLE_ROUNDING
    value = (int32_t)(((int64_t)doubled * multiplier) >> 32);
#else
    value = (int32_t)(((int64_t)doubled * multiplier + ((int64_t)1 << 31)) >> 32);
    value += value >> 31;
#endif
    value = (((value >> (exponent - 1)) + 1) >> 1) + zero_point;
    value = value < INT8_MIN ? INT8_MIN : value;
    value = value > INT8_MAX ? INT8_MAX : value;
#endif
    return (int8_t)value;
}

#if EDGE_DSP_IS_NATIVE
/* edge_dsp_output in pieces, so that one block finishes four outputs without spilling: %[sum] is
 * doubled already; the low byte of `exponent` counts, and the output's address moves on. */
#define EDGE_DSP_SCALE(sum, multiplier)                                                            \
    EDGE_DSP_MULTIPLY("%[" sum "]", "%[" sum "]", multiplier)
#define EDGE_DSP_STORE(sum, exponent, output)                                                      \
    "asrs %[" sum "], %[" sum "], " exponent "\n"                                                  \
    "adc %[" sum "], %[" sum "], %[zero_point]\n"                                                  \
    "ssat %[" sum "], #8, %[" sum "]\n"                                                            \
    "strb %[" sum "], [%[" output "]], #1\n"
#endif

/* Channels x and y at two pixels to *first and *second, which move on; *finish is bias x and y,
 * multiplier x and y, and a word with exponent x in its lowest byte and y in the next. */
EDGE_INLINE void edge_dsp_finish_2x2(edge_dsp_sums_t s, const int32_t **finish, int32_t zero_point,
                                     int8_t **first, int8_t **second)
{
    const int32_t *f = *finish;
    int8_t *p = *first;
    int8_t *q = *second;

#if EDGE_DSP_IS_NATIVE
    __asm__ volatile(
        "ldrd r4, r5, [%[f]], #8\n"
        "sub %[both_0], %[both_0], %[y_0]\n"
        "sub %[both_1], %[both_1], %[y_1]\n"
        "add %[both_0], r4, %[both_0], asr #7\n"
        "add %[both_1], r4, %[both_1], asr #7\n"
        "add %[y_0], r5, %[y_0], lsl #1\n"
        "add %[y_1], r5, %[y_1], lsl #1\n"
        "ldrd r4, r5, [%[f]], #8\n" EDGE_DSP_SCALE("both_0", "r4") EDGE_DSP_SCALE("both_1", "r4")
            EDGE_DSP_SCALE("y_0", "r5") EDGE_DSP_SCALE("y_1", "r5")
        "ldr r4, [%[f]], #4\n" EDGE_DSP_STORE("both_0", "r4", "p")
            EDGE_DSP_STORE("both_1", "r4", "q")
        "lsr r4, r4, #8\n" EDGE_DSP_STORE("y_0", "r4", "p") EDGE_DSP_STORE("y_1", "r4", "q")
        : [both_0] "+r"(s.both_0), [y_0] "+r"(s.y_0), [both_1] "+r"(s.both_1), [y_1] "+r"(s.y_1),
          [f] "+r"(f), [p] "+r"(p), [q] "+r"(q)
        : [zero_point] "r"(zero_point)
        : "r4", "r5", "cc", "memory");
#else
    *p++ = edge_dsp_output(edge_dsp_twice_x(s.both_0, s.y_0, f[0]), f[2], f[4] & 255, zero_point);
    *q++ = edge_dsp_output(edge_dsp_twice_x(s.both_1, s.y_1, f[0]), f[2], f[4] & 255, zero_point);
    *p++ = edge_dsp_output(edge_dsp_twice_y(s.y_0, f[1]), f[3], f[4] >> 8, zero_point);
    *q++ = edge_dsp_output(edge_dsp_twice_y(s.y_1, f[1]), f[3], f[4] >> 8, zero_point);
    f += 5;
#endif
    *finish = f;
    *first = p;
    *second = q;
}

/* Four channels to *output, which moves on; *finish is four biases, four multipliers, and a word
 * with the four exponents, the first in its lowest byte. */
EDGE_INLINE void edge_dsp_finish_4(edge_dsp_channels_t s, const int32_t **finish,
                                   int32_t zero_point, int8_t **output)
{
    const int32_t *f = *finish;
    int8_t *p = *output;

#if EDGE_DSP_IS_NATIVE
    __asm__ volatile(
        "ldmia %[f]!, {r4, r5, r6, r8}\n"
        "add %[a], r4, %[a], lsl #1\n"
        "add %[b], r5, %[b], lsl #1\n"
        "add %[c], r6, %[c], lsl #1\n"
        "add %[d], r8, %[d], lsl #1\n"
        "ldmia %[f]!, {r4, r5, r6, r8}\n" EDGE_DSP_SCALE("a", "r4") EDGE_DSP_SCALE("b", "r5")
            EDGE_DSP_SCALE("c", "r6") EDGE_DSP_SCALE("d", "r8")
        "ldr r4, [%[f]], #4\n" EDGE_DSP_STORE("a", "r4", "p")
        "lsr r4, r4, #8\n" EDGE_DSP_STORE("b", "r4", "p")
        "lsr r4, r4, #8\n" EDGE_DSP_STORE("c", "r4", "p")
        "lsr r4, r4, #8\n" EDGE_DSP_STORE("d", "r4", "p")
        : [a] "+r"(s.a), [b] "+r"(s.b), [c] "+r"(s.c), [d] "+r"(s.d), [f] "+r"(f), [p] "+r"(p)
        : [zero_point] "r"(zero_point)
        : "r4", "r5", "r6", "r8", "cc", "memory");
#else
    *p++ = edge_dsp_output(f[0] + 2 * s.a, f[4], f[8] & 255, zero_point);
    *p++ = edge_dsp_output(f[1] + 2 * s.b, f[5], f[8] >> 8 & 255, zero_point);
    *p++ = edge_dsp_output(f[2] + 2 * s.c, f[6], f[8] >> 16 & 255, zero_point);
    *p++ = edge_dsp_output(f[3] + 2 * s.d, f[7], f[8] >> 24, zero_point);
    f += 9;
#endif
    *finish = f;
    *output = p;
}

/* Holds outputs inside the bounds of an activation, where int8 itself does not. */
EDGE_KERNEL void edge_dsp_clamp(int8_t *values, int32_t size, int32_t minimum, int32_t maximum)
{
    if (minimum == INT8_MIN && maximum == INT8_MAX) {
        return;
    }
    for (; size > 0; size--) {
        const int32_t raised = *values < minimum ? minimum : *values;

        *values++ = (int8_t)(raised > maximum ? maximum : raised);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DSP_FINISH_H */
