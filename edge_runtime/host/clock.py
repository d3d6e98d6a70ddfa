"""How far the wall clock can be trusted; a Raspberry Pi has no battery behind its own."""

import ctypes
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from edge_runtime.host.time_source import TimeSource

STEP_S = 1.0
KEPT_S = 1.0  # an answer is good for so long; payloads ask for each message
TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR = 5  # adjtimex: the kernel's clock is not synchronised
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads


class ClockState(StrEnum):
    """Of the wall clock, the text in payloads."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"
    STEPPED = "stepped"


def is_synchronised() -> bool:
    """Return whether the kernel, or systemd-timesyncd, says that the clock is right.

    A unit that forbids adjtimex (ProtectClock, SystemCallFilter) leaves only the second; where
    neither can be asked the answer is False.
    """
    return TIMESYNCD_MARK.exists() or _kernel_says_so()


class ClockWatch:
    """Tells whether the wall clock is synchronised and whether it jumped since the start."""

    def __init__(
        self,
        clock: TimeSource | None = None,
        is_right: Callable[[], bool] = is_synchronised,
    ) -> None:
        self._time = clock or TimeSource(time.monotonic, time.time)
        self._is_right = is_right
        self._offset_s = self._offset()
        self._state = ClockState.UNSYNCED
        self._read_at_s: float | None = None

    def read(self) -> ClockState:
        """Return the state now; a step is reported until the clock is synchronised."""
        now_s = self._time.monotonic_s()
        if self._read_at_s is None or now_s - self._read_at_s >= KEPT_S:
            self._read_at_s = now_s
            self._state = self._look()
        return self._state

    def _look(self) -> ClockState:
        if self._is_right():
            self._offset_s = self._offset()
            return ClockState.SYNCED
        is_moved = abs(self._offset() - self._offset_s) > STEP_S
        return ClockState.STEPPED if is_moved else ClockState.UNSYNCED

    def _offset(self) -> float:
        return self._time.wall_s() - self._time.monotonic_s()


def _kernel_says_so() -> bool:
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= int(state) < _TIME_ERROR
