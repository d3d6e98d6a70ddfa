"""The constants of TFLite Micro's audio front end, worked out as its training code does.

Source: tflite-micro, python/tflite_micro/signal/ops/{window_op,filter_bank_ops,pcan_op}.py,
signal/utils/{freq_to_mel,wide_dynamic_func_lut}_wrapper.cc, signal/src/log.cc, and the defaults of
FeatureParams in examples/micro_speech/audio_preprocessor.py.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.inputs import MicroLogMelInput, micro_fft_length
from edge_runtime.signals.micro_fft import Words

WINDOW_BITS = 12
WEIGHT_BITS = 12
SMOOTHING_BITS = 10
SUBTRACTION_BITS = 14
SMOOTHING = (int(0.025 * (1 << SUBTRACTION_BITS)), int(0.06 * (1 << SUBTRACTION_BITS)))
LEAST_LEFT = int(0.05 * (1 << SUBTRACTION_BITS))
PCAN_STRENGTH, PCAN_OFFSET, PCAN_GAIN_BITS = 0.95, 80.0, 21
PCAN_SNR_BITS, PCAN_OUTPUT_BITS = 12, 6
LOG_SEGMENTS = 128


@dataclass(frozen=True, slots=True, eq=False)
class MicroTables:
    """What a front end needs besides the samples.

    Attributes:
        window: Hann, Q12, (frame_length,).
        first_bin: Bins below it are not looked at.
        weights: Of each bin in each band, Q12, (bins, bands).
        gain: PCAN's gain as pieces of parabolas, int16, (125,).
        log: How log2(1 + i / 128) - i / 128 bends, Q16, (129,).
        correction_bits: What the FFT has lost against its length.
    """

    fft_length: int
    window: Words
    first_bin: int
    weights: npt.NDArray[np.int64]
    gain: Words
    log: Words
    correction_bits: int

    @property
    def snr_shift(self) -> int:
        """Return how far a product of signal and gain is shifted to become a ratio."""
        return PCAN_GAIN_BITS - self.correction_bits - PCAN_SNR_BITS


@lru_cache(maxsize=8)
def micro_tables(spec: MicroLogMelInput) -> MicroTables:
    """Return the constants of a front end."""
    fft_length = micro_fft_length(spec.frame_length)
    correction_bits = fft_length.bit_length() - 1 - WEIGHT_BITS // 2
    places = (np.arange(spec.frame_length) + 0.5) * (2.0 * np.pi / spec.frame_length)
    window = np.round((0.5 - 0.5 * np.cos(places)) * (1 << WINDOW_BITS)).astype(np.int32)
    bin_hz = spec.sample_rate_hz / fft_length
    return MicroTables(
        fft_length=fft_length,
        window=window,
        first_bin=round(1 + spec.low_hz / bin_hz),
        weights=_band_weights(spec, fft_length),
        gain=_gain(SMOOTHING_BITS - correction_bits),
        log=_log_bend(),
        correction_bits=correction_bits,
    )


def _mel(hz: float) -> np.float32:
    """Return mel in float32 throughout, as the C function FreqToMel computes it."""
    return np.float32(np.float32(1127.0) * np.log1p(np.float32(hz) / np.float32(700.0)))


def _band_weights(spec: MicroLogMelInput, fft_length: int) -> npt.NDArray[np.int64]:
    """Return both flanks of every band; a bin's falling flank is the next band's rising one."""
    bin_hz = spec.sample_rate_hz / fft_length
    low, high = _mel(spec.low_hz), _mel(spec.high_hz)
    spacing = (high - low) / np.float32(spec.bands + 1)
    tops = low + spacing * np.arange(1, spec.bands + 2, dtype=np.float32)
    flanks = np.zeros((fft_length // 2 + 1, spec.bands + 2), np.int64)
    at = round(1 + spec.low_hz / bin_hz)
    for band, top in enumerate(tops):
        foot = low if band == 0 else tops[band - 1]
        while (mel := _mel(at * bin_hz)) <= top:
            share = np.float32(top - mel) / np.float32(top - foot)
            flanks[at, band] += int(share * np.float32(1 << WEIGHT_BITS))
            flanks[at, band + 1] += int((np.float32(1) - share) * np.float32(1 << WEIGHT_BITS))
            at += 1
    return flanks[:, 1:-1]


def _gain(input_bits: int) -> Words:
    """Return value, slope and bend of the gain over each octave of the noise estimate."""
    table = [_gain_at(0, input_bits), _gain_at(1, input_bits)]
    for octave in range(1, 32):
        start = 1 << octave
        end = start + (start - 1) if octave == 31 else 2 * start
        y0, y1, y2 = (_gain_at(x, input_bits) for x in (start, start + (start >> 1), end))
        slope = 4 * (y1 - y0) - (y2 - y0)
        table += [y0, slope, (y2 - y0) - slope, 0]
    return np.array(table[:-1]).astype(np.int16).astype(np.int32)


def _gain_at(noise: int, input_bits: int) -> int:
    """Return the gain of a noise estimate; powf's result, to its last bit but one."""
    real = np.float32(noise) / np.float32(2.0**input_bits)
    power = np.float32(np.power(np.float32(real + np.float32(PCAN_OFFSET)), np.float32(-0.95)))
    gain = np.float32(1 << PCAN_GAIN_BITS) * power
    return int(min(gain + np.float32(0.5), np.float32(32_767)))


def _log_bend() -> Words:
    steps = np.arange(LOG_SEGMENTS + 1) / LOG_SEGMENTS
    return np.round(65_536 * (np.log2(1 + steps) - steps)).astype(np.int32)
