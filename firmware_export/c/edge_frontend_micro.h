/* The fixed-point audio front end of TFLite Micro: int16 samples to log mel bands, less noise and
 * under gain control; the same integers as the daemon's front end "micro_log_mel".
 *
 * Source: tflite-micro, signal/src, and KISS FFT with FIXED_POINT=16; one difference: a windowed
 * sample of -32768 counts as 32767 where the loudest is looked for. No kernel needs this file. */
#ifndef EDGE_FRONTEND_MICRO_H
#define EDGE_FRONTEND_MICRO_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_MICRO_WINDOW_BITS 12
#define EDGE_MICRO_SMOOTHING_BITS 10u
#define EDGE_MICRO_SUBTRACTION_BITS 14u
#define EDGE_MICRO_LEAST_LEFT 819u /* 0.05, Q14 */
#define EDGE_MICRO_SNR_BITS 12u
#define EDGE_MICRO_OUTPUT_BITS 6u

/* One number of a spectrum. */
typedef struct {
    int16_t real;
    int16_t imag;
} edge_complex_t;

/* The tables of one front end; half = fft_length / 2. */
typedef struct {
    int32_t frame_length;
    int32_t fft_length;
    int32_t bands;
    const int16_t *window;              /* (frame_length), Q12 */
    const edge_complex_t *twiddles;     /* (half), exp(-2 pi i k / half), Q15 */
    const edge_complex_t *joining;      /* (half / 2), exp(-pi i ((k + 1) / half + 1 / 2)), Q15 */
    const uint16_t *band_of_bin;        /* (half + 1), the first band that a bin is in */
    const uint16_t *weights;            /* (half + 1, 2), of that band and the next, Q12 */
    const int16_t *gain;                /* (125), PCAN's gain by octaves */
    const uint16_t *log_bend;           /* (129), log2(1 + i / 128) - i / 128, Q16 */
    uint32_t correction_bits;
    uint32_t snr_shift;
} edge_micro_t;

/* What a frame is worked out in; `noise` has to be 0 at the start of a window. */
typedef struct {
    edge_complex_t *packed; /* (half) */
    uint32_t *energy;       /* (half + 1) */
    uint64_t *sums;         /* (bands + 1) */
    uint32_t *noise;        /* (bands) */
} edge_micro_work_t;

/* How many bits a number takes; 0 for 0. */
EDGE_INLINE uint32_t edge_micro_bits(uint32_t value)
{
    uint32_t bits = 0u;

    for (; value != 0u; value >>= 1) {
        bits++;
    }
    return bits;
}

/* The low 16 bits of a value as a signed number. */
EDGE_INLINE int16_t edge_micro_word(int32_t value)
{
    const int32_t low = (int32_t)((uint32_t)value & 0xFFFFu);

    return (int16_t)(low >= 0x8000 ? low - 0x10000 : low);
}

/* value / 2^bits, rounded down */
EDGE_INLINE int32_t edge_micro_floor_shift(int32_t value, int32_t bits)
{
    const int32_t whole = value / (int32_t)(1u << (uint32_t)bits);
    const int32_t back = whole * (int32_t)(1u << (uint32_t)bits);

    return back > value ? whole - 1 : whole;
}

EDGE_INLINE int16_t edge_micro_round15(int32_t product)
{
    return edge_micro_word(edge_micro_floor_shift(product + (1 << 14), 15));
}

EDGE_INLINE edge_complex_t edge_micro_divide(edge_complex_t value, int32_t divisor)
{
    edge_complex_t result;

    result.real = edge_micro_round15((int32_t)value.real * (32767 / divisor));
    result.imag = edge_micro_round15((int32_t)value.imag * (32767 / divisor));
    return result;
}

EDGE_INLINE edge_complex_t edge_micro_multiply(edge_complex_t left, edge_complex_t right)
{
    edge_complex_t result;

    result.real = edge_micro_round15((int32_t)left.real * right.real -
                                     (int32_t)left.imag * right.imag);
    result.imag = edge_micro_round15((int32_t)left.real * right.imag +
                                     (int32_t)left.imag * right.real);
    return result;
}

