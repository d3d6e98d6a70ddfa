"""The SQLite file below the outbox: schema, opening and repair, and one transaction per batch."""

import contextlib
import logging
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from edge_runtime.errors import OutboxError
from edge_runtime.records import Delivery, Message

logger = logging.getLogger(__name__)

ROW_OVERHEAD_BYTES = 128  # what a row costs beside its texts: keys, index entries, page slack
WAL_LIMIT_BYTES = 4 << 20
FREE_PAGES_WORTH_RETURNING = 256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY,
    delivery TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    properties BLOB NOT NULL,
    retain INTEGER NOT NULL,
    expiry_s INTEGER,
    size_bytes INTEGER NOT NULL,
    boot TEXT NOT NULL,
    lifetime_s REAL NOT NULL,
    expires_monotonic_s REAL NOT NULL,
    expires_wall_s REAL NOT NULL,
    crc32 INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS message_by_delivery ON message (delivery, id);
CREATE INDEX IF NOT EXISTS message_by_topic ON message (topic) WHERE delivery = 'latest';
CREATE INDEX IF NOT EXISTS message_by_end ON message (expires_monotonic_s);
CREATE TABLE IF NOT EXISTS counter (
    reason TEXT NOT NULL,
    delivery TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (reason, delivery)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_id (id INTEGER NOT NULL);
"""
_COLUMNS = (
    "id, delivery, topic, payload, properties, retain, expiry_s, size_bytes, boot, lifetime_s,"
    " expires_monotonic_s, expires_wall_s, crc32"
)
_INSERT = f"INSERT INTO message ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
_TAKE = f"SELECT {_COLUMNS} FROM message WHERE delivery = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608
_OLDEST = "SELECT id FROM message WHERE delivery = ? ORDER BY id LIMIT 1"
_GONE = "RETURNING delivery, size_bytes"

Dropped: TypeAlias = Counter[tuple[str, Delivery]]  # by (reason, delivery class)


@dataclass(frozen=True, slots=True)
class Row:
    """One waiting message with its number and its end.

    Attributes:
        id: Counts all messages ever accepted; never used twice.
        lifetime_s: From acceptance to expiry, the outbox's own age bound included.
        expires_monotonic_s: On the monotonic clock of `boot`.
        expires_wall_s: The same moment on the wall clock, for rows of an earlier boot.
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that may stay in the file after a transaction."""

    max_rows: int
    max_bytes: int


class Store:
    """One open file. Every method may raise sqlite3.Error; a failed batch changes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._connection = _open(path)
        self.rows, self.bytes = self._totals()

    def close(self) -> None:
        """Close the file; what was not applied is gone."""
        self._connection.close()

    def counters(self) -> Dropped:
        """Return how many messages were dropped since the file was made, by reason and class."""
        found = self._connection.execute("SELECT reason, delivery, count FROM counter")
        return Counter({(reason, Delivery(delivery)): count for reason, delivery, count in found})

    def last_id(self) -> int:
        """Return the greatest number ever given to a message, 0 in a new file."""
        query = "SELECT max(coalesce((SELECT max(id) FROM message), 0),"
        query += " coalesce((SELECT max(id) FROM last_id), 0))"
        return int(self._connection.execute(query).fetchone()[0])

    def rebase(self, boot: str, *, monotonic_s: float, wall_s: float) -> None:
        """Move the ends of an earlier boot's rows to this boot's monotonic clock.

        The remaining life is read off the wall clock, and never longer than the whole life, so
        that a clock that went back does not keep a message for ever.
        """
        with self._connection:
            self._connection.execute(
                "UPDATE message SET boot = ?, expires_monotonic_s = ? + min(lifetime_s,"
                " expires_wall_s - ?) WHERE boot <> ?",
                (boot, monotonic_s, wall_s, boot),
            )

    def apply(
        self, new: Iterable[Row], gone: Iterable[int], counted: Mapping[tuple[str, Delivery], int],
        *, bounds: Bounds, now_monotonic_s: float,
    ) -> Dropped:  # fmt: skip
        """Insert, delete, expire and evict in one transaction; return what was dropped.

        `counted` are drops that happened outside; they are persisted together with ours.
        """
        batch = _Batch(self._connection, self.rows, self.bytes)
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            batch.delete(gone)
            batch.insert(new)
            batch.expire(now_monotonic_s)
            batch.evict(bounds)
            batch.count(Counter(counted) + batch.dropped)
        self.rows, self.bytes = batch.rows, batch.bytes
        return batch.dropped

    def take(self, delivery: Delivery, after: int, limit: int) -> list[tuple[int, Row | None]]:
        """Return up to `limit` (number, row) above `after`, lowest first; None fails its CRC."""
        found = self._connection.execute(_TAKE, (delivery.value, after, limit)).fetchall()
        return [(record[0], _row_of(record)) for record in found]

    def holds(self, number: int) -> bool:
        """Return whether a message is in the file."""
        query = "SELECT 1 FROM message WHERE id = ?"
        return self._connection.execute(query, (number,)).fetchone() is not None

    def latest_topics(self) -> frozenset[str]:
        """Return the topics that have a message of class LATEST waiting."""
        query = "SELECT topic FROM message WHERE delivery = 'latest'"
        return frozenset(topic for (topic,) in self._connection.execute(query))

    def oldest_accepted_monotonic_s(self) -> float | None:
        """Return when the oldest row was accepted, None in an empty file."""
        query = "SELECT expires_monotonic_s - lifetime_s FROM message ORDER BY id LIMIT 1"
        found = self._connection.execute(query).fetchone()
        return None if found is None else float(found[0])

    def return_free_pages(self) -> None:
        """Give the space of deleted rows back to the file system once it is worth a write."""
        free = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        if free > FREE_PAGES_WORTH_RETURNING:
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()

    def _totals(self) -> tuple[int, int]:
        query = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM message"
        rows, size_bytes = self._connection.execute(query).fetchone()
        return int(rows), int(size_bytes)


class _Batch:
    """The steps of one transaction, and the totals as they will be when it is committed."""

    def __init__(self, connection: sqlite3.Connection, rows: int, size_bytes: int) -> None:
        self._connection = connection
        self.rows = rows
        self.bytes = size_bytes
        self.dropped: Dropped = Counter()

    def delete(self, ids: Iterable[int]) -> None:
        for number in ids:
            self._remove(f"DELETE FROM message WHERE id = ? {_GONE}", number)  # noqa: S608

    def insert(self, rows: Iterable[Row]) -> None:
        last = None
        for row in rows:
            if row.message.delivery is Delivery.LATEST:
                self._replace(row.message.topic)
            self._connection.execute(_INSERT, _record_of(row))
            self.rows += 1
            self.bytes += row.size_bytes
            last = row.id
        if last is not None:
            self._connection.execute("DELETE FROM last_id")
            self._connection.execute("INSERT INTO last_id VALUES (?)", (last,))

    def expire(self, now_monotonic_s: float) -> None:
        statement = f"DELETE FROM message WHERE expires_monotonic_s <= ? {_GONE}"  # noqa: S608
        for delivery in self._remove(statement, now_monotonic_s):
            self.dropped["expired", delivery] += 1

    def evict(self, bounds: Bounds) -> None:
        """Drop until the bounds hold: LATEST first, which is made anew anyway, oldest first."""
        statement = f"DELETE FROM message WHERE id = coalesce(({_OLDEST}), ({_OLDEST})) {_GONE}"  # noqa: S608
        while self.rows > bounds.max_rows or self.bytes > bounds.max_bytes:
            order = (Delivery.LATEST.value, Delivery.ALL.value)
            for delivery in self._remove(statement, *order):
                self.dropped["full", delivery] += 1

    def count(self, dropped: Mapping[tuple[str, Delivery], int]) -> None:
        self._connection.executemany(
            "INSERT INTO counter VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(reason, delivery.value, count) for (reason, delivery), count in dropped.items()],
        )

    def _replace(self, topic: str) -> None:
        statement = f"DELETE FROM message WHERE delivery = 'latest' AND topic = ? {_GONE}"  # noqa: S608
        for delivery in self._remove(statement, topic):
            self.dropped["replaced", delivery] += 1

    def _remove(self, statement: str, *values: str | float) -> list[Delivery]:
        gone = self._connection.execute(statement, values).fetchall()
        self.rows -= len(gone)
        self.bytes -= sum(size_bytes for _, size_bytes in gone)
        return [Delivery(delivery) for delivery, _ in gone]


def open_store(path: Path) -> tuple[Store, bool]:
    """Return the store at `path`, and whether a damaged file had to be set aside for it.

    Raises:
        OutboxError: The directory cannot be written.
    """
    try:
        return Store(path), False
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise OutboxError(f"outbox {path}: {error}") from error
        logger.warning("outbox %s is damaged (%s): set aside, starting afresh", path, error)
    try:
        set_aside(path)
        return Store(path), True
    except (OSError, sqlite3.Error) as error:
        raise OutboxError(f"outbox {path}: {error}") from error


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file's content is at fault, not the disk it lies on."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return (code & 0xFF) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def set_aside(path: Path) -> None:
    """Rename the file, keep one such copy, and remove its log, which belongs to no other."""
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_name(path.name + ".damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        _check(connection)
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _crc32(topic: str, payload: bytes, properties: bytes) -> int:
    return zlib.crc32(properties, zlib.crc32(payload, zlib.crc32(topic.encode())))


def _record_of(row: Row) -> tuple[str | bytes | float | None, ...]:
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


def _row_of(record: tuple[Any, ...]) -> Row | None:
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
