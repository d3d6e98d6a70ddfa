"""The wire format of protocol buffers, as far as a Sparkplug payload needs it.

Source: Protocol Buffers documentation, "Encoding" (varints, tags, length-delimited records).
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

from edge_runtime.errors import EdgeRuntimeError

Value: TypeAlias = int | bytes  # fixed-width values as their little-endian bytes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTH_BYTES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT_BYTES = 10
_UINT64_MAX = (1 << 64) - 1


class WireError(EdgeRuntimeError, ValueError):
    """Bytes that are no protocol buffer."""


def varint_field(number: int, value: int) -> bytes:
    """Return a field of a whole number or a bool; a negative one goes as its 64-bit complement."""
    return _varint(number << 3 | _VARINT) + _varint(value & _UINT64_MAX)


def double_field(number: int, value: float) -> bytes:
    """Return a field of a double."""
    return _varint(number << 3 | _FIXED64) + struct.pack("<d", value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Return a field of a string or of a message within the message."""
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Yield each field's number and value, in the order of the bytes.

    Raises:
        WireError: The bytes end within a field, or hold a kind that protocol buffers have not.
    """
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _read_varint(data, at)
        elif kind in _WIDTH_BYTES:
            size = _WIDTH_BYTES[kind]
        else:
            raise WireError(f"byte {at - 1}: wire type {kind}, allowed are 0, 1, 2 and 5")
        if at + size > len(data):
            raise WireError(f"field {tag >> 3}: {size} bytes, {len(data) - at} are left")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + _LONGEST_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & _UINT64_MAX, at + index + 1
    raise WireError(f"byte {at}: an integer without an end")
