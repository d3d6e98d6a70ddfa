"""Lines of text from a stream of bytes, whole ones only, with an optional check sum.

A line is `TEXT` or `TEXT*CCCC`, ended by LF or CR LF; CCCC is the CRC-16/CCITT-FALSE of TEXT in
four hexadecimal digits (polynomial 0x1021, start 0xFFFF, nothing reflected or inverted).
"""

import binascii
import re

from edge_runtime.errors import FrameError

MAX_LINE_BYTES = 4096
_CRC = re.compile(rb"\*([0-9A-Fa-f]{4})\Z")


class LineBuffer:
    """Keeps what is not yet a line, at most `max_bytes` of it."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> None:
        """Add bytes as they came."""
        self._bytes += data

    def take(self) -> bytes | None:
        """Return the next line without its end, None where none is complete.

        Raises:
            FrameError: The line has no end within the limit; it is left out.
        """
        line, end, rest = self._bytes.partition(b"\n")
        if end:
            self._bytes = rest
            if self._is_skipping:
                self._is_skipping = False
                return self.take()
            return bytes(line).removesuffix(b"\r")
        if len(self._bytes) <= self._max_bytes:
            return None
        self._bytes.clear()
        if self._is_skipping:
            return None
        self._is_skipping = True
        raise FrameError(f"a line of more than {self._max_bytes} bytes (wrong baud rate?)")


def check_line(line: bytes, *, needs_crc: bool = False) -> bytes:
    """Return a line's text; a check sum that is there has to be right.

    Raises:
        FrameError: The check sum is wrong, or missing where it is needed.
    """
    found = _CRC.search(line)
    if found is None:
        if needs_crc:
            raise FrameError(f"line without *CRC: {line[:40]!r}")
        return line
    text = line[: found.start()]
    said, is_so = int(found[1], 16), crc16(text)
    if said != is_so:
        raise FrameError(f"line says CRC {said:04X}, its bytes have {is_so:04X}")
    return text


def crc16(data: bytes) -> int:
    """Return the CRC-16/CCITT-FALSE; of b"123456789" it is 0x29B1."""
    return binascii.crc_hqx(data, 0xFFFF)
