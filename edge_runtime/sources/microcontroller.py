"""Inferences of a microcontroller that runs our exported C, a line of JSON each, by serial.

    {"seq":7,"input":"BASE64","output":"BASE64"}*CCCC

`input` may be missing: only lines that carry it can be audited. `output` holds the int8 codes of
all outputs behind one another. The check sum is needed, as a code that the line garbled would look
like one that was computed wrongly. `kernels/edge_report.h` of an export prints such lines.
"""

import binascii
import time
from typing import Any

import msgspec

from edge_runtime.config.sources import MicrocontrollerConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.remote_inference import VectorLayout
from edge_runtime.sources.lines import LineBuffer, check_line
from edge_runtime.sources.protocol import Reading, Refusal, Shot

READ_S = 0.2
LINE_OVERHEAD_BYTES = 128


class _Line(msgspec.Struct, frozen=True):
    """One inference; other keys are left alone."""

    seq: int
    output: str
    input: str | None = None


class MicrocontrollerSource:
    """Delivers the newest inference; a line that is damaged is left out and counted."""

    is_lossless = False
    rate_hz: float | None = None

    def __init__(self, config: MicrocontrollerConfig, layout: VectorLayout) -> None:
        self._config = config
        self._layout = layout
        self._port: Any = None
        self._lines = self._buffer()
        self._is_first = True

    def open(self) -> None:
        """Open the port for us alone."""
        self.close()
        try:
            import serial  # noqa: PLC0415 (an extra)
        except ImportError as error:
            raise SourceError(
                "source microcontroller: pyserial is missing; pip install 'edge-runtime[serial]'"
            ) from error
        try:
            self._port = serial.Serial(
                self._config.port, self._config.baud_rate, timeout=READ_S, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise SourceError(f"serial {self._config.port}: {error}") from error
        self._lines = self._buffer()
        self._is_first = True

    def read(self) -> Reading:
        """Return the next inference, or why a line was left out."""
        while True:
            try:
                line = self._next_line()
                shot = self._parse(line)
            except FrameError as error:
                is_first, self._is_first = self._is_first, False
                if is_first:  # may be the rest of one that began before us
                    continue
                return Refusal(str(error))
            self._is_first = False
            return shot

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _next_line(self) -> bytes:
        ends_s = time.monotonic() + self._config.silence_s
        while (line := self._lines.take()) is None:
            if time.monotonic() > ends_s:
                raise SourceError(
                    f"serial {self._config.port}: no line for {self._config.silence_s:g} s"
                )
            try:
                self._lines.feed(self._port.read(max(1, self._port.in_waiting)))
            except OSError as error:
                raise SourceError(f"serial {self._config.port}: {error}") from error
        return line

    def _parse(self, line: bytes) -> Shot:
        text = check_line(line, needs_crc=True)
        try:
            found = msgspec.json.decode(text, type=_Line)
            outputs = binascii.a2b_base64(found.output, strict_mode=True)
            inputs = found.input and binascii.a2b_base64(found.input, strict_mode=True)
        except (msgspec.DecodeError, binascii.Error) as error:
            raise FrameError(f"no inference: {error}") from error
        return Shot(self._layout.pack(outputs, inputs or None), label=f"seq {found.seq}")

    def _buffer(self) -> LineBuffer:
        """Return an empty buffer that takes a line with all codes of the model."""
        return LineBuffer(LINE_OVERHEAD_BYTES + 2 * self._layout.size)
