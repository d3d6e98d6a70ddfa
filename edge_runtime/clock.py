"""How far the wall clock can be trusted; a Raspberry Pi has no battery behind its own."""

import ctypes
import time
from enum import StrEnum

STEP_S = 1.0
_TIME_ERROR = 5  # adjtimex: the kernel's clock is not synchronised
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads


class ClockState(StrEnum):
    """Of the wall clock, the text in payloads."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"
    STEPPED = "stepped"


class ClockWatch:
    """Tells whether the wall clock is synchronised and whether it jumped since the start."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def read(self) -> ClockState:
        """Return the state now; a step is reported until the clock is synchronised."""
        if is_synchronised():
            self._offset_s = time.time() - time.monotonic()
            return ClockState.SYNCED
        moved_s = abs(time.time() - time.monotonic() - self._offset_s)
        return ClockState.STEPPED if moved_s > STEP_S else ClockState.UNSYNCED


def is_synchronised() -> bool:
    """Return what the kernel says of its clock; False where it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= int(state) < _TIME_ERROR
