/* What the mve kernels ask of the core: blocks of Helium instructions (Cortex-M55, M85), each with
 * the same result in plain C99 for every other compiler.
 *
 * The dot product is written as instructions because GCC 12 makes no tail-predicated loops.
 *
 * Finish: nine words for four channels make their accumulators codes: four biases, the input zero
 * point folded in; four multipliers; four int8 shifts in one word, the first lowest, in [-31, -1].
 * So no sum is shifted left, and every one is divided: VQRDMULH rounds as gemmlowp's high
 * multiplication, VRSHL rounds half up, and taking 1 off what is negative makes that half away from
 * zero.
 */
#ifndef EDGE_MVE_H
#define EDGE_MVE_H

#include "../../edge_requantize.h"

#include <string.h>

#if EDGE_MVE_IS_NATIVE
#include <arm_mve.h>
#endif

/* Words that finish four channels of a convolution. */
#define EDGE_MVE_FINISH_WORDS 9

/* Words that finish 16 channels of a depthwise convolution: 16 shifts, 16 biases, 16 multipliers,
 * channels in the order that widening leaves: 0, 4, 8, 12; 1, 5 and so on. */
#define EDGE_MVE_DEPTHWISE_WORDS 36

#ifdef __cplusplus
extern "C" {
#endif

/* Output codes: a zero point, and the bounds of a code. */
typedef struct {
    int32_t zero_point;
    int32_t minimum;
    int32_t maximum;
} edge_mve_range_t;

/* Values rounded up to whole vectors. */
EDGE_INLINE int32_t edge_mve_whole(int32_t size)
{
    return (size + 15) & ~15;
}

#if EDGE_MVE_IS_NATIVE

/* Biases plus the sums of four rows; weight is (size / 16 rounded up, 4, 16). VMLADAVA adds into
 * even registers only ("Te"). */
EDGE_INLINE int32x4_t edge_mve_dot_4(const int8_t *weight, const int8_t *values, int32_t size,
                                     const int32_t *bias)
{
    int32x4_t sums;
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;

    __asm__("ldrd %[a], %[b], [%[bias]]\n\t"
            "ldrd %[c], %[d], [%[bias], #8]\n\t"
            "dlstp.8 lr, %[size]\n"
            "1:\n\t"
            "vldrb.8 q0, [%[values]], #16\n\t"
            "vldrb.8 q1, [%[weight], #16]\n\t"
            "vmladava.s8 %[b], q0, q1\n\t"
            "vldrb.8 q2, [%[weight], #32]\n\t"
            "vmladava.s8 %[c], q0, q2\n\t"
            "vldrb.8 q3, [%[weight], #48]\n\t"
            "vmladava.s8 %[d], q0, q3\n\t"
            "vldrb.8 q1, [%[weight]], #64\n\t"
            "vmladava.s8 %[a], q0, q1\n\t"
            "letp lr, 1b\n\t"
            "vmov %q[sums][2], %q[sums][0], %[a], %[c]\n\t"
            "vmov %q[sums][3], %q[sums][1], %[b], %[d]"
            : [sums] "=&w"(sums), [a] "=&Te"(a), [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d),
              [values] "+&r"(values), [weight] "+&r"(weight)
            : [size] "r"(size), [bias] "r"(bias)
            : "lr", "q0", "q1", "q2", "q3", "memory");
    return sums;
}

/* sums * multiplier * 2^(shift - 31), rounded as edge_requantize does; shift < 0 */
EDGE_INLINE int32x4_t edge_mve_requantize(int32x4_t sums, int32x4_t multiplier, int32x4_t shift)
{
#if EDGE_SINGLE_ROUNDING
    return vrshlq_s32(vqdmulhq_s32(sums, multiplier), shift);
#else
    const int32x4_t high = vqrdmulhq_s32(sums, multiplier);

    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), shift);
#endif
}

/* Stores `count` of four requantized values as codes. */
EDGE_INLINE void edge_mve_store_4(int32x4_t values, const edge_mve_range_t *range, int32_t count,
                                  int8_t *output)
{
    const int32x4_t codes = vaddq_n_s32(values, range->zero_point);
    const int32x4_t raised = vmaxq_s32(codes, vdupq_n_s32(range->minimum));
    const int32x4_t held = vminq_s32(raised, vdupq_n_s32(range->maximum));

    if (count >= 4) {
        vstrbq_s32(output, held);
    } else {
        vstrbq_p_s32(output, held, vctp32q((uint32_t)count));
    }
}

