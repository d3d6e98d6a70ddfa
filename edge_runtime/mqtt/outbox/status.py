"""What the outbox hands out, and what it says of itself."""

from dataclasses import dataclass
from enum import StrEnum

from edge_runtime.mqtt.outbox.store import Dropped
from edge_runtime.records import Message


class Storage(StrEnum):
    """How the disk below the outbox is; shown in health."""

    OK = "ok"
    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"
    MEMORY = "memory"  # the directory cannot be written: nothing survives this process


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
        accepted: Put in since this process started, refused ones included.
        delivered: Acknowledged since this process started.
        found: Messages that an earlier process left.
        dropped: Since the file was made, by (reason, class); "replaced" is a newer LATEST.
        dropped_here: The same since this process started.
        is_over_budget: Commits wait because enough was written for now.
        epoch: Names the file, "" where there is none; a consumer that sees another one knows that
            what came in between may be lost.
        last_id: The greatest number given to a message; never goes back within an epoch.
        regression: Why this start gave the file a new epoch, None where nothing went back.
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
    is_over_budget: bool
    epoch: str = ""
    last_id: int = 0
    regression: str | None = None
