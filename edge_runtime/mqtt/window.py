"""What was sent and not yet acknowledged, and how long the acknowledgements take."""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from edge_runtime.records import Message

_RECENT = 512


class Purpose(Enum):
    """Why a message was sent; decides what its PUBACK means."""

    BIRTH = auto()
    STATUS = auto()
    REPLY = auto()
    STORED = auto()
    DEATH = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """One publication under way.

    Attributes:
        number: In the outbox, for Purpose.STORED, otherwise 0.
        sent_at_s: Monotonic.
    """

    purpose: Purpose
    message: Message
    number: int
    sent_at_s: float


class Window:
    """Publications in flight by packet identifier; order of insertion is order of sending."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._sent: dict[int, Sent] = {}

    def add(self, mid: int, sent: Sent) -> None:
        """Note a publication."""
        self._sent[mid] = sent

    def settle(self, mid: int) -> Sent | None:
        """Return and forget the publication that an answer belongs to."""
        return self._sent.pop(mid, None)

    def room(self) -> int:
        """Return how many more may be sent."""
        return max(0, self.size - len(self._sent))

    def is_empty(self) -> bool:
        """Return whether nothing is under way."""
        return not self._sent

    def holds(self, purpose: Purpose) -> bool:
        """Return whether a publication of this purpose is under way."""
        return any(sent.purpose is purpose for sent in self._sent.values())

    def numbers(self) -> frozenset[int]:
        """Return the outbox numbers under way."""
        return frozenset(sent.number for sent in self._sent.values() if sent.number)

    def oldest_s(self) -> float | None:
        """Return when the first of those under way was sent."""
        return min((sent.sent_at_s for sent in self._sent.values()), default=None)


class RoundTrips:
    """The last PUBACK times."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def add(self, seconds: float) -> None:
        """Note one."""
        self._recent.append(seconds)

    def percentile_ms(self, share: float) -> float | None:
        """Return the nearest-rank percentile, None before the first PUBACK."""
        ordered = sorted(self._recent.copy())
        if not ordered:
            return None
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3, 3)