/* Four channels of a convolution from the `size` values that it reads, of which `count` in [1, 4]
 * are stored. */
EDGE_INLINE void edge_mve_conv_4(const int8_t *weight, const int32_t *finish, const int8_t *values,
                                 int32_t size, const edge_mve_range_t *range, int32_t count,
                                 int8_t *output)
{
    const int32x4_t sums = edge_mve_dot_4(weight, values, size, finish);
    const int32x4_t multiplier = vldrwq_s32(finish + 4);
    const int32x4_t shift = vldrbq_s32((const int8_t *)(finish + 8));

    edge_mve_store_4(edge_mve_requantize(sums, multiplier, shift), range, count, output);
}

/* As edge_mve_conv_4, with one multiplier and one shift for all. */
EDGE_INLINE void edge_mve_dense_4(const int8_t *weight, const int32_t *bias, int32_t multiplier,
                                  int32_t shift, const int8_t *values, int32_t size,
                                  const edge_mve_range_t *range, int32_t count, int8_t *output)
{
    const int32x4_t sums = edge_mve_dot_4(weight, values, size, bias);
    const int32x4_t scaled =
        edge_mve_requantize(sums, vdupq_n_s32(multiplier), vdupq_n_s32(shift));

    edge_mve_store_4(scaled, range, count, output);
}

/* Sums of 16 channels; the vectors hold channels 0, 4, 8, 12; then 1, 5 …; 2, 6 …; 3, 7 … */
typedef struct {
    int32x4_t a;
    int32x4_t b;
    int32x4_t c;
    int32x4_t d;
} edge_mve_channels_t;

/* Adds int16 sums of the even and of the odd channels. */
EDGE_INLINE void edge_mve_widen(edge_mve_channels_t *sums, int16x8_t even, int16x8_t odd)
{
    sums->a = vaddq_s32(sums->a, vmovlbq_s16(even));
    sums->b = vaddq_s32(sums->b, vmovlbq_s16(odd));
    sums->c = vaddq_s32(sums->c, vmovltq_s16(even));
    sums->d = vaddq_s32(sums->d, vmovltq_s16(odd));
}

/* The 16 values, or the first `count`, of channel `channel` on in the cell that `cells` lists. */
EDGE_INLINE int8x16_t edge_mve_cell(const int8_t *cells, int32_t channel, int32_t count)
{
    const int8_t *cell;

    (void)memcpy(&cell, cells, sizeof cell);
    return count >= 16 ? vldrbq_s8(cell + channel)
                       : vldrbq_z_s8(cell + channel, vctp8q((uint32_t)count));
}

/* Two taps a round: their products fit int16 together, as weights lie in [-127, 127]. "then" is
 * VPST and "t" the suffix of what it rules, or both are empty. "start" sets the predicate, to what
 * VCTP of `count` gives: GCC 12 knows no clobber of VPR, so another value might get lost. */