/* left + sign * right */
EDGE_INLINE edge_complex_t edge_micro_add(edge_complex_t left, edge_complex_t right, int32_t sign)
{
    edge_complex_t result;

    result.real = edge_micro_word((int32_t)left.real + sign * right.real);
    result.imag = edge_micro_word((int32_t)left.imag + sign * right.imag);
    return result;
}

/* One butterfly of `radix` values, `size` apart; the twiddle of value q is q * turn. */
EDGE_INLINE void edge_micro_butterfly(edge_complex_t *values, int32_t size, int32_t radix,
                                      const edge_complex_t *twiddles, int32_t turn)
{
    edge_complex_t part[4];
    int32_t q;

    for (q = 0; q < radix; q++) {
        part[q] = edge_micro_divide(values[q * size], radix);
        if (q > 0) {
            part[q] = edge_micro_multiply(part[q], twiddles[q * turn]);
        }
    }
    if (radix == 2) {
        values[0] = edge_micro_add(part[0], part[1], 1);
        values[size] = edge_micro_add(part[0], part[1], -1);
    } else {
        const edge_complex_t even = edge_micro_add(part[0], part[2], 1);
        const edge_complex_t odd = edge_micro_add(part[0], part[2], -1);
        const edge_complex_t total = edge_micro_add(part[1], part[3], 1);
        const edge_complex_t difference = edge_micro_add(part[1], part[3], -1);
        edge_complex_t turned;

        turned.real = difference.imag; /* times -i */
        turned.imag = edge_micro_word(-(int32_t)difference.real);
        values[0] = edge_micro_add(even, total, 1);
        values[size] = edge_micro_add(odd, turned, 1);
        values[2 * size] = edge_micro_add(even, total, -1);
        values[3 * size] = edge_micro_add(odd, turned, -1);
    }
}

/* The place of sample `index` before the butterflies: its digits (base 4, the last one perhaps
 * base 2) in reverse order. */
EDGE_INLINE int32_t edge_micro_place(int32_t index, int32_t length)
{
    int32_t place = 0;
    int32_t size = length;

    while (size > 1) {
        const int32_t radix = size % 4 == 0 ? 4 : 2;

        size /= radix;
        place += (index % radix) * size;
        index /= radix;
    }
    return place;
}

/* In place, of values in the order of edge_micro_place; the result is divided by `length`. */
EDGE_KERNEL void edge_micro_fft(edge_complex_t *values, int32_t length,
                                const edge_complex_t *twiddles)
{
    int32_t size = 1;

    while (size < length) {
        const int32_t is_first = size == 1 && (edge_micro_bits((uint32_t)length) & 1u) == 0u;
        const int32_t radix = is_first != 0 ? 2 : 4;
        const int32_t block = size * radix;
        int32_t start;
        int32_t k;

        for (start = 0; start < length; start += block) {
            for (k = 0; k < size; k++) {
                edge_micro_butterfly(values + start + k, size, radix, twiddles,
                                     k * (length / block));
            }
        }
        size = block;
    }
}

EDGE_INLINE uint32_t edge_micro_square_sum(int32_t real, int32_t imag)
{
    const int32_t r = edge_micro_word(real);
    const int32_t i = edge_micro_word(imag);

    return (uint32_t)(r * r) + (uint32_t)(i * i);
}

