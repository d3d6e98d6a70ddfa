"""Notices a source that repeats itself: a camera hung on one frame, a sensor that is stuck."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import SourceFrozenError
from edge_runtime.sources.protocol import Reading, Shot, Source

_SPARSE = 16  # rows looked at first: frames that differ mostly differ there


class FrameWatch:
    """Counts equal frames in a row; the count outlives reopening, a repaired camera resets it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last: npt.NDArray[Any] | None = None
        self._count = 1

    def look(self, values: npt.NDArray[Any]) -> None:
        """Take note of a frame.

        Raises:
            SourceFrozenError: It is the `limit`-th equal one in a row, or a later one.
        """
        same = self._last is not None and _are_equal(self._last, values)
        self._count = self._count + 1 if same else 1
        self._last = values
        if self._count >= self._limit:
            raise SourceFrozenError(f"the same frame {self._count} times in a row")


class ColumnWatch:
    """Counts, for each column of a sensor, how many rows its value has been the same."""

    def __init__(self, columns: tuple[str, ...], limit: int) -> None:
        self._columns = columns
        self._limit = limit
        self._last = np.full(len(columns), np.nan)
        self._counts = np.ones(len(columns), np.int64)

    def look(self, row: npt.NDArray[np.float64]) -> None:
        """Take note of a row.

        Raises:
            SourceFrozenError: A column says the same for the `limit`-th time in a row.
        """
        self._counts = np.where(row == self._last, self._counts + 1, 1)
        self._last = row
        stuck = int(np.argmax(self._counts))
        if self._counts[stuck] >= self._limit:
            text = f"column {self._columns[stuck]!r} is stuck at {row[stuck]:g}"
            raise SourceFrozenError(f"{text} for {self._counts[stuck]} rows")


class WatchedSource:
    """A camera whose frames are watched; everything else is the camera's own."""

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._watch = FrameWatch(limit)

    @property
    def is_lossless(self) -> bool:
        """As the camera's."""
        return self._source.is_lossless

    @property
    def rate_hz(self) -> float | None:
        """As the camera's."""
        return self._source.rate_hz

    def open(self) -> None:
        """Open the camera."""
        self._source.open()

    def read(self) -> Reading:
        """Return the camera's reading, unless it repeats itself.

        Raises:
            SourceFrozenError: The same frame came `limit` times in a row.
        """
        reading = self._source.read()
        if isinstance(reading, Shot):
            self._watch.look(reading.values)
        return reading

    def close(self) -> None:
        """Close the camera."""
        self._source.close()


def _are_equal(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    if one.shape != other.shape or not np.array_equal(one[::_SPARSE], other[::_SPARSE]):
        return False
    return np.array_equal(one, other)
