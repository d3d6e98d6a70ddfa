"""Messages between two commits, in a file in memory (tmpfs): for a crash, not for a power cut.

Each record is its length, its CRC-32 and the row. What a record of another kind says is that a row
of before is no longer needed. A commit empties the file.
"""

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge_runtime.mqtt.outbox.row import Row, record_of, row_of

logger = logging.getLogger(__name__)

_HEAD = struct.Struct("<II")  # length, CRC-32
_MAX_RECORD_BYTES = 1 << 20


class Stage:
    """Used under the outbox's lock. Every method may raise OSError: then nothing is staged."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)

    def recover(self) -> dict[int, Row]:
        """Return the rows that a process left, by number; a torn end is where it died."""
        rows: dict[int, Row] = {}
        for record in _records(os.pread(self._file, os.fstat(self._file).st_size, 0)):
            if isinstance(record, int):
                rows.pop(record, None)
            elif (row := row_of(tuple(record))) is not None:
                rows[row.id] = row
        return rows

    def add(self, row: Row) -> None:
        """Write a row down."""
        self._append(list(record_of(row)))

    def forget(self, number: int) -> None:
        """Write down that a row is no longer needed."""
        self._append(number)

    def clear(self) -> None:
        """Empty the file: all of it was committed."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Release the file; what is in it stays."""
        os.close(self._file)

    def _append(self, record: object) -> None:
        data = msgspec.msgpack.encode(record)
        os.write(self._file, _HEAD.pack(len(data), zlib.crc32(data)) + data)


def _records(data: bytes) -> Iterator[int | list[object]]:
    place = 0
    while place + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if length > _MAX_RECORD_BYTES or len(body) < length or zlib.crc32(body) != checksum:
            logger.warning("stage: %d bytes at its end are torn", len(data) - place)
            return
        yield msgspec.msgpack.decode(body, type=int | list)
        place += _HEAD.size + length
