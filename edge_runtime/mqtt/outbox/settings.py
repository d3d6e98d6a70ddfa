"""The outbox's bounds, and what it promises."""

from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.mqtt.outbox.pending import PendingSettings


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """Bounds and the promise.

    Attributes:
        max_age_s: Age bound of every message, whatever its own expiry.
        max_loss_window_s: A message waits at most so long for its commit; 0 commits every batch.
        is_strict: A message of class ALL is kept until its consumer confirms it.
        written_per_day: Bytes; where they are spent a commit waits up to LONGEST_WINDOW_S.
        pending: What waits in memory, for a commit or for the disk.
    """

    path: Path
    max_rows: int = 200_000
    max_bytes: int = 64 << 20
    max_age_s: float = 7 * 86_400.0
    max_loss_window_s: float = 0.2
    is_strict: bool = False
    written_per_day: float | None = None
    pending: PendingSettings = field(default_factory=PendingSettings)
