"""Rows of sensor samples to windows, one row at a time; calibration pushes its rows in, too."""

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
