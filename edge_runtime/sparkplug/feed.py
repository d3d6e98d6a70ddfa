"""What passes from the supervisor's thread to the session that speaks Sparkplug."""

import threading
from collections.abc import Callable

from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.records import Delivery, Message

_PRESENT = frozenset({"pred", "state", "source", "health", "info"})


class Feed:
    """Events wait in an outbox of their own; of everything else only the newest counts.

    Attributes:
        wake: Has the session look.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.wake: Callable[[], None] = lambda: None
        self._outbox = outbox
        self._lock = threading.Lock()
        self._newest: dict[str, Message] = {}

    def take(self, message: Message) -> None:
        """Take a message that was published natively."""
        last = message.topic.rpartition("/")[2]
        if last == "event" and message.delivery is Delivery.ALL:
            self._outbox.put(message)
        elif last in _PRESENT:
            with self._lock:
                self._newest[message.topic] = message
        else:
            return
        self.wake()

    def news(self) -> tuple[Message, ...]:
        """Return the newest message of each topic that has had one since this was last asked."""
        with self._lock:
            found, self._newest = self._newest, {}
        return tuple(found.values())

    def commit_if_due(self) -> None:
        """Put on disk what has waited there for long enough."""
        self._outbox.commit_if_due()

    def commit(self) -> None:
        """Put all on disk now."""
        self._outbox.commit()
