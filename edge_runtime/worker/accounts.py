"""Counts what becomes of every frame: captured = dropped + inferred + in flight, at any moment."""

import threading
from collections import deque
from enum import StrEnum

from edge_runtime.link import Counters, Latencies
from edge_runtime.records import Delivery

SAMPLES_KEPT = 4096


class Drop(StrEnum):
    """Why a frame was not inferred."""

    FULL = "full"
    STALE = "stale"
    INVALID = "invalid"
    ERROR = "error"
    PAUSED = "paused"
    GATE = "gate"  # a gate was closed
    FROZEN = "frozen"  # the same as many before it
    THROTTLED = "throttled"  # the device is hot
    STOPPED = "stopped"  # captured while the worker was ending


class Accounts:
    """A worker's ledger; every method may be called by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captured = 0
        self._inferred = 0
        self._dropped: dict[str, int] = {reason.value: 0 for reason in Drop}
        self._made: dict[str, int] = {delivery.value: 0 for delivery in Delivery}
        self._age_ms: deque[float] = deque(maxlen=SAMPLES_KEPT)
        self._infer_ms: deque[float] = deque(maxlen=SAMPLES_KEPT)

    def captured(self) -> int:
        """Count a frame that the source delivered, return its number from 0."""
        with self._lock:
            self._captured += 1
            return self._captured - 1

    def dropped(self, reason: Drop) -> None:
        """Count a captured frame that will not become a prediction."""
        with self._lock:
            self._dropped[reason.value] += 1

    def inferred(self, infer_ms: float, age_ms: float) -> None:
        """Count a captured frame that became a prediction."""
        with self._lock:
            self._inferred += 1
            self._infer_ms.append(infer_ms)
            self._age_ms.append(age_ms)

    def made(self, delivery: Delivery) -> None:
        """Count a message handed to the supervisor."""
        with self._lock:
            self._made[delivery.value] += 1

    def counters(self) -> Counters:
        """Return the counts now."""
        with self._lock:
            settled = self._inferred + sum(self._dropped.values())
            return Counters(
                captured=self._captured,
                inferred=self._inferred,
                in_flight=self._captured - settled,
                dropped=dict(self._dropped),
                made=dict(self._made),
            )

    def take_latencies(self) -> tuple[Latencies | None, Latencies | None]:
        """Return (age, infer) since the last call, None where nothing was inferred."""
        with self._lock:
            ages, infers = sorted(self._age_ms), sorted(self._infer_ms)
            self._age_ms.clear()
            self._infer_ms.clear()
        return percentiles(ages), percentiles(infers)


def percentiles(ordered: list[float]) -> Latencies | None:
    """Return the nearest-rank percentiles of sorted milliseconds, None of none."""
    if not ordered:
        return None
    last = len(ordered) - 1
    at = [ordered[min(last, int(share * len(ordered)))] for share in (0.50, 0.95, 0.99)]
    return Latencies(*(round(value, 3) for value in at))
