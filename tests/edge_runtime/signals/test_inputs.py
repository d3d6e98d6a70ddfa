"""What a manifest may say of a signal."""

from typing import Any

import msgspec
import pytest

from edge_runtime.errors import BundleError
from edge_runtime.signals.inputs import (
    Frames,
    LogMelInput,
    MelBands,
    MfccInput,
    MicroLogMelInput,
    SignalInput,
    SpectrumInput,
    WindowInput,
    check_signal,
    micro_fft_length,
)

FRAMES = Frames(length=480, step=320, fft_length=512)
MEL = MelBands(count=40, low_hz=20.0, high_hz=4000.0)
AUDIO: dict[str, Any] = {
    "length": 16_000, "step": 8000, "sample_rate_hz": 16_000, "frames": FRAMES, "mel": MEL,
}  # fmt: skip
SPECTRUM: dict[str, Any] = {
    "columns": ("x", "y"), "length": 256, "step": 128, "sample_rate_hz": 100.0, "segment": 64,
    "edges_hz": (1.0, 10.0, 50.0),
}  # fmt: skip
LEGAL = [
    WindowInput(columns=("a", "b"), length=4, step=2, detrend="linear"),
    LogMelInput(**AUDIO, unit="db", power=2),
    MfccInput(**AUDIO, coefficients=10, mean=(0.0,) * 10),
    MicroLogMelInput(length=16_000, step=16_000),
    SpectrumInput(**SPECTRUM, std=(1.0, 2.0)),
]


@pytest.mark.parametrize("spec", LEGAL)
def test_legal_ones_pass_and_come_back_from_json(spec: SignalInput) -> None:
    check_signal(spec)

    assert msgspec.json.decode(msgspec.json.encode(spec), type=SignalInput) == spec


def _audio(**changes: Any) -> MfccInput:
    return MfccInput(**{**AUDIO, "coefficients": 10, **changes})


def _micro(**changes: Any) -> MicroLogMelInput:
    return MicroLogMelInput(**{"length": 16_000, "step": 16_000, **changes})


def _spectrum(**changes: Any) -> SpectrumInput:
    return SpectrumInput(**{**SPECTRUM, **changes})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (_audio(columns=()), "columns"),
        (_audio(columns=("a", "a")), "different names"),
        (_audio(columns=("a", "b")), "sound has one"),
        (_audio(length=0), "length 0"),
        (_audio(step=2_000_000), "step 2000000, allowed is 1 to 1000000"),
        (_audio(frames=Frames(length=17_000, step=1, fft_length=32_768)), r"frames\.length 17000"),
        (_audio(frames=Frames(length=480, step=0, fft_length=512)), r"frames\.step 0"),
        (_audio(frames=Frames(length=480, step=1, fft_length=256)), r"fft_length 256, .* 480"),
        (_audio(frames=Frames(length=480, step=1, fft_length=513)), "an even number"),
        (_audio(mel=MelBands(count=0, low_hz=0, high_hz=1)), r"mel\.count 0"),
        (_audio(mel=MelBands(count=4, low_hz=0, high_hz=8001)), "0 to 8000"),
        (_audio(mel=MelBands(count=40, low_hz=100, high_hz=100)), "rising"),
        (_audio(mel=MelBands(count=40, low_hz=float("nan"), high_hz=100)), "rising"),
        (_audio(coefficients=41), "coefficients 41, allowed is 1 to 40"),
        (_audio(floor=0.0), "floor 0.0, allowed is above 0"),
        (_audio(sample_rate_hz=0), "sample_rate_hz 0"),
        (_audio(mean=(1.0, 2.0)), "mean has 2 numbers, allowed is 1 or 10"),
        (_audio(std=(0.0,)), "anything but 0"),
        (_micro(frame_length=32), "frame_length 32, allowed is 33"),
        (_micro(frame_length=2049), "frame_length 2049"),
        (_micro(high_hz=8000.0), "high_hz 8000.0, allowed is 7968.75"),
        (_micro(low_hz=-1.0), "low_hz: -1"),
        (_micro(columns=("left", "right")), "sound has one"),
        (_spectrum(sample_rate_hz=0.0), "sample_rate_hz 0.0"),
        (_spectrum(segment=512), "segment 512, allowed is 4 to 256"),
        (_spectrum(segment=63), "an even number"),
        (_spectrum(edges_hz=(1.0,)), "edges_hz 1, allowed is 2"),
        (_spectrum(edges_hz=(1.0, 51.0)), "0 to 50"),
        (_spectrum(floor=float("inf")), "floor inf"),
    ],
)
def test_what_cannot_be_computed_is_named(spec: SignalInput, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        check_signal(spec)


def test_the_micro_front_end_takes_the_next_power_of_two() -> None:
    assert [micro_fft_length(length) for length in (33, 64, 480, 2048)] == [64, 64, 512, 2048]
