"""TFLite Micro's fixed-point audio front end: log mel bands less noise, under gain control.

Bit for bit what the operators of tflite-micro's `signal` library give in the order of
examples/micro_speech/audio_preprocessor.py, but for one input: where a windowed sample is exactly
-32768, theirs forgets how loud the frame is (MaxAbs16 wraps); here it counts as 32767.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.framing import Floats, cut_frames
from edge_runtime.signals.inputs import MicroLogMelInput
from edge_runtime.signals.micro_fft import Words, real_fft
from edge_runtime.signals.micro_tables import (
    LEAST_LEFT,
    PCAN_OUTPUT_BITS,
    PCAN_SNR_BITS,
    SMOOTHING,
    SMOOTHING_BITS,
    SUBTRACTION_BITS,
    WINDOW_BITS,
    MicroTables,
    micro_tables,
)

OUTPUT_SCALE = 25.6  # "for historical reasons", says the original
_WORD_MAX = 32_767
_UINT32 = 0xFFFF_FFFF

Longs = npt.NDArray[np.int64]  # uint32 and uint64 values below 2**63


def micro_log_mel(samples: Floats, spec: MicroLogMelInput) -> Floats:
    """Return the features of samples (T,) in [-1, 1), (frames, bands), 0 to about 26."""
    pcm = np.clip(np.rint(samples * 32_768.0), -32_768, _WORD_MAX).astype(np.int32)
    return micro_features(pcm, spec) / OUTPUT_SCALE


def micro_features(pcm: Words, spec: MicroLogMelInput) -> Words:
    """Return the int16 features of int16 samples (T,), (frames, bands)."""
    tables = micro_tables(spec)
    sums, scale_bits = _band_sums(cut_frames(pcm, spec.frame_length, spec.frame_step), tables)
    roots = _square_root(sums) >> scale_bits[:, np.newaxis]
    noise = _noise(roots)
    signal = _less_noise(roots, noise)
    return _logarithm(_gain_controlled(signal, noise, tables), tables).astype(np.int32)


def _band_sums(frames: npt.NDArray[Any], tables: MicroTables) -> tuple[Longs, Longs]:
    """Return the energy of each band, and how far each frame was scaled up before its FFT."""
    windowed = np.clip((frames * tables.window) >> WINDOW_BITS, -32_768, _WORD_MAX)
    loudest = np.minimum(np.abs(windowed).max(axis=1), _WORD_MAX)
    scale_bits = np.where(loudest > 0, 15 - _bit_length(loudest), 0)
    padded = np.zeros((len(frames), tables.fft_length), np.int32)
    padded[:, : frames.shape[1]] = windowed << scale_bits[:, np.newaxis]
    spectrum = real_fft(padded)
    energy = spectrum.real.astype(np.int64) ** 2 + spectrum.imag.astype(np.int64) ** 2
    return energy @ tables.weights, scale_bits


def _bit_length(values: npt.NDArray[Any]) -> Longs:
    """Return how many bits each value below 2**53 takes, 0 for 0."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _shifted(values: Longs, bits: Longs) -> Longs:
    """Return values shifted to the left, to the right where `bits` is negative."""
    return values << np.maximum(bits, 0) >> np.maximum(-bits, 0)


def _square_root(values: Longs) -> Longs:
    """Return the nearest integers to the roots of values below 2**52; 0xFFFF below 2**32."""
    root = np.floor(np.sqrt(values.astype(np.float64))).astype(np.int64)
    root += values - root * root > root
    return np.where(values >> 32 == 0, np.minimum(root, 0xFFFF), root)


def _noise(signal: Longs) -> Longs:
    """Return the smoothed estimate of each band's noise, frame by frame, from 0.

    Source: FilterbankSpectralSubtraction, without clamping.
    """
    smoothing = np.where(np.arange(signal.shape[1]) % 2, SMOOTHING[1], SMOOTHING[0])
    taken = (signal << SMOOTHING_BITS & _UINT32) * smoothing
    kept = (1 << SUBTRACTION_BITS) - smoothing
    noise: Longs = np.empty_like(signal)
    last: Longs = np.zeros(signal.shape[1], np.int64)
    for frame, new in enumerate(taken):
        last = noise[frame] = (new + last * kept) >> SUBTRACTION_BITS & _UINT32
    return noise


def _less_noise(signal: Longs, noise: Longs) -> Longs:
    """Return what stands above the noise, at least a twentieth of the signal."""
    scaled = signal << SMOOTHING_BITS & _UINT32
    above = (scaled - np.minimum(noise, scaled)) >> SMOOTHING_BITS
    return np.asarray(np.maximum(above, signal * LEAST_LEFT >> SUBTRACTION_BITS))


def _gain_controlled(signal: Longs, noise: Longs, tables: MicroTables) -> Longs:
    """Return the signal relative to its noise, with 6 fractional bits: r² / 4 up to 2, then r - 1.

    Source: ApplyPcanAutoGainControlFixed, PcanShrink.
    """
    ratio = signal * (_gain_of(noise, tables.gain) & _UINT32) >> tables.snr_shift & _UINT32
    square_shift = 2 + 2 * PCAN_SNR_BITS - PCAN_OUTPUT_BITS
    straight = (ratio >> (PCAN_SNR_BITS - PCAN_OUTPUT_BITS)) - (1 << PCAN_OUTPUT_BITS)
    small = np.minimum(ratio, 2 << PCAN_SNR_BITS)
    return np.where(ratio < 2 << PCAN_SNR_BITS, small * small >> square_shift, straight)


def _gain_of(noise: Longs, table: Words) -> Longs:
    """Return the gain of each noise estimate, from a parabola per octave.

    Source: WideDynamicFunction.
    """
    octave = np.maximum(_bit_length(noise), 2)
    at = 4 * octave - 6
    part = _shifted(noise, 11 - octave) & 0x3FF
    bend = (table[np.minimum(at + 2, len(table) - 1)].astype(np.int64) * part) >> 5
    slope = bend + (table[at + 1].astype(np.int64) << 5)
    curved = table[at] + ((slope * part + (1 << 14)) >> 15)
    return np.where(noise <= 2, table[np.minimum(noise, 2)], curved)


def _logarithm(values: Longs, tables: MicroTables) -> Longs:
    """Return 64 times the natural logarithm of values * 2**correction_bits, 0 below 2.

    Source: FilterbankLog, Log32, Log2FractionPart32.
    """
    scaled = np.maximum(values << tables.correction_bits & _UINT32, 1)
    whole = _bit_length(scaled) - 1
    rest = scaled - (np.int64(1) << whole)
    fraction = _shifted(rest, 16 - whole)
    segment = fraction >> 9
    bend, next_bend = tables.log[segment].astype(np.int64), tables.log[segment + 1]
    fraction = fraction + bend + ((next_bend - bend) * (fraction - (segment << 9)) >> 16)
    natural = (45_426 * ((whole << 16) + fraction) + 32_768) >> 16
    return np.where(scaled > 1, np.minimum((64 * natural + 32_768) >> 16, _WORD_MAX), 0)