#define EDGE_MVE_PAIRS(start, then, t)                                                             \
    __asm__("vldrw.32 %q[a], [%[finish], #16]\n\t"                                                 \
            "vldrw.32 %q[b], [%[finish], #32]\n\t"                                                 \
            "vldrw.32 %q[c], [%[finish], #48]\n\t"                                                 \
            "vldrw.32 %q[d], [%[finish], #64]\n\t" start "wls lr, %[pairs], 2f\n"                  \
            "1:\n\t"                                                                               \
            "ldrd %[first], %[second], [%[cells]], #8\n\t"                                         \
            "add %[first], %[channel]\n\t"                                                         \
            "add %[second], %[channel]\n\t" then "vldrb" t ".8 q0, [%[first]]\n\t"                 \
            "vldrb.8 q1, [%[weight]], #16\n\t"                                                     \
            "vmullb.s8 q2, q0, q1\n\t"                                                             \
            "vmullt.s8 q0, q0, q1\n\t" then "vldrb" t ".8 q1, [%[second]]\n\t"                     \
            "vldrb.8 q3, [%[weight]]\n\t"                                                          \
            "vmullb.s8 q3, q1, q3\n\t"                                                             \
            "vadd.i16 q2, q2, q3\n\t"                                                              \
            "vldrb.8 q3, [%[weight]], #16\n\t"                                                     \
            "vmullt.s8 q1, q1, q3\n\t"                                                             \
            "vadd.i16 q0, q0, q1\n\t"                                                              \
            "vmovlb.s16 q1, q2\n\t"                                                                \
            "vadd.i32 %q[a], %q[a], q1\n\t"                                                        \
            "vmovlt.s16 q2, q2\n\t"                                                                \
            "vadd.i32 %q[c], %q[c], q2\n\t"                                                        \
            "vmovlb.s16 q1, q0\n\t"                                                                \
            "vadd.i32 %q[b], %q[b], q1\n\t"                                                        \
            "vmovlt.s16 q0, q0\n\t"                                                                \
            "vadd.i32 %q[d], %q[d], q0\n\t"                                                        \
            "le lr, 1b\n"                                                                          \
            "2:"                                                                                   \
            : [a] "=&w"(sums.a), [b] "=&w"(sums.b), [c] "=&w"(sums.c), [d] "=&w"(sums.d),          \
              [cells] "+&r"(cells), [weight] "+&r"(weight), [first] "=&r"(first),                  \
              [second] "=&r"(second)                                                               \
            : [pairs] "r"(taps >> 1), [channel] "r"(channel), [mask] "r"(mask),                    \
              [finish] "r"(finish)                                                                 \
            : "lr", "q0", "q1", "q2", "q3", "memory")

/* The sums of 16 channels; what stands in those that are not there is not stored. */
EDGE_INLINE edge_mve_channels_t edge_mve_taps(const int8_t *cells, int32_t taps, int32_t channel,
                                              int32_t count, const int8_t *weight,
                                              const int32_t *finish)
{
    const uint32_t mask = (1u << count) - 1u;
    edge_mve_channels_t sums;
    const int8_t *first;
    const int8_t *second;

    if (count >= 16) {
        EDGE_MVE_PAIRS("", "", "");
    } else {
        EDGE_MVE_PAIRS("vmsr p0, %[mask]\n\t", "vpst\n\t", "t");
    }
    if ((taps & 1) != 0) {
        const int8x16_t values = edge_mve_cell(cells, channel, count);
        const int8x16_t weights = vldrbq_s8(weight);

        edge_mve_widen(&sums, vmullbq_int_s8(values, weights), vmulltq_int_s8(values, weights));
    }
    return sums;
}

#if EDGE_SINGLE_ROUNDING
#define EDGE_MVE_MULTIPLY(sums) "vqdmulh.s32 %q[" sums "], %q[" sums "], q0\n\t"
#else
#define EDGE_MVE_MULTIPLY(sums)                                                                    \
    "vqrdmulh.s32 %q[" sums "], %q[" sums "], q0\n\t"                                              \
    "vshr.s32 q0, %q[" sums "], #31\n\t"                                                           \
    "vadd.i32 %q[" sums "], %q[" sums "], q0\n\t"
#endif

/* edge_mve_requantize in place; the shifts and the multipliers lie so far behind `finish`. */
#define EDGE_MVE_FINISH(sums, shift, multiplier)                                                   \
    "vldrw.32 q0, [%[finish], " multiplier "]\n\t" EDGE_MVE_MULTIPLY(sums)                         \
    "vldrb.s32 q0, [%[finish], " shift "]\n\t"                                                     \
    "vrshl.s32 %q[" sums "], %q[" sums "], q0\n\t"

/* The codes of 16 channels in order. Instructions, since GCC 12 keeps the address of each vector of
 * the table in memory. */
