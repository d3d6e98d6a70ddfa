"""How much may be written to the flash: an SD card wears out by commits, not by bytes sent."""

from collections.abc import Callable
from pathlib import Path

DAY_S = 86_400.0
SAVED_S = 3600.0  # what was not written in an hour may be written at once
PROCESS_IO = Path("/proc/self/io")


class WriteBudget:
    """Fills at the allowed rate and is emptied by what is written; may go below zero once."""

    def __init__(self, bytes_per_day: float, now: Callable[[], float]) -> None:
        self._rate = bytes_per_day / DAY_S
        self._most = self._rate * SAVED_S
        self._left = self._most
        self._now = now
        self._filled_at_s = now()

    def spend(self, written: float) -> None:
        """Note what was written, in bytes."""
        self._fill()
        self._left -= written

    def is_spent(self) -> bool:
        """Return whether nothing is left for now."""
        self._fill()
        return self._left <= 0.0

    def _fill(self) -> None:
        now = self._now()
        self._left = min(self._most, self._left + (now - self._filled_at_s) * self._rate)
        self._filled_at_s = now


def written_bytes(path: Path = PROCESS_IO) -> int:
    """Return what this process has caused to be written to storage so far; 0 where it is not told.

    Source: proc(5), `write_bytes` of /proc/pid/io.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("write_bytes:")), 0)
