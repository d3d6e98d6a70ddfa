/* What the dsp kernels ask of the core: a few blocks of SIMD instructions (Cortex-M4, M7, M33),
 * each with the same result in plain C99 for every other compiler.
 *
 * Written as instructions because GCC 12 spills what fits in the registers, and loads word by word
 * what LDM loads at once. Every asm block needs at most 13 registers and leaves r7 (Thumb's frame
 * pointer) alone. Without optimization compilers find too few registers: then it is C, too.
 *
 * Twin weights: two rows x and y of weights share a word, 256 * x + y in each of its int16 halves.
 * Multiplied as it is, a half gives 256 * (x * input) + y * input; its sign-extended low byte gives
 * y * input alone. So one SXTB16 unpacks four weights, and the sums part at the end:
 * x = (both - y) / 256. The exporter checks that weights lie in [-127, 127], so that a half holds
 * both, and that 128 * (sum of |x|) < 2^23, so that 256 times the sum fits 32 bits. `both` may wrap
 * on its way, which is why sums are unsigned in C.
 */
#ifndef EDGE_DSP_H
#define EDGE_DSP_H

#include "../../edge_types.h"

#include <string.h>

/* 0 on the compiler's command line: C everywhere. */
#if defined(EDGE_DSP_IS_NATIVE)
#elif defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__) && defined(__OPTIMIZE__)
#define EDGE_DSP_IS_NATIVE 1
#else
#define EDGE_DSP_IS_NATIVE 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Sums of two pairs: rows x and y of twin weights against two pixels (convolution), or two pairs of
 * rows against one input (fully connected). */
typedef struct {
    uint32_t both_0;
    uint32_t y_0;
    uint32_t both_1;
    uint32_t y_1;
} edge_dsp_sums_t;

/* Sums of four neighbouring channels. */
typedef struct {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} edge_dsp_channels_t;

#if !EDGE_DSP_IS_NATIVE

/* Four bytes, the first one lowest. */
EDGE_INLINE uint32_t edge_dsp_load(const int8_t *bytes)
{
    return (uint32_t)(uint8_t)bytes[0] | (uint32_t)(uint8_t)bytes[1] << 8 |
           (uint32_t)(uint8_t)bytes[2] << 16 | (uint32_t)(uint8_t)bytes[3] << 24;
}

/* SXTB16: bytes 0 and 2 as int16 halves. */
EDGE_INLINE uint32_t edge_dsp_even(uint32_t word)
{
    return (uint32_t)(uint16_t)(int8_t)(word & 255u) |
           (uint32_t)(uint16_t)(int8_t)(word >> 16 & 255u) << 16;
}

/* SXTB16 with ROR #8: bytes 1 and 3. */
EDGE_INLINE uint32_t edge_dsp_odd(uint32_t word)
{
    return edge_dsp_even(word >> 8);
}

/* The int16 halves of a word. */
EDGE_INLINE int32_t edge_dsp_low(uint32_t word)
{
    return (int16_t)(word & 0xFFFFu);
}

EDGE_INLINE int32_t edge_dsp_high(uint32_t word)
{
    return (int16_t)(word >> 16);
}

/* SMLAD: both products of halves added to a sum that wraps. */
EDGE_INLINE uint32_t edge_dsp_smlad(uint32_t left, uint32_t right, uint32_t sum)
{
    return sum + (uint32_t)(edge_dsp_low(left) * edge_dsp_low(right)) +
           (uint32_t)(edge_dsp_high(left) * edge_dsp_high(right));
}

/* One word of twin weights against one pair of inputs. */
EDGE_INLINE void edge_dsp_twin(uint32_t weight, uint32_t input, uint32_t *both, uint32_t *y)
{
    *both = edge_dsp_smlad(weight, input, *both);
    *y = edge_dsp_smlad(edge_dsp_even(weight), input, *y);
}

#endif

#if EDGE_DSP_IS_NATIVE
#define EDGE_DSP_EXPAND                                                                            \
    "ldr %[odd], [%[source]], #4\n"                                                                \
    "sxtb16 %[even], %[odd]\n"                                                                     \
    "sxtb16 %[odd], %[odd], ror #8\n"                                                              \
    "strd %[even], %[odd], [%[target]], #16\n"
