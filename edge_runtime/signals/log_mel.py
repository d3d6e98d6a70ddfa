"""Log mel bands and MFCC of a window of sound, in float64."""

from functools import lru_cache

import numpy as np

from edge_runtime.signals.framing import Floats, cut_frames, hann
from edge_runtime.signals.inputs import LogMelInput, MfccInput
from edge_runtime.signals.mel import mel_weights


def log_mel(samples: Floats, spec: LogMelInput) -> Floats:
    """Return the log mel bands of samples (T,), (frames, bands).

    Source: librosa.feature.melspectrogram with center=False, then 20 / power * log10(x + floor).
    """
    mel = _mel_sums(samples, spec)
    if spec.unit == "ln":
        return np.log(mel + spec.floor)
    return np.asarray(20.0 / spec.power * np.log10(mel + spec.floor))


def mfcc(samples: Floats, spec: MfccInput) -> Floats:
    """Return the first MFCC of samples (T,), (frames, coefficients).

    Source: tf.signal.mfccs_from_log_mel_spectrograms: DCT-II, scaled by sqrt(2 / bands).
    """
    logarithms = np.log(_mel_sums(samples, spec) + spec.floor)
    return np.asarray(logarithms @ cosines(spec.mel.count, spec.coefficients))


@lru_cache(maxsize=8)
def cosines(bands: int, coefficients: int) -> Floats:
    """Return the DCT-II as a matrix (bands, coefficients), scaled by sqrt(2 / bands)."""
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(coefficients))
    matrix: Floats = np.cos(angles) * np.sqrt(2.0 / bands)
    return matrix


def _mel_sums(samples: Floats, spec: LogMelInput | MfccInput) -> Floats:
    frames = spec.frames
    pieces = cut_frames(_levelled(samples, spec), frames.length, frames.step) * hann(frames.length)
    magnitudes = np.abs(np.fft.rfft(pieces, frames.fft_length, axis=-1))
    spectrum = magnitudes if spec.power == 1 else magnitudes**2
    return spectrum @ mel_weights(spec.mel, spec.sample_rate_hz, frames.fft_length)


def _levelled(samples: Floats, spec: LogMelInput | MfccInput) -> Floats:
    """Divide by the greatest sample, as MLPerf Tiny's keyword spotting does; silence stays."""
    greatest = float(samples.max())
    return samples / greatest if spec.level == "peak" and greatest > 0 else samples
