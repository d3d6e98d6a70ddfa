"""What became of every message: accepted + found = waiting + delivered + dropped here."""

from collections import Counter

from edge_runtime.mqtt.outbox.gaps import Gap, gap_of_message
from edge_runtime.mqtt.outbox.store import Dropped
from edge_runtime.records import Delivery, Message


class Tally:
    """Used under the outbox's lock.

    Attributes:
        accepted: Put in since this process started, refused ones included.
        delivered: Acknowledged since then.
        found: Left by an earlier process.
        before: Drops that the file told of at the start, by (reason, class).
        here: Drops since then.
        unwritten: Those of them that the file does not know yet.
        gaps: What these leave in the numbers of their topics.
    """

    def __init__(self, before: Dropped, found: int) -> None:
        self.accepted = 0
        self.delivered = 0
        self.found = found
        self.before = before
        self.here: Dropped = Counter()
        self.unwritten: Dropped = Counter()
        self.gaps: list[Gap] = []

    def drop(self, reason: str, message: Message) -> None:
        """Count a message that is given up outside of the file."""
        self.count(reason, message.delivery)
        gap = gap_of_message(reason, message)
        if gap is not None:
            self.gaps.append(gap)

    def count(self, reason: str, delivery: Delivery, number: int = 1) -> None:
        """Count messages of which no more is known."""
        self.unwritten[reason, delivery] += number
        self.here[reason, delivery] += number

    def written(self, dropped: Dropped) -> None:
        """Take over what a transaction dropped; it has written down ours."""
        self.here += dropped
        self.unwritten.clear()
        self.gaps.clear()
