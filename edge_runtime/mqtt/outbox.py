"""Bounded store-and-forward: a message is kept until the broker has acknowledged it.

A message is durable once its transaction is committed (SQLite, WAL, synchronous=FULL). Messages
gather for at most `max_loss_window_s`, then one commit takes them all; what the broker acknowledges
within the window never touches the flash. A row is deleted only after its PUBACK. While the disk
refuses writes, a bounded number of messages is held in memory and delivered from there; what does
not fit is dropped and counted.
"""

import logging
import sqlite3
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge_runtime.errors import OutboxError
from edge_runtime.mqtt.outbox_store import (
    Bounds,
    Dropped,
    Row,
    Store,
    is_damage,
    open_store,
    set_aside,
)
from edge_runtime.records import Delivery, Message
from edge_runtime.time_source import TimeSource

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 128 << 10
ACK_WINDOW_S = 0.5  # deletions are cheap to lose (a duplicate), so they wait for company
RETRY_STORAGE_S = 1.0


class Storage(StrEnum):
    """How the disk below the outbox is; shown in health."""

    OK = "ok"
    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"
    MEMORY = "memory"  # the directory cannot be written: nothing survives this process


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """Bounds and the promise.

    Attributes:
        max_age_s: Age bound of every message, whatever its own expiry.
        max_loss_window_s: A message waits at most so long for its commit; 0 commits every batch.
        max_pending_rows: The most that waits in memory, for a commit or for the disk.
    """

    path: Path
    max_rows: int = 200_000
    max_bytes: int = 64 << 20
    max_age_s: float = 7 * 86_400.0
    max_loss_window_s: float = 0.2
    max_pending_rows: int = 256
    max_pending_bytes: int = 4 << 20


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message to send; hand `id` to `ack` after its PUBACK.

    Attributes:
        expires_in_s: What is left of the message's own expiry, at least 1; None: it has none.
    """

    id: int
    message: Message
    expires_in_s: int | None


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """What the outbox holds and what became of the rest.

    Attributes:
        waiting: Messages not yet acknowledged, those in memory included.
        accepted: Put in since this process started and not refused, held rows included.
        delivered: Acknowledged since this process started.
        found: Messages that an earlier process left.
        dropped: Since the file was made, by (reason, class); "replaced" is a newer LATEST.
        dropped_here: The same since this process started.
    """

    storage: Storage
    waiting: int
    bytes: int
    oldest_s: float
    accepted: int
    delivered: int
    found: int
    dropped: Dropped
    dropped_here: Dropped


class Outbox:
    """Messages that wait for the broker; safe to use from several threads."""

    def __init__(self, settings: OutboxSettings, clock: TimeSource, boot: str) -> None:
        self._settings = settings
        self._clock = clock
        self._boot = boot
        self._lock = threading.RLock()
        self._pending: dict[int, Row] = {}
        self._pending_since_s = 0.0
        self._acked: set[int] = set()
        self._acked_since_s = 0.0
        self._uncounted: Dropped = Counter()
        self._storage = self._best = Storage.OK
        self._retry_at_s = 0.0
        self._store, was_damaged = self._open()
        self._begin(was_damaged=was_damaged)

    def put(self, message: Message) -> None:
        """Take a message of class LATEST or ALL; the next due commit makes it accepted."""
        with self._lock:
            self._accepted += 1
            if len(message.payload) > MAX_PAYLOAD_BYTES:
                self._drop("oversize", message.delivery)
                return
            if not self._pending:
                self._pending_since_s = self._clock.monotonic_s()
            if message.delivery is Delivery.LATEST:
                self._replace_pending(message.topic)
            row = self._row(message)
            self._pending[row.id] = row
            if self._pending_is_full():
                self.commit()
            self._trim_pending()

    def due_in_s(self) -> float | None:
        """Return when `commit_if_due` will have something to do, None while there is nothing."""
        with self._lock:
            dues = []
            if self._pending:
                dues.append(self._pending_since_s + self._settings.max_loss_window_s)
            if self._acked:
                dues.append(self._acked_since_s + ACK_WINDOW_S)
            if not dues:
                return None
            return max(0.0, max(min(dues), self._retry_at_s) - self._clock.monotonic_s())

    def commit_if_due(self) -> None:
        """Commit when the oldest pending message or deletion has waited long enough."""
        with self._lock:
            now = self._clock.monotonic_s()
            put_is_due = now - self._pending_since_s >= self._settings.max_loss_window_s
            ack_is_due = now - self._acked_since_s >= ACK_WINDOW_S
            if (self._pending and put_is_due) or (self._acked and ack_is_due):
                self.commit()

    def commit(self) -> None:
        """Write all that is pending, now; a disk that refuses is a state, not an error."""
        with self._lock:
            now = self._clock.monotonic_s()
            if now < self._retry_at_s:
                return
            try:
                self._apply(now)
            except sqlite3.Error as error:
                self._handle(error, now)
            else:
                self._set_storage(self._best, "writes again")

    def take(self, delivery: Delivery, after: int, limit: int) -> list[StoredMessage]:
        """Return up to `limit` messages of a class numbered above `after`, lowest first."""
        with self._lock:
            try:
                rows = self._rows(delivery, after, limit)
            except sqlite3.Error as error:
                self._handle(error, self._clock.monotonic_s())
                rows = []
            rows += [row for row in self._pending.values() if _is_next(row, delivery, after)]
            return [self._stored(row) for row in rows[:limit]]

    def ack(self, number: int) -> None:
        """Forget a message that the broker has acknowledged."""
        with self._lock:
            self._delivered += self._remove(number)

    def refuse(self, number: int, delivery: Delivery, reason: str) -> None:
        """Drop a message that the broker will never take, and count it under `reason`."""
        with self._lock:
            if self._remove(number):
                self._drop(reason, delivery)

    def latest_topics(self) -> frozenset[str]:
        """Return the topics whose newest message of class LATEST still waits."""
        with self._lock:
            try:
                return self._store.latest_topics()
            except sqlite3.Error as error:
                self._handle(error, self._clock.monotonic_s())
                return frozenset()

    def is_empty(self) -> bool:
        """Return whether every accepted message was delivered or dropped."""
        with self._lock:
            return self._waiting() == 0

    def status(self) -> OutboxStatus:
        """Return the numbers for health."""
        with self._lock:
            return OutboxStatus(
                storage=self._storage,
                waiting=self._waiting(),
                bytes=self._store.bytes + sum(row.size_bytes for row in self._pending.values()),
                oldest_s=self._oldest_s(),
                accepted=self._accepted,
                delivered=self._delivered,
                found=self._found,
                dropped=Counter(self._dropped_before + self._dropped_here),
                dropped_here=Counter(self._dropped_here),
            )

    def close(self) -> None:
        """Commit what is pending and close the file."""
        with self._lock:
            self._retry_at_s = 0.0
            self.commit()
            self._store.close()

    def _begin(self, *, was_damaged: bool) -> None:
        now = self._clock.monotonic_s()
        self._store.rebase(self._boot, monotonic_s=now, wall_s=self._clock.wall_s())
        self._next_id = self._store.last_id() + 1
        self._found = self._store.rows
        self._accepted = 0
        self._delivered = 0
        self._dropped_before = self._store.counters()
        self._dropped_here: Dropped = Counter()
        if was_damaged:  # how many messages were in it is not known; one for the file
            self._drop("damaged_file", Delivery.ALL)
            self._found += 1
        self.commit()

    def _row(self, message: Message) -> Row:
        now, wall = self._clock.monotonic_s(), self._clock.wall_s()
        lifetime_s = self._settings.max_age_s
        if message.expiry_s is not None:
            lifetime_s = min(lifetime_s, message.expiry_s)
        number = self._next_id
        self._next_id += 1
        return Row(number, message, self._boot, lifetime_s, now + lifetime_s, wall + lifetime_s)

    def _rows(self, delivery: Delivery, after: int, limit: int) -> list[Row]:
        """Return committed rows; what has expired or fails its CRC is dropped on the way."""
        now = self._clock.monotonic_s()
        rows: list[Row] = []
        while len(rows) < limit:
            found = self._store.take(delivery, after, limit)
            if not found:
                break
            after = found[-1][0]
            for number, row in found:
                if number in self._acked:
                    continue
                if row is None:
                    self.refuse(number, delivery, "damaged_row")
                elif row.expires_monotonic_s <= now:
                    self.refuse(number, delivery, "expired")
                else:
                    rows.append(row)
        return rows[:limit]

    def _stored(self, row: Row) -> StoredMessage:
        left_s = None
        if row.message.expiry_s is not None:
            left_s = max(1, int(row.expires_monotonic_s - self._clock.monotonic_s()))
        return StoredMessage(row.id, row.message, left_s)

    def _apply(self, now: float) -> None:
        bounds = Bounds(self._settings.max_rows, self._settings.max_bytes)
        dropped = self._store.apply(
            self._pending.values(), self._acked, self._uncounted, bounds=bounds, now_monotonic_s=now
        )
        self._dropped_here += dropped
        self._pending.clear()
        self._acked.clear()
        self._uncounted.clear()
        if self._store.rows == 0:
            self._store.return_free_pages()

    def _handle(self, error: sqlite3.Error, now: float) -> None:
        if is_damage(error):
            self._start_afresh(error)
            return
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
        known = {sqlite3.SQLITE_FULL: Storage.DISK_FULL, sqlite3.SQLITE_READONLY: Storage.READ_ONLY}
        self._retry_at_s = now + RETRY_STORAGE_S
        self._set_storage(known.get(code, Storage.IO_ERROR), str(error))

    def _start_afresh(self, error: sqlite3.Error) -> None:
        """Set the damaged file aside; the rows in it are lost, counted as one batch each."""
        logger.warning("outbox %s is damaged (%s): starting afresh", self._settings.path, error)
        self._uncounted["damaged_file", Delivery.ALL] += self._store.rows
        self._dropped_here["damaged_file", Delivery.ALL] += self._store.rows
        self._store.close()
        self._acked.clear()
        set_aside(self._settings.path)
        self._store, _ = self._open()

    def _open(self) -> tuple[Store, bool]:
        try:
            return open_store(self._settings.path)
        except OutboxError as error:
            self._best = Storage.MEMORY
            self._set_storage(Storage.MEMORY, str(error))
            return Store(None), False

    def _set_storage(self, storage: Storage, why: str) -> None:
        if storage is not self._storage:
            logger.warning("outbox %s: %s (%s)", self._settings.path, storage.value, why)
            self._storage = storage

    def _pending_bytes(self) -> int:
        return sum(row.size_bytes for row in self._pending.values())

    def _pending_is_full(self) -> bool:
        is_many = len(self._pending) > self._settings.max_pending_rows
        return is_many or self._pending_bytes() > self._settings.max_pending_bytes

    def _trim_pending(self) -> None:
        while self._pending and self._pending_is_full():
            number = next(iter(self._pending))
            self._drop(self._storage.value, self._pending.pop(number).message.delivery)

    def _replace_pending(self, topic: str) -> None:
        for number, row in self._pending.items():
            if row.message.topic == topic:
                del self._pending[number]
                self._drop("replaced", Delivery.LATEST)
                return

    def _remove(self, number: int) -> bool:
        """Take a message out, at the next commit where it is on disk; return whether it was in."""
        if self._pending.pop(number, None) is not None:
            return True
        if number in self._acked or not self._holds(number):
            return False  # replaced or evicted while it was in flight, and counted as that
        if not self._acked:
            self._acked_since_s = self._clock.monotonic_s()
        self._acked.add(number)
        return True

    def _holds(self, number: int) -> bool:
        try:
            return self._store.holds(number)
        except sqlite3.Error as error:
            self._handle(error, self._clock.monotonic_s())
            return False

    def _drop(self, reason: str, delivery: Delivery) -> None:
        self._uncounted[reason, delivery] += 1
        self._dropped_here[reason, delivery] += 1

    def _waiting(self) -> int:
        return self._store.rows - len(self._acked) + len(self._pending)

    def _oldest_s(self) -> float:
        oldest = self._store.oldest_accepted_monotonic_s() if self._store.rows else None
        if oldest is None:
            oldest = self._pending_since_s if self._pending else None
        return 0.0 if oldest is None else max(0.0, self._clock.monotonic_s() - oldest)


def _is_next(row: Row, delivery: Delivery, after: int) -> bool:
    return row.message.delivery is delivery and row.id > after
