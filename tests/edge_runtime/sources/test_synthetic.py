"""Input made from a seed."""

import numpy as np
import pytest

from edge_runtime.config.sources import SyntheticConfig
from edge_runtime.sources.protocol import End, Shot
from edge_runtime.sources.synthetic import SyntheticSource, moving_image, sine_rows


def frames(config: SyntheticConfig, shape: tuple[int, int] | None, count: int) -> list[Shot]:
    source = SyntheticSource(config, shape)
    source.open()
    readings = [source.read() for _ in range(count)]
    return [reading for reading in readings if isinstance(reading, Shot)]


@pytest.mark.parametrize("pattern", ["moving", "sine", "noise"])
@pytest.mark.parametrize("shape", [None, (5, 3)])
def test_the_same_seed_gives_the_same_frames(pattern: str, shape: tuple[int, int] | None) -> None:
    config = SyntheticConfig(pattern=pattern, seed=4, width=32, height=16)  # type: ignore[arg-type]

    first, again = frames(config, shape, 4), frames(config, shape, 4)

    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    assert not np.array_equal(first[0].values, first[1].values)
    assert first[0].values.shape == (shape or (16, 32, 3))
    assert first[0].values.dtype == (np.uint8 if shape is None else np.float32)


def test_another_seed_gives_other_noise() -> None:
    one, other = (frames(SyntheticConfig(pattern="noise", seed=s), None, 1)[0] for s in (1, 2))

    assert not np.array_equal(one.values, other.values)


def test_frames_keep_the_rate_and_end() -> None:
    source = SyntheticSource(SyntheticConfig(rate_hz=5, frames=2), None)

    shots = [source.read(), source.read()]

    assert [s.due_s for s in shots if isinstance(s, Shot)] == [0.0, 0.2]
    assert source.read() == End()
    assert source.is_lossless


def test_overlapping_windows_continue_the_wave() -> None:
    source = SyntheticSource(SyntheticConfig(rate_hz=100), (10, 2), step=4)

    first, second = source.read(), source.read()

    assert isinstance(first, Shot)
    assert isinstance(second, Shot)
    np.testing.assert_array_equal(first.values[4:], second.values[:6])
    assert source.rate_hz == 25.0
    assert np.abs(sine_rows(0, (200, 3), 0)).max() <= 1.0


def test_the_square_stays_inside_any_image() -> None:
    for size in ((1, 1), (3, 50), (240, 320)):
        for number in (0, 7, 1000):
            assert moving_image(number, size).shape == (*size, 3)
