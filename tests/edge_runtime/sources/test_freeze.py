"""What repeats itself is noticed, and what moves again is let through."""

import numpy as np
import pytest

from edge_runtime.errors import SourceFrozenError
from edge_runtime.sources.freeze import ColumnWatch, FrameWatch, WatchedSource
from edge_runtime.sources.protocol import Reading, Refusal


def test_s2_equal_frames_count_until_the_limit() -> None:
    watch, frame = FrameWatch(3), np.zeros((40, 4, 3), np.uint8)
    watch.look(frame)
    watch.look(frame.copy())

    with pytest.raises(SourceFrozenError, match="the same frame 3 times in a row"):
        watch.look(frame.copy())
    with pytest.raises(SourceFrozenError, match="4 times"):
        watch.look(frame.copy())


@pytest.mark.parametrize("row", [0, 5, 39])  # row 0 and 16 and 32 are looked at first
def test_one_pixel_that_differs_is_another_frame(row: int) -> None:
    watch, frame = FrameWatch(2), np.zeros((40, 4, 3), np.uint8)
    watch.look(frame)
    other = frame.copy()
    other[row, 2, 1] = 1

    watch.look(other)
    watch.look(frame)
    watch.look(np.zeros((20, 4, 3), np.uint8))


def test_s4_a_column_that_is_stuck_is_named() -> None:
    watch = ColumnWatch(("a", "b"), 3)
    watch.look(np.array([1.0, 5.0]))
    watch.look(np.array([2.0, 5.0]))

    with pytest.raises(SourceFrozenError, match="column 'b' is stuck at 5 for 3 rows"):
        watch.look(np.array([3.0, 5.0]))
    watch.look(np.array([3.0, 5.1]))


def test_only_frames_are_watched() -> None:
    class Twice:
        is_lossless, rate_hz = False, 4.0

        def open(self) -> None:
            self.is_open = True

        def read(self) -> Reading:
            return Refusal("torn")

        def close(self) -> None:
            self.is_open = False

    inner = Twice()
    source = WatchedSource(inner, 1)
    source.open()

    assert source.read() == source.read() == Refusal("torn")
    assert (source.is_lossless, source.rate_hz, inner.is_open) == (False, 4.0, True)
    source.close()
    assert not inner.is_open