/* The energy of each bin of the real samples that were packed in pairs. */
EDGE_KERNEL void edge_micro_energy(const edge_complex_t *packed, int32_t half,
                                   const edge_complex_t *joining, uint32_t *energy)
{
    const edge_complex_t first = edge_micro_divide(packed[0], 2);
    int32_t k;

    energy[0] = edge_micro_square_sum((int32_t)first.real + first.imag, 0);
    energy[half] = edge_micro_square_sum((int32_t)first.real - first.imag, 0);
    for (k = 1; k <= half / 2; k++) {
        edge_complex_t mirrored = packed[half - k];
        const edge_complex_t forward = edge_micro_divide(packed[k], 2);
        edge_complex_t total;
        edge_complex_t turned;

        mirrored.imag = edge_micro_word(-(int32_t)mirrored.imag);
        mirrored = edge_micro_divide(mirrored, 2);
        total = edge_micro_add(forward, mirrored, 1);
        turned = edge_micro_multiply(edge_micro_add(forward, mirrored, -1), joining[k - 1]);
        energy[k] = edge_micro_square_sum(
            edge_micro_floor_shift((int32_t)total.real + turned.real, 1),
            edge_micro_floor_shift((int32_t)total.imag + turned.imag, 1));
        energy[half - k] = edge_micro_square_sum(
            edge_micro_floor_shift((int32_t)total.real - turned.real, 1),
            edge_micro_floor_shift((int32_t)turned.imag - total.imag, 1));
    }
}

EDGE_INLINE int16_t edge_micro_windowed(const edge_micro_t *p, const int16_t *samples, int32_t i)
{
    if (i >= p->frame_length) {
        return 0;
    }
    return (int16_t)edge_micro_floor_shift((int32_t)samples[i] * p->window[i],
                                           EDGE_MICRO_WINDOW_BITS);
}

/* Packs the windowed samples, as loud as they can be; returns by how many bits they grew. */
EDGE_KERNEL uint32_t edge_micro_pack(const edge_micro_t *p, const int16_t *samples,
                                     edge_complex_t *packed)
{
    const int32_t half = p->fft_length / 2;
    int32_t loudest = 0;
    uint32_t scale_bits;
    int32_t i;

    for (i = 0; i < p->frame_length; i++) {
        const int32_t sample = edge_micro_windowed(p, samples, i);
        const int32_t magnitude = sample < 0 ? -sample : sample;

        loudest = magnitude > loudest ? magnitude : loudest;
    }
    loudest = loudest > INT16_MAX ? INT16_MAX : loudest;
    scale_bits = loudest > 0 ? 15u - edge_micro_bits((uint32_t)loudest) : 0u;
    for (i = 0; i < half; i++) {
        edge_complex_t *to = packed + edge_micro_place(i, half);

        to->real = (int16_t)(edge_micro_windowed(p, samples, 2 * i) * (1 << scale_bits));
        to->imag = (int16_t)(edge_micro_windowed(p, samples, 2 * i + 1) * (1 << scale_bits));
    }
    return scale_bits;
}

