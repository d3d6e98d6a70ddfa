"""Sound as numbers, and its windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import FrameError
from edge_runtime.sources.pcm import Blocks, pick_channel, samples_of
from edge_runtime.sources.rows import WindowShape
from edge_runtime.windows import Windower


@given(st.integers(1, 9), st.integers(1, 12), st.lists(st.integers(0, 30), max_size=8))
def test_windows_are_those_of_row_by_row(length: int, step: int, sizes: list[int]) -> None:
    rows = np.arange(sum(sizes), dtype=np.float32)[:, np.newaxis]
    windower, blocks = Windower(1, length, step), Blocks(WindowShape(("x",), length, step))

    expected = [w for row in rows if (w := windower.push(row)) is not None]
    found, at = [], 0
    for size in sizes:
        blocks.feed(rows[at : at + size])
        at += size
        while (window := blocks.take()) is not None:
            found.append(window)

    assert len(found) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("width", "data", "expected"),
    [
        (1, bytes([0, 128, 255]), [-1, 0, 127 / 128]),
        (2, b"\x00\x80\x00\x00\xff\x7f", [-1, 0, 32767 / 32768]),
        (3, b"\x00\x00\x80\x00\x00\x40", [-1, 0.5]),
        (4, b"\x00\x00\x00\x80\x00\x00\x00\xc0", [-1, -0.5]),
    ],
)
def test_every_width_has_the_same_scale(width: int, data: bytes, expected: list[float]) -> None:
    assert samples_of(data, width, 1)[:, 0].tolist() == [np.float32(e) for e in expected]


def test_channels_are_interleaved_and_a_torn_end_is_left_out() -> None:
    data = np.array([1, 2, 3, 4], "<i2").tobytes() + b"\x05"

    found = samples_of(data, 2, 2) * 32768

    assert found.tolist() == [[1, 2], [3, 4]]


def test_other_widths_and_missing_channels_are_refused() -> None:
    with pytest.raises(FrameError, match="40 bits a sample"):
        samples_of(b"", 5, 1)
    with pytest.raises(FrameError, match="1 channels, the model takes 2 from 0 on"):
        pick_channel(np.zeros((3, 1), np.float32), 0, WindowShape(("l", "r"), 1, 1))
