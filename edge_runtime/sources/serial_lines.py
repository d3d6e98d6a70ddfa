"""Lines from a serial port: a JSON object or comma-separated numbers each."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.config.sensors import SerialConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.extras import needed
from edge_runtime.sources.fields import decode_json, pick
from edge_runtime.sources.lines import LineBuffer, check_line
from edge_runtime.sources.pace import MOMENT_S
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowReading


class SerialReader:
    """Rows as a microcontroller prints them; the form is in docs/sources.md."""

    def __init__(self, config: SerialConfig, fields: tuple[str, ...]) -> None:
        self._config = config
        self._fields = fields
        self._port: Any = None
        self._lines = LineBuffer()
        self._is_first = True

    def open(self) -> None:
        """Open the port for us alone."""
        self.close()
        serial = needed("serial", "serial")
        try:
            self._port = serial.Serial(
                self._config.port, self._config.baud_rate, timeout=MOMENT_S, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise SourceError(f"serial {self._config.port}: {_reason(error)}") from error
        self._lines = LineBuffer()
        self._is_first = True

    def read(self) -> RowReading:
        """Return the row of the next line."""
        try:
            line = self._next_line()
            return Quiet() if line is None else self._parse(line)
        except FrameError as error:
            return Refusal(str(error))

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _next_line(self) -> bytes | None:
        line = self._lines.take()
        if line is not None:
            return line
        try:
            self._lines.feed(self._port.read(max(1, self._port.in_waiting)))
        except OSError as error:
            raise SourceError(f"serial {self._config.port}: {_reason(error)}") from error
        return self._lines.take()

    def _parse(self, line: bytes) -> RowReading:
        """Return a line's row; the first line may be the rest of one that began before us."""
        is_first, self._is_first = self._is_first, False
        try:
            text = check_line(line, needs_crc=self._config.crc)
            is_json = self._config.format == "json"
            return Row(pick(decode_json(text), self._fields) if is_json else self._numbers(text))
        except FrameError:
            if is_first:
                return Quiet()
            raise

    def _numbers(self, text: bytes) -> npt.NDArray[np.float64]:
        header = self._config.header or self._fields
        words = text.split(b",")
        if len(words) != len(header):
            raise FrameError(f"{len(words)} values in a line, expected are {', '.join(header)}")
        try:
            values = {name: float(word) for name, word in zip(header, words, strict=True)}
        except ValueError as error:
            raise FrameError(f"not numbers: {text[:40]!r}") from error
        return np.array([values[field] for field in self._fields], np.float64)


def _reason(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return " ".join(str(strerror or error).split())
