"""The books of one pipeline over all its workers: nothing captured or made goes unaccounted.

Invariant, at every moment and over restarts: captured = sum(dropped) + inferred + in_flight.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from edge_runtime.link import Counters, Outgoing
from edge_runtime.records import Delivery

DIED = "worker_died"  # in flight when the worker ended without a word
_NOTHING = Counters(0, 0, 0, {}, {})


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums since the daemon started.

    Attributes:
        received: Messages that reached the supervisor, by delivery class.
        gaps: Sequence numbers that a worker used and that never arrived here.
    """

    captured: int
    inferred: int
    in_flight: int
    dropped: Counter[str]
    received: Counter[Delivery]
    gaps: int


class Ledger:
    """Adds up what the workers of one pipeline report."""

    def __init__(self) -> None:
        self._captured = 0
        self._inferred = 0
        self._dropped: Counter[str] = Counter()
        self._now = _NOTHING
        self._received: Counter[Delivery] = Counter()
        self._gaps = 0
        self._next: dict[str, int] = {}

    def report(self, counters: Counters) -> None:
        """Take over a worker's own counters, which start at 0 with the worker."""
        self._now = counters

    def stamp(self, outgoing: Outgoing) -> range:
        """Note that a message arrived; return the numbers before it that will not."""
        message = outgoing.message
        lost = range(self._next.get(message.topic, 0), outgoing.sequence)
        self._gaps += len(lost)
        self._next[message.topic] = outgoing.sequence + 1
        self._received[message.delivery] += 1
        return lost

    def close_worker(self) -> None:
        """Close the books of the worker that ended; what it had in hand counts as dropped."""
        now, self._now = self._now, _NOTHING
        self._captured += now.captured
        self._inferred += now.inferred
        self._dropped.update(now.dropped)
        if now.in_flight:
            self._dropped[DIED] += now.in_flight

    def first_sequences(self) -> Mapping[str, int]:
        """Return the number that the next worker starts with, by topic."""
        return dict(self._next)

    def totals(self) -> Totals:
        """Return the sums."""
        return Totals(
            captured=self._captured + self._now.captured,
            inferred=self._inferred + self._now.inferred,
            in_flight=self._now.in_flight,
            dropped=self._dropped + Counter(self._now.dropped),
            received=Counter(self._received),
            gaps=self._gaps,
        )
