"""One waiting message, as a value and as the record of a table, with its checksum."""

import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from edge_runtime.records import Delivery, Message

ROW_OVERHEAD_BYTES = 128  # what a row costs beside its texts: keys, index entries, page slack
COLUMNS = (
    "id, delivery, topic, payload, properties, retain, expiry_s, size_bytes, boot, lifetime_s,"
    " expires_monotonic_s, expires_wall_s, crc32"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One waiting message with its number and its end.

    Attributes:
        id: Counts all messages ever accepted; never used twice.
        lifetime_s: From acceptance to expiry, the outbox's own age bound included.
        expires_monotonic_s: On the monotonic clock of `boot`.
        expires_wall_s: The same moment on the wall clock as it was at acceptance.
    """

    id: int
    message: Message
    boot: str
    lifetime_s: float
    expires_monotonic_s: float
    expires_wall_s: float

    @property
    def size_bytes(self) -> int:
        """What the row counts for in the outbox's bound."""
        return len(self.message.payload) + len(self.message.topic.encode()) + ROW_OVERHEAD_BYTES


def record_of(row: Row) -> tuple[str | bytes | float | None, ...]:
    """Return the values of COLUMNS."""
    message = row.message
    properties = msgspec.json.encode(message.properties)
    return (
        row.id,
        message.delivery.value,
        message.topic,
        message.payload,
        properties,
        int(message.retain),
        message.expiry_s,
        row.size_bytes,
        row.boot,
        row.lifetime_s,
        row.expires_monotonic_s,
        row.expires_wall_s,
        _crc32(message.topic, message.payload, properties),
    )


def row_of(record: tuple[Any, ...]) -> Row | None:
    """Return the row of a record, None where its content is not what was written."""
    number, delivery, topic, payload, properties, retain, expiry_s = record[:7]
    if not isinstance(topic, str) or not isinstance(payload, bytes):
        return None
    if _crc32(topic, payload, properties) != record[12]:
        return None
    message = Message(
        topic=topic,
        payload=payload,
        delivery=Delivery(delivery),
        retain=bool(retain),
        expiry_s=expiry_s,
        properties=msgspec.json.decode(properties, type=tuple[tuple[str, str], ...]),
    )
    return Row(number, message, *record[8:12])


def _crc32(topic: str, payload: bytes, properties: bytes) -> int:
    return zlib.crc32(properties, zlib.crc32(payload, zlib.crc32(topic.encode())))
