"""The two clocks as one value that is handed in: wall time for people, monotonic for durations."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Where time is read from.

    Attributes:
        monotonic_s: Never steps; one scale for all processes since the kernel booted.
        wall_s: UTC, seconds since the epoch; steps when the network sets it.
    """

    monotonic_s: Callable[[], float] = time.monotonic
    wall_s: Callable[[], float] = time.time


def rfc3339(wall_s: float) -> str:
    """Return UTC with milliseconds, as "2026-11-23T11:22:33.123Z"."""
    text = datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def kernel_boot_id(path: Path = KERNEL_BOOT_ID) -> str:
    """Return what tells one boot of the kernel from the next, "" where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
