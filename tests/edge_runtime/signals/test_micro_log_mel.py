"""The fixed-point front end against TFLite Micro's own operators, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.signals.inputs import MicroLogMelInput
from edge_runtime.signals.micro_log_mel import micro_features, micro_log_mel

GOLDEN = Path(__file__).parents[2] / "golden" / "micro_frontend" / "features.npz"
SPEC = MicroLogMelInput(length=4000, step=4000)
SIGNALS = ("chirp", "rising_noise", "full_scale", "faint", "bursts")


@pytest.mark.parametrize("name", SIGNALS)
def test_features_are_those_of_tflite_micro(name: str) -> None:
    with np.load(GOLDEN) as golden:
        pcm, expected = golden[f"{name}_pcm"], golden[f"{name}_features"]

    assert np.array_equal(micro_features(pcm.astype(np.int32), SPEC), expected)


def test_samples_in_full_scale_become_the_same_integers() -> None:
    with np.load(GOLDEN) as golden:
        pcm, expected = golden["chirp_pcm"], golden["chirp_features"]

    features = micro_log_mel(pcm.astype(np.float64) / 32_768, SPEC)

    assert np.array_equal(features, expected / 25.6)


def test_silence_gives_zeros() -> None:
    features = micro_features(np.zeros(4000, np.int32), SPEC)

    assert features.shape == (12, 40)
    assert not features.any()


def test_a_windowed_sample_of_the_least_int16_keeps_the_frame_loud() -> None:
    loud = np.full(4000, -32_767, np.int32)
    loudest = np.full(4000, -32_768, np.int32)

    difference = micro_features(loud, SPEC) - micro_features(loudest, SPEC)

    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize(
    ("rate_hz", "length", "bands"), [(8000, 256, 20), (16_000, 2048, 64), (44_100, 1024, 32)]
)
def test_other_sizes_follow_the_loudness(rate_hz: int, length: int, bands: int) -> None:
    spec = MicroLogMelInput(
        length=8192, step=8192, sample_rate_hz=rate_hz, frame_length=length, frame_step=length,
        bands=bands, low_hz=100.0, high_hz=rate_hz / 3,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    noise = rng.integers(-20_000, 20_000, 8192).astype(np.int32)

    loud, faint = micro_features(noise, spec), micro_features(noise // 64, spec)

    assert loud.shape == (8192 // length, bands)
    assert loud[0].mean() > faint[0].mean() > 0