#define EDGE_DSP_RUN_EXPAND(words)                                                                 \
    __asm__ volatile(words                                                                         \
                     : [source] "+r"(source), [target] "+r"(target), [even] "=&r"(even),           \
                       [odd] "=&r"(odd)                                                            \
                     :                                                                             \
                     : "memory")
#endif

/* Expands `words` times four int8 to two words of int16 pairs, bytes (0, 2) and (1, 3); the next
 * two words are written 16 bytes on. source at any address, target aligned to 4. */
EDGE_INLINE void edge_dsp_expand(const int8_t *source, int32_t words, int8_t *target)
{
#if EDGE_DSP_IS_NATIVE
    uint32_t even;
    uint32_t odd;

    for (; words >= 4; words -= 4) {
        EDGE_DSP_RUN_EXPAND(EDGE_DSP_EXPAND EDGE_DSP_EXPAND EDGE_DSP_EXPAND EDGE_DSP_EXPAND);
    }
    for (; words > 0; words--) {
        EDGE_DSP_RUN_EXPAND(EDGE_DSP_EXPAND);
    }
#else
    for (; words > 0; words--) {
        const uint32_t word = edge_dsp_load(source);
        const uint32_t pairs[2] = {edge_dsp_even(word), edge_dsp_odd(word)};

        (void)memcpy(target, pairs, sizeof pairs);
        source += 4;
        target += 16;
    }
#endif
}

#if EDGE_DSP_IS_NATIVE
/* 16 products in 12 instructions. */
#define EDGE_DSP_STEP_2X2                                                                          \
    "ldrd %[w0], %[w1], [%[weight]], #8\n"                                                         \
    "ldmia %[columns]!, {r4, r5, r6, r8}\n"                                                        \
    "smlad %[both_0], %[w0], r4, %[both_0]\n"                                                      \
    "smlad %[both_1], %[w0], r6, %[both_1]\n"                                                      \
    "sxtb16 %[w0], %[w0]\n"                                                                        \
    "smlad %[y_0], %[w0], r4, %[y_0]\n"                                                            \
    "smlad %[y_1], %[w0], r6, %[y_1]\n"                                                            \
    "smlad %[both_0], %[w1], r5, %[both_0]\n"                                                      \
    "smlad %[both_1], %[w1], r8, %[both_1]\n"                                                      \
    "sxtb16 %[w1], %[w1]\n"                                                                        \
    "smlad %[y_0], %[w1], r5, %[y_0]\n"                                                            \
    "smlad %[y_1], %[w1], r8, %[y_1]\n"
#define EDGE_DSP_RUN_2X2(steps)                                                                    \
    __asm__ volatile(steps                                                                         \
                     : [weight] "+r"(weight), [columns] "+r"(columns), [both_0] "+r"(s.both_0),    \
                       [y_0] "+r"(s.y_0), [both_1] "+r"(s.both_1), [y_1] "+r"(s.y_1),              \
                       [w0] "=&r"(w0), [w1] "=&r"(w1)                                              \
                     :                                                                             \
                     : "r4", "r5", "r6", "r8", "memory")
#endif

/* Two channels at two pixels over 4 * groups values: *next is (groups, 2) words of twins, and moved
 * behind them, columns (groups, pixel 0 and 1, 2) words of int16 pairs, as edge_dsp_expand writes
 * them. */
