"""What the threads of session and supervisor tell each other, and what wakes the latter."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.mqtt.events import Incoming
from edge_runtime.mqtt.exchange_parts import Hooks
from edge_runtime.mqtt.topics import HOME_ASSISTANT_STATUS
from edge_runtime.records import Message

logger = logging.getLogger(__name__)

MAX_COMMANDS = 32


@dataclass(frozen=True, slots=True)
class Order:
    """A command as it came, and when."""

    incoming: Incoming
    arrived_monotonic_s: float


class Board:
    """Each attribute is written by one thread and read whole by the other.

    Attributes:
        births: `info` and the sources' states, kept up to date by the supervisor.
        introductions: What others are told of us at a birth, after `info`.
        status: "online" or "degraded", likewise.
        refused_orders: Commands that found the queue full.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.births: tuple[Message, ...] = ()
        self.introductions: tuple[Message, ...] = ()
        self.status = "online"
        self.refused_orders = 0
        self._now = now
        self._orders: queue.Queue[Order] = queue.Queue(MAX_COMMANDS)
        self._awake = threading.Event()
        self._session_changed = threading.Event()
        self._home_assistant_started = threading.Event()

    def hooks(self) -> Hooks:
        """Return what the session calls."""
        return Hooks(
            birth=lambda: (*self.births[:1], *self.introductions, *self.births[1:]),
            status=lambda: self.status,
            on_command=self._take,
            on_change=self._note_change,
        )

    def wake(self) -> None:
        """Have the supervisor turn now."""
        self._awake.set()

    def sleep(self, seconds: float) -> None:
        """Wait until woken, at most so long."""
        self._awake.wait(seconds)
        self._awake.clear()

    def next_order(self) -> Order | None:
        """Return the oldest command that waits."""
        try:
            return self._orders.get_nowait()
        except queue.Empty:
            return None

    def session_has_changed(self) -> bool:
        """Return whether the session's state changed since this was last asked."""
        has_changed = self._session_changed.is_set()
        self._session_changed.clear()
        return has_changed

    def home_assistant_has_started(self) -> bool:
        """Return whether Home Assistant said that it has started since this was last asked."""
        has_started = self._home_assistant_started.is_set()
        self._home_assistant_started.clear()
        return has_started

    def _take(self, incoming: Incoming) -> None:
        if incoming.topic == HOME_ASSISTANT_STATUS:
            if incoming.payload == b"online":
                self._home_assistant_started.set()
                self.wake()
            return
        try:
            self._orders.put_nowait(Order(incoming, self._now()))
        except queue.Full:
            self.refused_orders += 1
            logger.warning("command %s dropped: %d wait", incoming.topic, MAX_COMMANDS)
        self.wake()

    def _note_change(self) -> None:
        self._session_changed.set()
        self.wake()
