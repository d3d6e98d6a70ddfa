"""What our processes have had written to storage, over the last hour."""

from collections import deque
from collections.abc import Iterable
from pathlib import Path

from edge_runtime.mqtt.outbox.budget import written_bytes

HOUR_S = 3600.0
KEPT = 4096  # readings: an hour at one a second


class Written:
    """Adds up what each process adds; one that has ended keeps what it had."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._known: dict[int, int] = {}
        self._total = 0
        self._readings: deque[tuple[float, int]] = deque(maxlen=KEPT)

    def last_hour(self, pids: Iterable[int], now_s: float) -> int:
        """Return the bytes that were written since an hour ago, or since this was first asked."""
        found = {pid: written_bytes(self._proc / str(pid) / "io") for pid in pids}
        is_first = not self._readings
        for pid, written in found.items():
            before = self._known.get(pid, written if is_first else 0)
            self._total += max(0, written - before)
        self._known = found
        self._readings.append((now_s, self._total))
        while now_s - self._readings[0][0] > HOUR_S:
            self._readings.popleft()
        return self._total - self._readings[0][1]