EDGE_INLINE edge_dsp_sums_t edge_dsp_dot_2x2(const int32_t **next, const int8_t *columns,
                                             int32_t groups)
{
    const int32_t *weight = *next;
    edge_dsp_sums_t s = {0u, 0u, 0u, 0u};
#if EDGE_DSP_IS_NATIVE
    uint32_t w0;
    uint32_t w1;
    int32_t fours = groups >> 2;

    for (; fours > 0; fours--) {
        EDGE_DSP_RUN_2X2(EDGE_DSP_STEP_2X2 EDGE_DSP_STEP_2X2 EDGE_DSP_STEP_2X2 EDGE_DSP_STEP_2X2);
    }
    for (groups &= 3; groups > 0; groups--) {
        EDGE_DSP_RUN_2X2(EDGE_DSP_STEP_2X2);
    }
#else
    uint32_t pairs[4];

    for (; groups > 0; groups--) {
        (void)memcpy(pairs, columns, sizeof pairs);
        edge_dsp_twin((uint32_t)weight[0], pairs[0], &s.both_0, &s.y_0);
        edge_dsp_twin((uint32_t)weight[0], pairs[2], &s.both_1, &s.y_1);
        edge_dsp_twin((uint32_t)weight[1], pairs[1], &s.both_0, &s.y_0);
        edge_dsp_twin((uint32_t)weight[1], pairs[3], &s.both_1, &s.y_1);
        weight += 2;
        columns += 16;
    }
#endif
    *next = weight;
    return s;
}

#if EDGE_DSP_IS_NATIVE
/* 16 products in 16 instructions. */
#define EDGE_DSP_STEP_4                                                                            \
    "ldr %[even], [%[input]], #4\n"                                                                \
    "ldmia %[weight]!, {r4, r5, r6, r8}\n"                                                         \
    "sxtb16 %[odd], %[even], ror #8\n"                                                             \
    "sxtb16 %[even], %[even]\n"                                                                    \
    "smlad %[both_0], r4, %[even], %[both_0]\n"                                                    \
    "sxtb16 r4, r4\n"                                                                              \
    "smlad %[y_0], r4, %[even], %[y_0]\n"                                                          \
    "smlad %[both_0], r5, %[odd], %[both_0]\n"                                                     \
    "sxtb16 r5, r5\n"                                                                              \
    "smlad %[y_0], r5, %[odd], %[y_0]\n"                                                           \
    "smlad %[both_1], r6, %[even], %[both_1]\n"                                                    \
    "sxtb16 r6, r6\n"                                                                              \
    "smlad %[y_1], r6, %[even], %[y_1]\n"                                                          \
    "smlad %[both_1], r8, %[odd], %[both_1]\n"                                                     \
    "sxtb16 r8, r8\n"                                                                              \
    "smlad %[y_1], r8, %[odd], %[y_1]\n"
#define EDGE_DSP_RUN_4(steps)                                                                      \
    __asm__ volatile(steps                                                                         \
                     : [weight] "+r"(weight), [input] "+r"(input), [both_0] "+r"(s.both_0),        \
                       [y_0] "+r"(s.y_0), [both_1] "+r"(s.both_1), [y_1] "+r"(s.y_1),              \
                       [even] "=&r"(even), [odd] "=&r"(odd)                                        \
                     :                                                                             \
                     : "r4", "r5", "r6", "r8", "memory")
#endif

/* Adds four rows over 4 * groups inputs: weight is (groups, 2 pairs of rows, 2) words of twins,
 * input int8 at any address. */
EDGE_INLINE edge_dsp_sums_t edge_dsp_dot_4(const int32_t *weight, const int8_t *input,
                                           int32_t groups, edge_dsp_sums_t s)
{
#if EDGE_DSP_IS_NATIVE
    uint32_t even;
    uint32_t odd;
    int32_t fours = groups >> 2;

    for (; fours > 0; fours--) {
        EDGE_DSP_RUN_4(EDGE_DSP_STEP_4 EDGE_DSP_STEP_4 EDGE_DSP_STEP_4 EDGE_DSP_STEP_4);
    }
    for (groups &= 3; groups > 0; groups--) {
        EDGE_DSP_RUN_4(EDGE_DSP_STEP_4);
    }
#else
    for (; groups > 0; groups--) {
        const uint32_t word = edge_dsp_load(input);

        edge_dsp_twin((uint32_t)weight[0], edge_dsp_even(word), &s.both_0, &s.y_0);
        edge_dsp_twin((uint32_t)weight[1], edge_dsp_odd(word), &s.both_0, &s.y_0);
        edge_dsp_twin((uint32_t)weight[2], edge_dsp_even(word), &s.both_1, &s.y_1);
        edge_dsp_twin((uint32_t)weight[3], edge_dsp_odd(word), &s.both_1, &s.y_1);
        weight += 4;
        input += 4;
    }
#endif
    return s;
}

