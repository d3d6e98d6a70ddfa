"""Bounded store-and-forward: a message is kept until the broker has acknowledged it.

A message is durable once its transaction is committed (SQLite, WAL, synchronous=FULL). Messages
gather for at most `max_loss_window_s`, then one commit takes them all; what the broker acknowledges
within the window never touches the flash. A row is deleted only after its PUBACK, in strict mode
only after the consumer's word. While the disk refuses writes, a bounded number of messages is held
in memory and delivered from there; what does not fit is dropped, counted, and told as a gap.
"""

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from edge_runtime.errors import OutboxError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.outbox.budget import WriteBudget, written_bytes
from edge_runtime.mqtt.outbox.gaps import Gap
from edge_runtime.mqtt.outbox.mark import Epoch, Mark, begin_epoch, write_mark
from edge_runtime.mqtt.outbox.pending import Pending
from edge_runtime.mqtt.outbox.redating import redate
from edge_runtime.mqtt.outbox.row import Row
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.outbox.status import OutboxStatus, Storage, StoredMessage
from edge_runtime.mqtt.outbox.store import (
    Bounds,
    News,
    Store,
    is_damage,
    open_store,
    set_aside,
)
from edge_runtime.mqtt.outbox.tally import Tally
from edge_runtime.mqtt.outbox.unconfirmed import Confirmation, Unconfirmed
from edge_runtime.records import Delivery, Message

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 128 << 10
ACK_WINDOW_S = 0.5  # deletions are cheap to lose (a duplicate), so they wait for company
RETRY_STORAGE_S = 1.0
LONGEST_WINDOW_S = 600.0  # where the write budget is spent
STEP_S = 1.0  # a clock that moved less was merely disciplined
GAPS_PER_MESSAGE = 400
ROOM_SHARE = 0.9


