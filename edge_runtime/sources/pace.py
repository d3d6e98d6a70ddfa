"""The rhythm of a source that has to ask: a moment of waiting at a time."""

import time
from collections.abc import Callable

MOMENT_S = 0.2


class Pace:
    """Turns at `1 / period_s`; turns that were missed are left out, not made up for."""

    def __init__(
        self,
        period_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period_s = period_s
        self._clock = clock
        self._sleep = sleep
        self._due_s = clock()

    def has_come(self) -> bool:
        """Wait for the next turn, for a moment at most; return whether it has come."""
        left_s = self._due_s - self._clock()
        if left_s > MOMENT_S:
            self._sleep(MOMENT_S)
            return False
        if left_s > 0:
            self._sleep(left_s)
        self._due_s = max(self._due_s + self._period_s, self._clock())
        return True