/* The nearest integer to the root; 0xFFFF at most below 2^32. */
EDGE_KERNEL uint32_t edge_micro_root(uint64_t value)
{
    uint64_t root = 0u;
    uint64_t rest = value;
    uint64_t bit = (uint64_t)1u << 62;

    while (bit > value) {
        bit >>= 2;
    }
    for (; bit != 0u; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    if (rest > root && !(value >> 32 == 0u && root == 0xFFFFu)) {
        root++;
    }
    return (uint32_t)root;
}

/* PCAN's gain at a noise estimate: a parabola per octave. */
EDGE_KERNEL uint32_t edge_micro_gain(uint32_t noise, const int16_t *table)
{
    const uint32_t octave = edge_micro_bits(noise);
    const int16_t *piece;
    int32_t part;
    int32_t slope;

    if (noise <= 2u) {
        return (uint32_t)(int32_t)table[noise];
    }
    piece = table + 4u * octave - 6u;
    part = (int32_t)((octave < 11u ? noise << (11u - octave) : noise >> (octave - 11u)) & 0x3FFu);
    slope = edge_micro_floor_shift((int32_t)piece[2] * part, 5) + (int32_t)piece[1] * 32;
    return (uint32_t)(piece[0] + edge_micro_floor_shift(slope * part + (1 << 14), 15));
}

/* 64 times the natural logarithm; 0 below 2. */
EDGE_KERNEL int16_t edge_micro_log(uint32_t value, const uint16_t *log_bend)
{
    uint32_t whole;
    uint32_t fraction;
    uint32_t segment;
    uint32_t natural;
    int32_t bend;

    if (value < 2u) {
        return 0;
    }
    whole = edge_micro_bits(value) - 1u;
    fraction = value - ((uint32_t)1u << whole);
    fraction = whole < 16u ? fraction << (16u - whole) : fraction >> (whole - 16u);
    segment = fraction >> 9;
    bend = (int32_t)log_bend[segment + 1u] - (int32_t)log_bend[segment];
    bend = edge_micro_floor_shift(bend * (int32_t)(fraction - (segment << 9)), 16);
    fraction += (uint32_t)((int32_t)log_bend[segment] + bend);
    natural = (uint32_t)(((uint64_t)45426u * ((whole << 16) + fraction) + 32768u) >> 16);
    natural = (64u * natural + 32768u) >> 16;
    return (int16_t)(natural < (uint32_t)INT16_MAX ? natural : (uint32_t)INT16_MAX);
}

/* One band: its root becomes a feature, and the estimate of its noise is brought up to date. */
EDGE_INLINE int16_t edge_micro_band(const edge_micro_t *p, uint32_t root, int32_t band,
                                    uint32_t *noise)
{
    const uint32_t smoothing = (band & 1) != 0 ? 983u : 409u; /* 0.06 and 0.025, Q14 */
    const uint32_t kept = (1u << EDGE_MICRO_SUBTRACTION_BITS) - smoothing;
    const uint32_t scaled = root << EDGE_MICRO_SMOOTHING_BITS;
    const uint32_t least =
        (uint32_t)((uint64_t)root * EDGE_MICRO_LEAST_LEFT >> EDGE_MICRO_SUBTRACTION_BITS);
    uint32_t signal;
    uint32_t ratio;

    *noise = (uint32_t)(((uint64_t)scaled * smoothing + (uint64_t)*noise * kept) >>
                        EDGE_MICRO_SUBTRACTION_BITS);
    signal = *noise > scaled ? 0u : (scaled - *noise) >> EDGE_MICRO_SMOOTHING_BITS;
    signal = signal > least ? signal : least;
    ratio = (uint32_t)((uint64_t)signal * edge_micro_gain(*noise, p->gain) >> p->snr_shift);
    if (ratio < 2u << EDGE_MICRO_SNR_BITS) {
        ratio = (ratio * ratio) >> (2u + 2u * EDGE_MICRO_SNR_BITS - EDGE_MICRO_OUTPUT_BITS);
    } else {
        ratio = (ratio >> (EDGE_MICRO_SNR_BITS - EDGE_MICRO_OUTPUT_BITS)) -
                (1u << EDGE_MICRO_OUTPUT_BITS);
    }
    return edge_micro_log(ratio << p->correction_bits, p->log_bend);
}

/* The features of one frame of `frame_length` samples, (bands). */
EDGE_KERNEL void edge_micro_frame(const edge_micro_t *p, const int16_t *samples,
                                  const edge_micro_work_t *work, int16_t *features)
{
    const int32_t half = p->fft_length / 2;
    const uint32_t scale_bits = edge_micro_pack(p, samples, work->packed);
    int32_t i;

    edge_micro_fft(work->packed, half, p->twiddles);
    edge_micro_energy(work->packed, half, p->joining, work->energy);
    for (i = 0; i <= p->bands; i++) {
        work->sums[i] = 0u;
    }
    for (i = 0; i <= half; i++) {
        uint64_t *sum = work->sums + p->band_of_bin[i];

        sum[0] += (uint64_t)work->energy[i] * p->weights[2 * i];
        sum[1] += (uint64_t)work->energy[i] * p->weights[2 * i + 1];
    }
    for (i = 0; i < p->bands; i++) {
        const uint32_t root = edge_micro_root(work->sums[i]) >> scale_bits;

        features[i] = edge_micro_band(p, root, i, work->noise + i);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_FRONTEND_MICRO_H */