class Outbox:
    """Messages that wait for the broker; safe to use from several threads."""

    def __init__(
        self,
        settings: OutboxSettings,
        clock: TimeSource,
        boot: str,
        is_synced: Callable[[], bool] = lambda: False,
    ) -> None:
        """`boot` is the kernel's; `is_synced` says whether the wall clock can be believed."""
        self._settings = settings
        self._clock = clock
        self._boot = boot
        self._is_synced = is_synced
        self._lock = threading.RLock()
        self._pending = Pending(settings.pending)
        self._acked: set[int] = set()
        self._acked_since_s = 0.0
        self._told: list[Gap] = []
        self._storage = self._best = Storage.OK
        self._retry_at_s = 0.0
        rate = settings.written_per_day
        self._budget = None if rate is None else WriteBudget(rate, clock.monotonic_s)
        self._unconfirmed = Unconfirmed(clock.monotonic_s) if settings.is_strict else None
        self._store, was_damaged = self._open()
        self._begin(was_damaged=was_damaged)

    def put(self, message: Message) -> None:
        """Take a message of class LATEST or ALL; the next due commit makes it accepted."""
        with self._lock:
            self._tally.accepted += 1
            if len(message.payload) > MAX_PAYLOAD_BYTES:
                self._tally.drop("oversize", message)
                return
            if message.delivery is Delivery.LATEST:
                self._replace_pending(message.topic)
            is_safe = self._pending.add(self._row(message), self._clock.monotonic_s())
            if not is_safe or self._pending.is_full():
                self.commit()
            for row in self._pending.overflow():
                self._tally.drop(self._storage.value, row.message)

    def due_in_s(self) -> float | None:
        """Return when `commit_if_due` will have something to do, None while there is nothing."""
        with self._lock:
            dues = []
            if self._pending.rows:
                dues.append(self._pending.since_s + self._window_s())
            if self._acked:
                dues.append(self._acked_since_s + ACK_WINDOW_S)
            if not dues:
                return None
            return max(0.0, max(min(dues), self._retry_at_s) - self._clock.monotonic_s())

    def commit_if_due(self) -> None:
        """Commit when the oldest pending message or deletion has waited long enough."""
        with self._lock:
            due_s = self.due_in_s()
            if due_s is not None and due_s <= 0.0:
                self.commit()

    def commit(self) -> None:
        """Write all that is pending, now; a disk that refuses is a state, not an error."""
        with self._lock:
            now = self._clock.monotonic_s()
            if now < self._retry_at_s:
                return
            before = written_bytes() if self._budget is not None else 0
            try:
                self._apply(now)
            except sqlite3.Error as error:
                self._handle(error, now)
            else:
                self._set_storage(self._best, "writes again")
            if self._budget is not None:
                self._budget.spend(written_bytes() - before)

    def take(self, delivery: Delivery, after: int, limit: int) -> list[StoredMessage]:
        """Return up to `limit` messages of a class numbered above `after`, lowest first."""
        with self._lock:
            if self._unconfirmed is not None and self._unconfirmed.is_full():
                limit = 0
            try:
                rows = self._rows(delivery, after, limit)
            except sqlite3.Error as error:
                self._handle(error, self._clock.monotonic_s())
                rows = []
            rows += [
                row for row in self._pending.rows.values() if self._is_next(row, delivery, after)
            ]
            return [self._stored(row) for row in rows[:limit]]

    def ack(self, number: int) -> None:
        """Forget a message that the broker has acknowledged; strictly, wait for its consumer."""
        with self._lock:
            if self._unconfirmed is None or not self._wait_for_consumer(number):
                self._tally.delivered += self._remove(number)

    def confirm(self, word: Confirmation) -> int:
        """Forget what a consumer holds; return how many messages that were."""
        with self._lock:
            numbers = [] if self._unconfirmed is None else self._unconfirmed.confirmed_by(word)
            count = sum(self._remove(number) for number in numbers)
            self._tally.delivered += count
            return count

    def has_overdue(self) -> bool:
        """Return whether a message has waited so long for its consumer that it is sent again."""
        with self._lock:
            return self._unconfirmed is not None and self._unconfirmed.has_overdue()

    def refuse(self, number: int, message: Message, reason: str) -> None:
        """Drop a message that the broker will never take, and count it under `reason`."""
        with self._lock:
            if self._remove(number):
                self._tally.drop(reason, message)

    def note_gap(self, gap: Gap) -> None:
        """Take down numbers that never came here at all."""
        with self._lock:
            self._tally.gaps.append(gap)

    def tell_gaps(self, make: Callable[[list[Gap]], Message]) -> None:
        """Put in a message of the gaps that none has told of, if there are any.

        It waits for room: in a full outbox it would push out an event, and leave a new gap.
        """
        with self._lock:
            if self._told or self._is_nearly_full() or not (found := self._gaps()):
                return
            self._told = found
            self.put(make(found))
            self.commit()

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
            tally = self._tally
            return OutboxStatus(
                storage=self._storage,
                waiting=self._waiting(),
                bytes=self._store.bytes + self._pending.bytes(),
                oldest_s=self._oldest_s(),
                accepted=tally.accepted,
                delivered=tally.delivered,
                found=tally.found,
                dropped=Counter(tally.before + tally.here),
                dropped_here=Counter(tally.here),
                is_over_budget=self._budget is not None and self._budget.is_spent(),
                epoch=self._epoch.name,
                last_id=self._store.last_id,
                regression=self._epoch.regression,
            )

    def close(self) -> None:
        """Commit what is pending and close the file."""
        with self._lock:
            self._retry_at_s = 0.0
            self.commit()
            if self._epoch.name:
                write_mark(self._settings.path, Mark(self._epoch.name, self._store.last_id))
            self._store.close()
            self._pending.close()

    def _begin(self, *, was_damaged: bool) -> None:
        now = self._clock.monotonic_s()
        self._epoch = Epoch("", self._store.last_id, None)
        self._tally = Tally(self._store.counters(), 0)
        try:
            self._store.rebase(self._boot, monotonic_s=now, wall_s=self._clock.wall_s())
            self._begin_epoch(was_damaged=was_damaged)
        except sqlite3.Error as error:  # a full disk at the start is a state, too
            self._handle(error, now)
        self._pending.recover(self._store.last_id + 1, now)
        self._next_id = 1 + max(self._epoch.last_id, self._store.last_id, *self._pending.rows, 0)
        self._tally.found = self._waiting()
        if was_damaged:  # how many messages were in it is not known; one for the file
            self._tally.count("damaged_file", Delivery.ALL)
            self._tally.found += 1
        self.commit()

    def _begin_epoch(self, *, was_damaged: bool) -> None:
        if self._storage is not Storage.MEMORY:
            path = self._settings.path
            self._epoch = begin_epoch(self._store, path, was_damaged=was_damaged)

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
                if number in self._acked or self._is_sent(number):
                    continue
                if row is None:
                    if self._remove(number):
                        self._tally.count("damaged_row", delivery)
                elif row.expires_monotonic_s <= now:
                    self.refuse(number, row.message, "expired")
                else:
                    rows.append(row)
        return rows[:limit]

    def _stored(self, row: Row) -> StoredMessage:
        now = self._clock.monotonic_s()
        left_s = None
        if row.message.expiry_s is not None:
            left_s = max(1, int(row.expires_monotonic_s - now))
        return StoredMessage(row.id, self._redated(row, now), left_s)

    def _redated(self, row: Row, now: float) -> Message:
        """Return the message with its dates put right, where the clock was set since."""
        shift_s = (self._clock.wall_s() - now) - (row.expires_wall_s - row.expires_monotonic_s)
        if row.boot != self._boot or abs(shift_s) < STEP_S or not self._is_synced():
            return row.message
        return replace(row.message, payload=redate(row.message.payload, shift_s))

    def _apply(self, now: float) -> None:
        bounds = Bounds(self._settings.max_rows, self._settings.max_bytes)
        tally, rows = self._tally, self._pending.rows.values()
        news = News(rows, self._acked, tally.unwritten, tally.gaps, self._told)
        tally.written(self._store.apply(news, bounds=bounds, now_monotonic_s=now))
        self._pending.clear()
        self._acked.clear()
        self._told = []
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
        self._tally.count("damaged_file", Delivery.ALL, self._store.rows)
        self._store.close()
        self._acked.clear()
        set_aside(self._settings.path)
        self._store, _ = self._open()
        self._begin_epoch(was_damaged=True)

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

    def _window_s(self) -> float:
        is_spent = self._budget is not None and self._budget.is_spent()
        return LONGEST_WINDOW_S if is_spent else self._settings.max_loss_window_s

    def _replace_pending(self, topic: str) -> None:
        row = self._pending.state_of(topic)
        if row is not None:
            self._pending.pop(row.id)
            self._tally.drop("replaced", row.message)

    def _is_next(self, row: Row, delivery: Delivery, after: int) -> bool:
        is_wanted = row.message.delivery is delivery and row.id > after
        return is_wanted and not self._is_sent(row.id)

    def _is_sent(self, number: int) -> bool:
        return self._unconfirmed is not None and self._unconfirmed.is_waiting(number)

    def _wait_for_consumer(self, number: int) -> bool:
        """Keep a message that was acknowledged; return False where its kind has no consumer."""
        message = self._message(number)
        if self._unconfirmed is None or message is None:
            return False
        return self._unconfirmed.add(number, message)

    def _message(self, number: int) -> Message | None:
        if number in self._pending.rows:
            return self._pending.rows[number].message
        try:
            row = self._store.row(number)
        except sqlite3.Error as error:
            self._handle(error, self._clock.monotonic_s())
            return None
        return None if row is None else row.message

    def _remove(self, number: int) -> bool:
        """Take a message out, at the next commit where it is on disk; return whether it was in."""
        if self._unconfirmed is not None:
            self._unconfirmed.discard(number)
        if self._pending.pop(number) is not None:
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

    def _is_nearly_full(self) -> bool:
        settings = self._settings
        used_bytes = self._store.bytes + self._pending.bytes()
        is_full = self._waiting() > ROOM_SHARE * settings.max_rows
        return is_full or used_bytes > ROOM_SHARE * settings.max_bytes

    def _gaps(self) -> list[Gap]:
        if self._tally.gaps:
            self.commit()  # what is known in memory alone is told from the file, too
        try:
            return self._store.gaps(GAPS_PER_MESSAGE)
        except sqlite3.Error as error:
            self._handle(error, self._clock.monotonic_s())
            return []

    def _waiting(self) -> int:
        return self._store.rows - len(self._acked) + len(self._pending.rows)

    def _oldest_s(self) -> float:
        oldest = self._store.oldest_accepted_monotonic_s() if self._store.rows else None
        if oldest is None:
            oldest = self._pending.since_s if self._pending.rows else None
        return 0.0 if oldest is None else max(0.0, self._clock.monotonic_s() - oldest)
