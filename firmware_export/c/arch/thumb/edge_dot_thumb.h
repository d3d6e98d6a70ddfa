/* The dot product of the generic kernels in Thumb instructions, for cores without SMLAD: GCC 12
 * takes up to twice as many, since it steps four pointers or spills them (Cortex-M0+, M3). */
#ifndef EDGE_DOT_THUMB_H
#define EDGE_DOT_THUMB_H

#include "../generic/edge_dot_s8.h"

/* 0 on the compiler's command line: C everywhere. */
#if defined(EDGE_THUMB_IS_NATIVE)
#elif defined(__thumb__) && !defined(__ARM_FEATURE_DSP) && defined(__GNUC__) &&                    \
    defined(__OPTIMIZE__) && (defined(__thumb2__) || !defined(__OPTIMIZE_SIZE__))
/* At -Os GCC leaves the high registers of a Cortex-M0+ alone. */
#define EDGE_THUMB_IS_NATIVE 1
#else
#define EDGE_THUMB_IS_NATIVE 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if EDGE_THUMB_IS_NATIVE && defined(__thumb2__)

/* Four products in nine instructions. */
#define EDGE_THUMB_STEP                                                                            \
    "ldrsb %[value], [%[input]], #1\n"                                                             \
    "ldrsb %[weight], [%[row_a]], #1\n"                                                            \
    "mla %[a], %[value], %[weight], %[a]\n"                                                        \
    "ldrsb %[weight], [%[row_b]], #1\n"                                                            \
    "mla %[b], %[value], %[weight], %[b]\n"                                                        \
    "ldrsb %[weight], [%[row_c]], #1\n"                                                            \
    "mla %[c], %[value], %[weight], %[c]\n"                                                        \
    "ldrsb %[weight], [%[row_d]], #1\n"                                                            \
    "mla %[d], %[value], %[weight], %[d]\n"
#define EDGE_THUMB_RUN(steps)                                                                      \
    __asm__ volatile(steps                                                                         \
                     : [a] "+r"(s.a), [b] "+r"(s.b), [c] "+r"(s.c), [d] "+r"(s.d),                 \
                       [input] "+r"(input), [row_a] "+r"(row_a), [row_b] "+r"(row_b),              \
                       [row_c] "+r"(row_c), [row_d] "+r"(row_d), [value] "=&r"(value),             \
                       [weight] "=&r"(weight)                                                      \
                     :                                                                             \
                     : "memory")

/* Adds one input against four rows of weights, `row_stride` apart. */
EDGE_INLINE void edge_dot_4_s8(const int8_t *input, const int8_t *row_a, int32_t row_stride,
                               int32_t length, edge_accumulators_t *sums)
{
    const int8_t *row_b = row_a + row_stride;
    const int8_t *row_c = row_b + row_stride;
    const int8_t *row_d = row_c + row_stride;
    edge_accumulators_t s = *sums;
    int32_t value;
    int32_t weight;

    for (; length >= 4; length -= 4) {
        EDGE_THUMB_RUN(EDGE_THUMB_STEP EDGE_THUMB_STEP EDGE_THUMB_STEP EDGE_THUMB_STEP);
    }
    for (; length > 0; length--) {
        EDGE_THUMB_RUN(EDGE_THUMB_STEP);
    }
    *sums = s;
}

#elif EDGE_THUMB_IS_NATIVE

/* Four products in 16 instructions; the rows are reached through two pointers and two indices,
 * which count up to 0 and to the stride. */
EDGE_INLINE void edge_dot_4_s8(const int8_t *input, const int8_t *row_a, int32_t row_stride,
                               int32_t length, edge_accumulators_t *sums)
{
    const int8_t *const input_end = input + length;
    const int8_t *const end_a = row_a + length;
    const int8_t *const end_c = end_a + 2 * row_stride;
    edge_accumulators_t s = *sums;
    int32_t index = -length;
    int32_t next = row_stride - length;
    int32_t value;
    int32_t weight;

    if (length <= 0) {
        return;
    }
    __asm__ volatile(".syntax unified\n" /* GCC's default for Thumb-1 is the divided one */
                     "1:\n"
                     "ldrsb %[value], [%[input], %[index]]\n"
                     "ldrsb %[weight], [%[end_a], %[index]]\n"
                     "muls %[weight], %[value]\n"
                     "add %[a], %[weight]\n"
                     "ldrsb %[weight], [%[end_a], %[next]]\n"
                     "muls %[weight], %[value]\n"
                     "add %[b], %[weight]\n"
                     "ldrsb %[weight], [%[end_c], %[index]]\n"
                     "muls %[weight], %[value]\n"
                     "add %[c], %[weight]\n"
                     "ldrsb %[weight], [%[end_c], %[next]]\n"
                     "muls %[weight], %[value]\n"
                     "add %[d], %[weight]\n"
                     "adds %[next], #1\n"
                     "adds %[index], #1\n"
                     "bne 1b"
                     : [a] "+h"(s.a), [b] "+h"(s.b), [c] "+h"(s.c), [d] "+h"(s.d),
                       [index] "+l"(index), [next] "+l"(next), [value] "=&l"(value),
                       [weight] "=&l"(weight)
                     : [input] "l"(input_end), [end_a] "l"(end_a), [end_c] "l"(end_c)
                     : "cc", "memory");
    *sums = s;
}

#else

EDGE_INLINE void edge_dot_4_s8(const int8_t *input, const int8_t *row_a, int32_t row_stride,
                               int32_t length, edge_accumulators_t *sums)
{
    edge_dot_4_rows_s8(input, row_a, row_stride, length, sums);
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DOT_THUMB_H */
