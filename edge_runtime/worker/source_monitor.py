"""Knows how the source is, and tells every change of that once."""

import threading
from collections import deque
from collections.abc import Callable

from edge_runtime.link import SourceChange, SourceState

LEAST_STALL_S = 5.0
STALL_FRAMES = 10.0
OPEN_LIMIT_S = 30.0
READINGS_KEPT = 20
GARBLED_ABOVE = 10  # refused among the last 20
GARBLED_UNTIL = 5


def stall_limit_s(configured_s: float | None, rate_hz: float | None) -> float:
    """Return the silence that counts as a stall: ten expected readings, at least 5 s."""
    if configured_s is not None:
        return configured_s
    return max(LEAST_STALL_S, STALL_FRAMES / rate_hz) if rate_hz else LEAST_STALL_S


class SourceMonitor:
    """State of one source; the capture thread reports, any other may look.

    A stall is a `read` that has not returned for `stall_s`, or an `open` that has not for 30 s:
    seen from outside, because the thread that hangs cannot tell. A source is garbled while most
    of its last readings were refused.
    """

    def __init__(
        self,
        tell: Callable[[SourceChange], None],
        clock: Callable[[], float],
        stall_s: float,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._state = SourceState.OFFLINE
        self._why = "starting"
        self._is_paused = False
        self._told: SourceState | None = None
        self._expected_by_s: float | None = None
        self._refused: deque[bool] = deque(maxlen=READINGS_KEPT)
        self.reconnects = 0
        self.stalls = 0

    @property
    def state(self) -> SourceState:
        """The state that others see now."""
        return SourceState.DISABLED if self._is_paused else self._state

    def opening(self) -> None:
        """Note that the source is being opened."""
        self._expected_by_s = self._clock() + max(OPEN_LIMIT_S, self._stall_s)

    def opened(self) -> None:
        """Note that the source is open; silence counts from here."""
        self._expected_by_s = None

    def reading(self) -> None:
        """Note that a read begins; one that follows a quiet one goes on waiting."""
        if self._expected_by_s is None:
            self._expected_by_s = self._clock() + self._stall_s

    def delivered(self) -> None:
        """Note that the read returned something good."""
        self._expected_by_s = None
        self._refused.append(False)
        if self._state is SourceState.GARBLED and sum(self._refused) > GARBLED_UNTIL:
            return
        if self._state is not SourceState.ONLINE:
            self._change(SourceState.ONLINE, "delivers frames")

    def refused(self, why: str) -> None:
        """Note that the read returned something that cannot be used."""
        self._expected_by_s = None
        self._refused.append(True)
        count = sum(self._refused)
        if count > GARBLED_ABOVE and self._state is not SourceState.GARBLED:
            text = f"{count} of the last {len(self._refused)} readings cannot be used: {why}"
            self._change(SourceState.GARBLED, text)

    def lost(self, why: str, state: SourceState = SourceState.OFFLINE) -> None:
        """Note that the source failed, is in `state`, and will be opened again."""
        self._expected_by_s = None
        self._refused.clear()
        self.reconnects += 1
        self.stalls += state is SourceState.STALLED and self._state is not SourceState.STALLED
        self._change(state, why)

    def overdue_s(self) -> float | None:
        """Return how long the source may be silent where it is so for longer, else None."""
        expected_by_s = self._expected_by_s
        is_overdue = expected_by_s is not None and self._clock() > expected_by_s
        return self._stall_s if is_overdue else None

    def finished(self) -> None:
        """Note that a recording is played and all its frames are accounted for."""
        self._expected_by_s = None
        self._change(SourceState.FINISHED, "played to its end")

    def pause(self, is_paused: bool) -> None:  # noqa: FBT001 (two methods would repeat the body)
        """Note that frames are dropped on request, or no longer."""
        with self._lock:
            self._is_paused = is_paused
        self._announce()

    def look(self) -> None:
        """See whether a read hangs."""
        expected_by_s = self._expected_by_s
        if expected_by_s is None or self._state is SourceState.STALLED:
            return
        if self._clock() > expected_by_s:
            self.stalls += 1
            self._change(SourceState.STALLED, f"silent for more than {self._stall_s:g} s")

    def _change(self, state: SourceState, why: str) -> None:
        with self._lock:
            self._state, self._why = state, why
        self._announce()

    def _announce(self) -> None:
        with self._lock:
            state = self.state
            if state is self._told:
                return
            self._told = state
            why = "paused on request" if self._is_paused else self._why
            self._tell(SourceChange(state, why))
