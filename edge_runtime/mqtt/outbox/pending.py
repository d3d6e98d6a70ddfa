"""Messages in memory, for a commit or for a disk that writes again: bounded, staged if wanted."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import OutboxError
from edge_runtime.mqtt.outbox.row import Row
from edge_runtime.mqtt.outbox.stage import Stage
from edge_runtime.records import Delivery

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingSettings:
    """The most that waits in memory.

    Attributes:
        stage: File in memory (tmpfs) that outlives the process; None: nothing does.
    """

    max_rows: int = 256
    max_bytes: int = 4 << 20
    stage: Path | None = None


class Pending:
    """Used under the outbox's lock.

    Attributes:
        rows: By number, in order.
        since_s: When the oldest of them came; means nothing while there are none.
    """

    def __init__(self, settings: PendingSettings) -> None:
        self.rows: dict[int, Row] = {}
        self.since_s = 0.0
        self._settings = settings
        self._stage = None if settings.stage is None else _open(settings.stage)

    def recover(self, first: int, now_s: float) -> None:
        """Take in what a process before had numbered from `first` on and not committed."""
        if self._stage is None:
            return
        found = self._stage.recover()
        self.rows = {number: row for number, row in found.items() if number >= first}
        self.since_s = now_s
        if self.rows:
            logger.info("outbox: %d messages of the process before", len(self.rows))

    def add(self, row: Row, now_s: float) -> bool:
        """Take a message; return whether it would survive the process, where that is wanted."""
        if not self.rows:
            self.since_s = now_s
        self.rows[row.id] = row
        try:
            if self._stage is not None:
                self._stage.add(row)
        except OSError as error:
            logger.debug("stage: %s", error)
            return False
        return True

    def pop(self, number: int) -> Row | None:
        """Take a message out, None where it is not here."""
        row = self.rows.pop(number, None)
        if row is not None and self._stage is not None:
            with contextlib.suppress(OSError):  # the next process then sends it twice
                self._stage.forget(number)
        return row

    def state_of(self, topic: str) -> Row | None:
        """Return the message of class LATEST that waits for a topic."""
        for row in self.rows.values():
            if row.message.topic == topic and row.message.delivery is Delivery.LATEST:
                return row
        return None

    def is_full(self) -> bool:
        """Return whether the bound is passed."""
        return len(self.rows) > self._settings.max_rows or self.bytes() > self._settings.max_bytes

    def overflow(self) -> Iterator[Row]:
        """Take out the oldest messages until the bound holds."""
        while self.rows and self.is_full():
            row = self.pop(next(iter(self.rows)))
            if row is not None:
                yield row

    def bytes(self) -> int:
        """Return what they take."""
        return sum(row.size_bytes for row in self.rows.values())

    def clear(self) -> None:
        """Forget all: it was committed."""
        self.rows.clear()
        if self._stage is not None:
            self._stage.clear()

    def close(self) -> None:
        """Release the stage; what is in it stays."""
        if self._stage is not None:
            self._stage.close()


def _open(path: Path) -> Stage:
    try:
        return Stage(path)
    except OSError as error:
        raise OutboxError(f"stage {path}: {error.strerror}") from error
