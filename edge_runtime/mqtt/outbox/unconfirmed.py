"""Messages that the broker has acknowledged and the consumer has not (strict mode).

A broker's PUBACK is no promise of a disk: mosquitto writes its store every 30 minutes by default.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.mqtt.outbox.gaps import gap_of_message
from edge_runtime.records import Message

MOST = 10_000  # then nothing more is sent: the consumer is behind, or is not there
RESEND_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The consumer holds all of a topic's numbers in one boot, up to one.

    Attributes:
        topic: Below the device's root.
    """

    topic: str
    boot: str
    upto: int


class Unconfirmed:
    """Which rows wait for the consumer, and since when; forgotten with the process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since_s: dict[int, float] = {}
        self._marks: dict[int, tuple[str, str, int]] = {}

    def add(self, number: int, message: Message) -> bool:
        """Wait for a row's confirmation; return False where a message carries no number."""
        self.discard(number)  # the oldest come first
        gap = gap_of_message("", message)
        if gap is None:
            return False
        self._since_s[number] = self._now()
        self._marks[number] = (gap.topic, gap.boot, gap.first)
        return True

    def discard(self, number: int) -> None:
        """Wait no more for a row."""
        self._since_s.pop(number, None)
        self._marks.pop(number, None)

    def confirmed_by(self, word: Confirmation) -> list[int]:
        """Return the rows that a confirmation covers."""
        return [
            number
            for number, (topic, boot, sequence) in self._marks.items()
            if (topic, boot) == (word.topic, word.boot) and sequence <= word.upto
        ]

    def is_waiting(self, number: int) -> bool:
        """Return whether a row was sent and need not be sent again yet."""
        since_s = self._since_s.get(number)
        return since_s is not None and self._now() - since_s < RESEND_AFTER_S

    def is_full(self) -> bool:
        """Return whether no more may be sent before something is confirmed."""
        return len(self._since_s) >= MOST

    def has_overdue(self) -> bool:
        """Return whether a row should be sent again."""
        oldest = next(iter(self._since_s.values()), None)
        return oldest is not None and self._now() - oldest >= RESEND_AFTER_S
