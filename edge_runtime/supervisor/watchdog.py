"""systemd's notify protocol, and the rule for when its watchdog may be fed.

Source: sd_notify(3): datagrams of KEY=value lines to the socket in NOTIFY_SOCKET.
"""

import logging
import socket
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Notifier:
    """Tells systemd how we are; silent where nobody listens."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def ready(self) -> None:
        """Say that the service has started."""
        self._send("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service is about to end."""
        self._send("STOPPING=1")

    def describe(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send("STATUS=" + text.replace("\n", " "))

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        # A leading @ stands for the zero byte of an abstract address.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            self._socket.sendto(text.encode(), address)
        except OSError as error:
            logger.debug("notify %s: %s", text, error)


class Loop:
    """One loop's promise to turn again in time; `beat` is called in its thread."""

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self._now = now
        self._lock = threading.Lock()
        self._turns = 0
        self._due_at_s: float | None = None

    def beat(self, next_within_s: float) -> None:
        """Note a turn, and promise the next one within so many seconds."""
        with self._lock:
            self._turns += 1
            self._due_at_s = self._now() + next_within_s

    def rest(self) -> None:
        """Leave the watch: the loop has ended on purpose."""
        with self._lock:
            self._due_at_s = None

    def is_late(self) -> bool:
        """Return whether the promise is broken."""
        with self._lock:
            return self._due_at_s is not None and self._now() > self._due_at_s


class Watchdog:
    """Feeds systemd's watchdog at a third of its limit, as long as every loop keeps its promise."""

    def __init__(
        self, notifier: Notifier, loops: tuple[Loop, ...], limit_s: float | None,
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._notifier = notifier
        self._loops = loops
        self._period_s = None if limit_s is None else limit_s / 3
        self._now = now
        self._fed_at_s: float | None = None
        self._late: tuple[str, ...] = ()

    def feed(self) -> None:
        """Feed the watchdog where it is due and deserved."""
        if self._period_s is None:
            return
        now = self._now()
        if self._fed_at_s is not None and now - self._fed_at_s < self._period_s:
            return
        late = tuple(loop.name for loop in self._loops if loop.is_late())
        if late and late != self._late:
            logger.error("watchdog: no progress in %s: not fed", ", ".join(late))
        self._late = late
        if not late:
            self._notifier.alive()
            self._fed_at_s = now
