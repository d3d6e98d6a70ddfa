"""The integer FFT against the exact one."""

import numpy as np
import pytest

from edge_runtime.signals.micro_fft import real_fft


@pytest.mark.parametrize("length", [64, 128, 256, 512, 1024, 2048])
def test_it_is_the_transform_over_its_length(length: int) -> None:
    rng = np.random.default_rng(length)
    frames = rng.integers(-32_000, 32_000, (3, length)).astype(np.int32)

    spectrum = real_fft(frames)

    exact = np.fft.rfft(frames, axis=1) / length
    assert np.abs(spectrum.real - exact.real).max() < 8  # a rounding or two in each of the stages
    assert np.abs(spectrum.imag - exact.imag).max() < 8


def test_a_constant_is_all_in_the_first_bin() -> None:
    spectrum = real_fft(np.full((1, 64), 16_384, np.int32))

    assert abs(int(spectrum.real[0, 0]) - 16_384) < 8
    assert np.abs(spectrum.real[0, 1:]).max() <= 1
