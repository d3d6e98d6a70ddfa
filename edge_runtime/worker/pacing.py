"""Which frames are inferred while the device has to save work."""

import time
from collections.abc import Callable

from edge_runtime.link import Pace

PERIOD_S = 4.0  # of the duty cycle: long against a frame, short against what a person waits for
EARLY_SHARE = 0.1  # of an interval: a source at just the allowed rate jitters about it


class Pacer:
    """Used by the inference loop; `pace` may be set by any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace()
        self._now = now
        self._due_s = 0.0

    @property
    def is_free(self) -> bool:
        """Return whether every frame is inferred."""
        return self.pace.max_fps is None and self.pace.duty >= 1.0

    def admits(self) -> bool:
        """Return whether the frame of this moment is inferred, and count on it."""
        pace, now_s = self.pace, self._now()
        if pace.duty < 1.0 and now_s % PERIOD_S >= pace.duty * PERIOD_S:
            return False
        if pace.max_fps is None:
            return True
        interval_s = 1.0 / pace.max_fps
        if now_s < self._due_s - EARLY_SHARE * interval_s:
            return False
        self._due_s = max(self._due_s, now_s - interval_s) + interval_s  # the mean rate is kept
        return True
