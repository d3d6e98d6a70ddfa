"""Log mel bands and MFCC against SciPy's transforms and a plain rendering of the formulas."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
import scipy.signal

from edge_runtime.signals.inputs import Frames, LogMelInput, MelBands, MfccInput
from edge_runtime.signals.log_mel import log_mel, mfcc
from edge_runtime.signals.mel import mel_weights

WEIGHTS = Path(__file__).parents[2] / "golden" / "mel" / "weights.npz"
KEYWORDS = MfccInput(
    length=16_000, step=16_000, sample_rate_hz=16_000,
    frames=Frames(length=480, step=320, fft_length=512),
    mel=MelBands(count=40, low_hz=20.0, high_hz=4000.0), level="peak", coefficients=10,
)  # fmt: skip
MACHINES = LogMelInput(
    length=3072, step=512, sample_rate_hz=16_000,
    frames=Frames(length=1024, step=512, fft_length=1024),
    mel=MelBands(count=128, low_hz=0.0, high_hz=8000.0, scale="slaney"),
    power=2, floor=float(np.finfo(float).eps), unit="db",
)  # fmt: skip


def _sound(samples: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(5).normal(size=samples) * 0.1


def _magnitudes(sound: npt.NDArray[np.float64], length: int, step: int, size: int) -> np.ndarray:
    window = scipy.signal.get_window("hann", length)  # periodic, as tf.signal's
    starts = range(0, len(sound) - length + 1, step)
    frames = np.stack([sound[start : start + length] * window for start in starts])
    return np.abs(scipy.fft.rfft(frames, size, axis=1))


def test_mfcc_is_the_orthogonal_dct_of_log_mel_bands() -> None:
    sound = _sound(16_000)

    found = mfcc(sound, KEYWORDS)

    magnitudes = _magnitudes(sound / sound.max(), 480, 320, 512)
    weights = np.array(
        [[_htk_weight(index * 31.25, band) for band in range(40)] for index in range(257)]
    )
    logarithms = np.log(magnitudes @ weights + 1e-6)
    dct = scipy.fft.dct(logarithms, type=2, norm=None)[:, :10] / math.sqrt(2 * 40)
    assert found.shape == (49, 10)
    np.testing.assert_allclose(found, dct, rtol=1e-9, atol=1e-9)


def _htk_weight(hz: float, band: int) -> float:
    """Return the weight of one bin as HTK defines it, with plain arithmetic."""
    low, high = (1127.0 * math.log(1 + edge / 700.0) for edge in (20.0, 4000.0))
    step = (high - low) / 41
    mel = 1127.0 * math.log(1 + hz / 700.0)
    distance = abs(mel - (low + step * (band + 1))) / step
    return max(0.0, 1.0 - distance) if hz > 0 else 0.0


def test_log_mel_in_decibels_sums_the_power() -> None:
    sound = _sound(3072)

    found = log_mel(sound, MACHINES)

    power = _magnitudes(sound, 1024, 512, 1024) ** 2
    expected = 10 * np.log10(power @ mel_weights(MACHINES.mel, 16_000, 1024) + 2**-52)
    assert found.shape == (5, 128)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_slaney_bands_are_librosas() -> None:
    with np.load(WEIGHTS) as golden:
        expected = golden["slaney"]

    found = mel_weights(MelBands(count=40, low_hz=20, high_hz=4000, scale="slaney"), 16_000, 512)

    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_slaney_bands_have_area_one_and_are_straight_in_hertz() -> None:
    weights = mel_weights(MelBands(count=20, low_hz=0, high_hz=8000, scale="slaney"), 16_000, 8192)

    bin_hz = 16_000 / 8192
    np.testing.assert_allclose(weights.sum(axis=0) * bin_hz, 1.0, rtol=0.01)
    tops = np.argmax(weights, axis=0) * bin_hz
    below = tops[tops < 900]
    assert np.ptp(np.diff(below)) <= 2 * bin_hz  # evenly spaced up to 1 kHz


def test_natural_logarithms_of_magnitudes() -> None:
    spec = LogMelInput(
        length=480, step=480, sample_rate_hz=16_000, frames=KEYWORDS.frames, mel=KEYWORDS.mel,
        floor=1e-3,
    )  # fmt: skip

    found = log_mel(np.zeros(480), spec)

    np.testing.assert_allclose(found, math.log(1e-3))


@pytest.mark.parametrize("level", [0.0, -0.5])
def test_a_window_without_a_positive_sample_is_not_divided(level: float) -> None:
    found = mfcc(np.full(16_000, level), KEYWORDS)

    assert np.isfinite(found).all()
