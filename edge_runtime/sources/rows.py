"""Rows of sensor samples become windows: what all sensors share."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError
from edge_runtime.sources.freeze import ColumnWatch
from edge_runtime.sources.protocol import End, Partial, Quiet, Reading, Refusal, Shot
from edge_runtime.windows import Windower


@dataclass(frozen=True, slots=True)
class WindowShape:
    """What the model wants of a stream of rows."""

    columns: tuple[str, ...]
    length: int
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One sample of each column.

    Attributes:
        values: (C,) float64, in the model's order, in the sensor's units.
        age_s: How long before it was read the sensor had taken it.
    """

    values: npt.NDArray[np.float64]
    age_s: float = 0.0


RowReading: TypeAlias = Row | Quiet | Refusal | End


class RowReader(Protocol):
    """A sensor: hands out rows, one by one; as a `Source` otherwise."""

    def open(self) -> None:
        """Make it ready."""

    def read(self) -> RowReading:
        """Return the next row."""

    def close(self) -> None:
        """Let go of what `open` acquired; called in any state."""


@dataclass(frozen=True, slots=True)
class RowSettings:
    """How rows become windows.

    Attributes:
        shape: The model's window.
        rate_hz: Rows a second that are expected; None: unknown.
        frozen_after: So many equal values of a column in a row are a stuck sensor; 0: never.
    """

    shape: WindowShape
    rate_hz: float | None
    frozen_after: int = 0


class RowSource:
    """Windows of a sensor's rows; a live stream, so the newest window counts."""

    is_lossless = False

    def __init__(self, reader: RowReader, settings: RowSettings) -> None:
        self._reader = reader
        self._settings = settings
        self._windower = self._empty()
        limit = settings.frozen_after
        self._watch = ColumnWatch(settings.shape.columns, limit) if limit else None

    @property
    def rate_hz(self) -> float | None:
        """Rows a second."""
        return self._settings.rate_hz

    def open(self) -> None:
        """Open the sensor; a window never spans the gap."""
        self._windower = self._empty()
        self._reader.open()

    def read(self) -> Reading:
        """Return the window that the next row completes, or what came instead.

        Raises:
            SourceFrozenError: A column is stuck.
        """
        reading = self._reader.read()
        if not isinstance(reading, Row):
            return reading
        try:
            window = self._windower.push(reading.values)
        except FrameError as error:
            return Refusal(str(error))
        if self._watch is not None:
            self._watch.look(reading.values)
        return Partial() if window is None else Shot(window, age_s=reading.age_s)

    def close(self) -> None:
        """Close the sensor."""
        self._reader.close()

    def _empty(self) -> Windower:
        shape = self._settings.shape
        return Windower(len(shape.columns), shape.length, shape.step)
