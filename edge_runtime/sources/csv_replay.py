"""Rows of a CSV file, replayed as the sensor delivered them."""

import contextlib
import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from edge_runtime.config.sources import CsvConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.protocol import End, Partial, Reading, Refusal, Shot
from edge_runtime.sources.rows import WindowShape
from edge_runtime.windows import Windower


class CsvSource:
    """Windows of the named columns; a row that holds no numbers is left out and counted.

    A window is due when its last row is: by the timestamps, or by the rate.
    """

    def __init__(self, config: CsvConfig, shape: WindowShape) -> None:
        self._config = config
        self._shape = shape
        self._file: TextIO | None = None
        self._rows: Iterator[dict[str, str]] = iter(())
        self._windower = Windower(len(shape.columns), shape.length, shape.step)
        self._row_number = 0  # over all rounds
        self._rows_this_round = 0
        self._first_stamp_s: float | None = None
        self._round_start_s = 0.0
        self._due_s = 0.0

    @property
    def is_lossless(self) -> bool:
        """A file played once, or as fast as the model goes, loses nothing."""
        return not self._config.loop or self._config.rate_hz == 0

    @property
    def rate_hz(self) -> float | None:
        """Windows a second; None where timestamps decide."""
        return self._config.rate_hz / self._shape.step if self._config.rate_hz else None

    def open(self) -> None:
        """Open the file, find the columns, go on after the last row that was read."""
        self.close()
        path, stamp = self._config.path, self._config.timestamp_column
        try:
            # Closed by close(); damaged bytes become a row that holds no number.
            self._file = Path(path).open(encoding="utf-8-sig", errors="replace", newline="")  # noqa: SIM115
            reader = csv.DictReader(self._file, delimiter=self._config.delimiter)
            header = reader.fieldnames or ()
        except (OSError, csv.Error) as error:
            raise SourceError(f"{path}: {error}") from error
        wanted = (*self._shape.columns, *([stamp] if stamp else []))
        missing = ", ".join(name for name in wanted if name not in header)
        if missing:
            raise SourceError(f"{path}: no column {missing}; there are {', '.join(header)}")
        for _ in range(self._rows_this_round):
            with contextlib.suppress(csv.Error):
                next(reader, None)
        self._rows = reader

    def read(self) -> Reading:
        """Return the window that the next row completes, or why a row was left out."""
        while True:
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                self._rows_this_round += 1
                return Refusal(f"{self._config.path}: {error}")
            except OSError as error:
                raise SourceError(f"{self._config.path}: {error}") from error
            if row is None and not self._config.loop:
                return End()
            if row is None:
                self._start_round()
                continue
            return self._take(row)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _start_round(self) -> None:
        """Begin at the top; time goes on, a window never spans two rounds."""
        if self._rows_this_round == 0:
            raise SourceError(f"{self._config.path}: holds no row")
        self._windower = Windower(len(self._shape.columns), self._shape.length, self._shape.step)
        self._round_start_s = self._due_s
        self._first_stamp_s = None
        self._rows_this_round = 0
        self.open()

    def _take(self, row: dict[str, str]) -> Reading:
        number = self._row_number
        self._row_number += 1
        self._rows_this_round += 1
        try:
            due_s = self._due(row, number)
            samples = np.array([_number(row, column) for column in self._shape.columns])
            window = self._windower.push(samples)
        except FrameError as error:
            return Refusal(f"row {number + 1}: {error}")
        self._due_s = due_s
        is_paced = self._config.rate_hz != 0
        if window is None:
            return Partial()
        return Shot(window, label=f"row {number + 1}", due_s=due_s if is_paced else None)

    def _due(self, row: dict[str, str], number: int) -> float:
        """Return when a row is delivered, never before the one above it."""
        stamp = self._config.timestamp_column
        if stamp is None:
            return number / self._config.rate_hz if self._config.rate_hz else 0.0
        seconds = _number(row, stamp)
        if not math.isfinite(seconds):
            raise FrameError(f"column {stamp!r}: {row[stamp]!r} is no time")
        if self._first_stamp_s is None:
            self._first_stamp_s = seconds
        return max(self._due_s, self._round_start_s + seconds - self._first_stamp_s)


def _number(row: dict[str, str], column: str) -> float:
    text = row.get(column)
    try:
        return float(text or "")
    except ValueError as error:
        raise FrameError(f"column {column!r}: {(text or '')[:40]!r} is no number") from error