EDGE_INLINE int8x16_t edge_mve_finish_16(edge_mve_channels_t sums, const int32_t *finish,
                                         const edge_mve_range_t *range)
{
    __asm__(EDGE_MVE_FINISH("a", "#0", "#80") EDGE_MVE_FINISH("b", "#4", "#96")
                EDGE_MVE_FINISH("c", "#8", "#112") EDGE_MVE_FINISH("d", "#12", "#128")
            "vqmovnb.s32 %q[a], %q[a]\n\t"
            "vqmovnt.s32 %q[a], %q[c]\n\t"
            "vqmovnb.s32 %q[b], %q[b]\n\t"
            "vqmovnt.s32 %q[b], %q[d]\n\t"
            "vqadd.s16 %q[a], %q[a], %[zero_point]\n\t"
            "vqadd.s16 %q[b], %q[b], %[zero_point]\n\t"
            "vqmovnb.s16 %q[a], %q[a]\n\t"
            "vqmovnt.s16 %q[a], %q[b]\n\t"
            "vdup.8 q0, %[minimum]\n\t"
            "vmax.s8 %q[a], %q[a], q0\n\t"
            "vdup.8 q0, %[maximum]\n\t"
            "vmin.s8 %q[a], %q[a], q0"
            : [a] "+&w"(sums.a), [b] "+&w"(sums.b), [c] "+&w"(sums.c), [d] "+&w"(sums.d)
            : [finish] "l"(finish), [zero_point] "r"(range->zero_point),
              [minimum] "r"(range->minimum), [maximum] "r"(range->maximum)
            : "q0", "memory");
    return vreinterpretq_s8_s32(sums.a);
}

/* 16 channels of a depthwise convolution from `channel` on, of which `count` in [1, 16] are there;
 * cells lists the address of each tap's cell, weight is (taps, 16). */
EDGE_INLINE void edge_mve_depthwise_16(const int8_t *cells, int32_t taps, int32_t channel,
                                       int32_t count, const int8_t *weight, const int32_t *finish,
                                       const edge_mve_range_t *range, int8_t *output)
{
    const edge_mve_channels_t sums = edge_mve_taps(cells, taps, channel, count, weight, finish);
    const int8x16_t codes = edge_mve_finish_16(sums, finish, range);

    if (count >= 16) {
        vstrbq_s8(output, codes);
    } else {
        vstrbq_p_s8(output, codes, vctp8q((uint32_t)count));
    }
}

#else

/* The sum of row `row`, in [0, 4). */
EDGE_INLINE int32_t edge_mve_dot_1(const int8_t *weight, const int8_t *values, int32_t size,
                                   int32_t row, int32_t sum)
{
    int32_t i;

    for (i = 0; i < size; i++) {
        sum += weight[(i >> 4) * 64 + row * 16 + (i & 15)] * values[i];
    }
    return sum;
}

EDGE_INLINE int8_t edge_mve_code(int32_t sum, int32_t multiplier, int32_t shift,
                                 const edge_mve_range_t *range)
{
    return edge_clamp_s8(edge_requantize(sum, multiplier, shift), range->zero_point,
                         range->minimum, range->maximum);
}

EDGE_INLINE void edge_mve_conv_4(const int8_t *weight, const int32_t *finish, const int8_t *values,
                                 int32_t size, const edge_mve_range_t *range, int32_t count,
                                 int8_t *output)
{
    const int8_t *shift = (const int8_t *)(finish + 8);
    int32_t lane;

    for (lane = 0; lane < count; lane++) {
        const int32_t sum = edge_mve_dot_1(weight, values, size, lane, finish[lane]);

        output[lane] = edge_mve_code(sum, finish[4 + lane], shift[lane], range);
    }
}

EDGE_INLINE void edge_mve_dense_4(const int8_t *weight, const int32_t *bias, int32_t multiplier,
                                  int32_t shift, const int8_t *values, int32_t size,
                                  const edge_mve_range_t *range, int32_t count, int8_t *output)
{
    int32_t lane;

    for (lane = 0; lane < count; lane++) {
        const int32_t sum = edge_mve_dot_1(weight, values, size, lane, bias[lane]);

        output[lane] = edge_mve_code(sum, multiplier, shift, range);
    }
}

EDGE_INLINE void edge_mve_depthwise_16(const int8_t *cells, int32_t taps, int32_t channel,
                                       int32_t count, const int8_t *weight, const int32_t *finish,
                                       const edge_mve_range_t *range, int8_t *output)
{
    const int8_t *shift = (const int8_t *)finish;
    int32_t lane;
    int32_t tap;

    for (lane = 0; lane < count; lane++) {
        const int32_t place = (lane & 3) * 4 + (lane >> 2);
        int32_t sum = finish[4 + place];

        for (tap = 0; tap < taps; tap++) {
            const int8_t *cell;

            (void)memcpy(&cell, cells + tap * (int32_t)sizeof cell, sizeof cell);
            sum += cell[channel + lane] * weight[16 * tap + lane];
        }
        output[lane] = edge_mve_code(sum, finish[20 + place], shift[place], range);
    }
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* EDGE_MVE_H */
