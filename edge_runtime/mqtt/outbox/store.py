"""The SQLite file below the outbox: schema, opening and repair, and one transaction per batch."""

import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from edge_runtime.errors import OutboxError
from edge_runtime.mqtt.outbox.gaps import Gap, gap_of_record, joined
from edge_runtime.mqtt.outbox.row import COLUMNS, Row, record_of, row_of
from edge_runtime.records import Delivery

logger = logging.getLogger(__name__)

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
CREATE TABLE IF NOT EXISTS epoch (name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gap (
    topic TEXT NOT NULL,
    boot TEXT NOT NULL,
    reason TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
);
"""
_INSERT = f"INSERT INTO message ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
_TAKE = f"SELECT {COLUMNS} FROM message WHERE delivery = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608
_OLDEST = "SELECT id FROM message WHERE delivery = ? ORDER BY id LIMIT 1"
_GONE = "RETURNING delivery, size_bytes, topic, properties"

Dropped: TypeAlias = Counter[tuple[str, Delivery]]  # by (reason, delivery class)
_Gone: TypeAlias = tuple[Delivery, str, bytes]  # class, topic, properties


@dataclass(frozen=True, slots=True)
class News:
    """What one transaction writes.

    Attributes:
        rows: New messages.
        gone: Numbers of messages that are no longer needed.
        counted: Drops that happened outside.
        gaps: What these drops leave.
        told: Gaps that a message among `rows` tells of.
    """

    rows: Iterable[Row] = ()
    gone: Iterable[int] = ()
    counted: Mapping[tuple[str, Delivery], int] = field(default_factory=dict)
    gaps: Iterable[Gap] = ()
    told: Iterable[Gap] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that may stay in the file after a transaction."""

    max_rows: int
    max_bytes: int


class Store:
    """One open file. Every method may raise sqlite3.Error; a failed batch changes nothing.

    Attributes:
        rows: Messages in the file.
        bytes: Their size.
        last_id: The greatest number ever committed, 0 in a new file.
    """

    def __init__(self, path: Path | None) -> None:
        self._connection = _open(path)
        self.rows, self.bytes = self._totals()
        self.last_id = self._last_id()

    def close(self) -> None:
        """Close the file; what was not applied is gone."""
        self._connection.close()

    def counters(self) -> Dropped:
        """Return how many messages were dropped since the file was made, by reason and class."""
        found = self._connection.execute("SELECT reason, delivery, count FROM counter")
        return Counter({(reason, Delivery(delivery)): count for reason, delivery, count in found})

    def epoch(self) -> str:
        """Return what this file is called, "" in a new one."""
        found = self._connection.execute("SELECT name FROM epoch").fetchone()
        return "" if found is None else str(found[0])

    def begin_epoch(self, name: str) -> None:
        """Call this file by another name from now on."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM epoch")
            self._connection.execute("INSERT INTO epoch VALUES (?)", (name,))

    def rebase(self, boot: str, *, monotonic_s: float, wall_s: float) -> None:
        """Move the ends of earlier boots' rows to this boot's monotonic clock.

        The remaining life is read off the wall clock, and never longer than the whole life, so
        that a clock that went back does not keep a message for ever. The rows stay those of their
        own boot: no clock of this one can tell when they were written.
        """
        with self._connection:
            self._connection.execute(
                "UPDATE message SET expires_monotonic_s = ? + min(lifetime_s,"
                " expires_wall_s - ?) WHERE boot <> ?",
                (monotonic_s, wall_s, boot),
            )

    def apply(self, news: News, *, bounds: Bounds, now_monotonic_s: float) -> Dropped:
        """Insert, delete, expire and evict in one transaction; return what was dropped in it."""
        batch = _Batch(self._connection, self.rows, self.bytes)
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            batch.delete(news.gone)
            batch.insert(news.rows)
            batch.expire(now_monotonic_s)
            batch.evict(bounds)
            batch.count(Counter(news.counted) + batch.dropped)
            batch.forget(news.told)
            batch.note([*news.gaps, *batch.gaps])
        self.rows, self.bytes = batch.rows, batch.bytes
        self.last_id = max(self.last_id, batch.last_id)
        return batch.dropped

    def take(self, delivery: Delivery, after: int, limit: int) -> list[tuple[int, Row | None]]:
        """Return up to `limit` (number, row) above `after`, lowest first; None fails its CRC."""
        found = self._connection.execute(_TAKE, (delivery.value, after, limit)).fetchall()
        return [(record[0], row_of(record)) for record in found]

    def holds(self, number: int) -> bool:
        """Return whether a message is in the file."""
        query = "SELECT 1 FROM message WHERE id = ?"
        return self._connection.execute(query, (number,)).fetchone() is not None

    def row(self, number: int) -> Row | None:
        """Return one message, None where it is not in the file or fails its CRC."""
        query = f"SELECT {COLUMNS} FROM message WHERE id = ?"  # noqa: S608 - constants
        record = self._connection.execute(query, (number,)).fetchone()
        return None if record is None else row_of(record)

    def latest_topics(self) -> frozenset[str]:
        """Return the topics that have a message of class LATEST waiting."""
        query = "SELECT topic FROM message WHERE delivery = 'latest'"
        return frozenset(topic for (topic,) in self._connection.execute(query))

    def gaps(self, limit: int) -> list[Gap]:
        """Return up to `limit` gaps that no message has told of."""
        query = "SELECT topic, boot, first, last, reason FROM gap ORDER BY rowid LIMIT ?"
        return [Gap(*record) for record in self._connection.execute(query, (limit,))]

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

    def _last_id(self) -> int:
        query = "SELECT max(coalesce((SELECT max(id) FROM message), 0),"
        query += " coalesce((SELECT max(id) FROM last_id), 0))"
        return int(self._connection.execute(query).fetchone()[0])

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
        self.last_id = 0
        self.dropped: Dropped = Counter()
        self.gaps: list[Gap] = []

    def delete(self, ids: Iterable[int]) -> None:
        for number in ids:
            self._remove(f"DELETE FROM message WHERE id = ? {_GONE}", number)  # noqa: S608

    def insert(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.message.delivery is Delivery.LATEST:
                self._replace(row.message.topic)
            self._connection.execute(_INSERT, record_of(row))
            self.rows += 1
            self.bytes += row.size_bytes
            self.last_id = row.id
        if self.last_id:
            self._connection.execute("DELETE FROM last_id")
            self._connection.execute("INSERT INTO last_id VALUES (?)", (self.last_id,))

    def expire(self, now_monotonic_s: float) -> None:
        statement = f"DELETE FROM message WHERE expires_monotonic_s <= ? {_GONE}"  # noqa: S608
        self._drop("expired", self._remove(statement, now_monotonic_s))

    def evict(self, bounds: Bounds) -> None:
        """Drop until the bounds hold: LATEST first, which is made anew anyway, oldest first."""
        statement = f"DELETE FROM message WHERE id = coalesce(({_OLDEST}), ({_OLDEST})) {_GONE}"  # noqa: S608
        while self.rows > bounds.max_rows or self.bytes > bounds.max_bytes:
            order = (Delivery.LATEST.value, Delivery.ALL.value)
            self._drop("full", self._remove(statement, *order))

    def count(self, dropped: Mapping[tuple[str, Delivery], int]) -> None:
        self._connection.executemany(
            "INSERT INTO counter VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(reason, delivery.value, count) for (reason, delivery), count in dropped.items()],
        )

    def forget(self, gaps: Iterable[Gap]) -> None:
        self._connection.executemany(
            "DELETE FROM gap WHERE topic = ? AND boot = ? AND reason = ?"
            " AND first = ? AND last = ?",
            [(gap.topic, gap.boot, gap.reason, gap.first, gap.last) for gap in gaps],
        )

    def note(self, gaps: Iterable[Gap]) -> None:
        """Add gaps; one that touches a known one makes that longer."""
        for gap in joined(gaps):
            changed = self._connection.execute(
                "UPDATE gap SET first = min(first, ?), last = max(last, ?) WHERE topic = ?"
                " AND boot = ? AND reason = ? AND first <= ? + 1 AND last >= ? - 1",
                (gap.first, gap.last, gap.topic, gap.boot, gap.reason, gap.last, gap.first),
            )
            if changed.rowcount == 0:
                self._connection.execute(
                    "INSERT INTO gap VALUES (?, ?, ?, ?, ?)",
                    (gap.topic, gap.boot, gap.reason, gap.first, gap.last),
                )

    def _drop(self, reason: str, gone: Iterable[_Gone]) -> None:
        for delivery, topic, properties in gone:
            self.dropped[reason, delivery] += 1
            gap = gap_of_record(reason, topic, properties)
            if gap is not None and delivery is Delivery.ALL:
                self.gaps.append(gap)

    def _replace(self, topic: str) -> None:
        statement = f"DELETE FROM message WHERE delivery = 'latest' AND topic = ? {_GONE}"  # noqa: S608
        self._drop("replaced", self._remove(statement, topic))

    def _remove(self, statement: str, *values: str | float) -> list[_Gone]:
        gone = self._connection.execute(statement, values).fetchall()
        self.rows -= len(gone)
        self.bytes -= sum(record[1] for record in gone)
        return [(Delivery(delivery), topic, props) for delivery, _, topic, props in gone]


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