#if EDGE_DSP_IS_NATIVE
/* One tap of four channels, its cell's address in `cell`, its weights in `w`. */
#define EDGE_DSP_TAP(cell, w)                                                                      \
    "ldr %[" cell "], [%[" cell "], %[channel]]\n"                                                 \
    "sxtb16 %[odd], %[" cell "], ror #8\n"                                                         \
    "sxtb16 %[" cell "], %[" cell "]\n"                                                            \
    "sxtb16 %[w_odd], %[" w "], ror #8\n"                                                          \
    "sxtb16 %[" w "], %[" w "]\n"                                                                  \
    "smlabb %[a], %[" cell "], %[" w "], %[a]\n"                                                   \
    "smlatt %[c], %[" cell "], %[" w "], %[c]\n"                                                   \
    "smlabb %[b], %[odd], %[w_odd], %[b]\n"                                                        \
    "smlatt %[d], %[odd], %[w_odd], %[d]\n"
/* 8 products in 20 instructions. */
#define EDGE_DSP_TWO_TAPS                                                                          \
    "ldrd %[p], %[q], [%[cells]], #8\n"                                                            \
    "ldrd %[w], %[v], [%[weight]], #8\n" EDGE_DSP_TAP("p", "w") EDGE_DSP_TAP("q", "v")
#define EDGE_DSP_ONE_TAP                                                                           \
    "ldr %[p], [%[cells]], #4\n"                                                                   \
    "ldr %[w], [%[weight]], #4\n" EDGE_DSP_TAP("p", "w")
#define EDGE_DSP_RUN_TAPS(taps)                                                                    \
    __asm__ volatile(taps                                                                          \
                     : [weight] "+r"(weight), [cells] "+r"(cells), [a] "+r"(s.a), [b] "+r"(s.b),   \
                       [c] "+r"(s.c), [d] "+r"(s.d), [p] "=&r"(p), [q] "=&r"(q), [w] "=&r"(w),     \
                       [v] "=&r"(v), [odd] "=&r"(odd), [w_odd] "=&r"(w_odd)                        \
                     : [channel] "r"(channel)                                                      \
                     : "memory")
#endif

/* Channels [channel, channel + 4) over `taps` cells, whose addresses lie in `cells` one after the
 * other (aligned to 4); *next is (taps) words of four int8, and moved behind them. */
EDGE_INLINE edge_dsp_channels_t edge_dsp_taps_4(const int8_t *cells, int32_t taps,
                                                const int32_t **next, int32_t channel)
{
    const int32_t *weight = *next;
    edge_dsp_channels_t s = {0, 0, 0, 0};
#if EDGE_DSP_IS_NATIVE
    uint32_t p;
    uint32_t q;
    uint32_t w;
    uint32_t v;
    uint32_t odd;
    uint32_t w_odd;

    for (; taps >= 4; taps -= 4) {
        EDGE_DSP_RUN_TAPS(EDGE_DSP_TWO_TAPS EDGE_DSP_TWO_TAPS);
    }
    for (; taps > 0; taps--) {
        EDGE_DSP_RUN_TAPS(EDGE_DSP_ONE_TAP);
    }
#else
    for (; taps > 0; taps--) {
        const uint32_t word = (uint32_t)*weight++;
        const int8_t *cell;

        (void)memcpy(&cell, cells, sizeof cell);
        cell += channel;
        s.a += cell[0] * edge_dsp_low(edge_dsp_even(word));
        s.b += cell[1] * edge_dsp_low(edge_dsp_odd(word));
        s.c += cell[2] * edge_dsp_high(edge_dsp_even(word));
        s.d += cell[3] * edge_dsp_high(edge_dsp_odd(word));
        cells += sizeof cell;
    }
#endif
    *next = weight;
    return s;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_DSP_H */
