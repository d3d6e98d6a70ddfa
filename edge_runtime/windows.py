"""Rows of sensor samples to windows: online one row at a time, offline a whole recording."""

from collections import deque
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError

Samples: TypeAlias = npt.NDArray[np.float32]

FLOAT32_MAX = float(np.finfo(np.float32).max)


def is_finite_row(row: npt.NDArray[Any]) -> bool:
    """Return whether every sample of a row is a number that float32 holds."""
    return bool((np.abs(np.asarray(row, np.float64)) <= FLOAT32_MAX).all())


def row_windows(rows: npt.NDArray[Any], length: int, step: int) -> Samples:
    """Return the windows of a recording, as a `Windower` would deliver them row by row.

    Args:
        rows: (N, C) numbers; rows with NaN or infinity are left out first.
        length: Rows in a window, at least 1.
        step: Rows from one window's start to the next one's, at least 1.

    Returns:
        (K, length, C) float32, K = 0 for a recording that is too short.

    Raises:
        FrameError: Not two axes, or a length or step below 1.
    """
    if rows.ndim != 2:
        raise FrameError(f"rows of shape {rows.shape}, allowed is (N, C)")
    windower = Windower(rows.shape[1], length, step)
    pushed = (windower.push(row) for row in rows if is_finite_row(row))
    found = [window for window in pushed if window is not None]
    return np.stack(found) if found else np.empty((0, length, rows.shape[1]), np.float32)


class Windower:
    """Collects rows and hands out a window every `step` rows once `length` are there.

    A step above the length leaves rows out between windows; one below makes windows overlap.
    """

    def __init__(self, columns: int, length: int, step: int) -> None:
        if length < 1 or step < 1:
            raise FrameError(f"window of length {length}, step {step}: allowed are integers from 1")
        self._columns = columns
        self._step = step
        self._rows: deque[Samples] = deque(maxlen=length)
        self._until_next = length

    def push(self, row: npt.NDArray[Any]) -> Samples | None:
        """Return the window (length, C) that this row completes, None while there is none.

        Raises:
            FrameError: Another number of columns, or NaN or infinity; the row is left out.
        """
        if row.shape != (self._columns,):
            raise FrameError(f"row of {row.shape} samples, expected are {self._columns}")
        if not is_finite_row(row):
            raise FrameError("row with NaN or infinity")
        self._rows.append(row.astype(np.float32))
        self._until_next -= 1
        if self._until_next > 0:
            return None
        self._until_next = self._step
        return np.stack(self._rows)
