"""Room between capture and inference: the newest frames win, or the source waits."""

import threading
from collections import deque

from edge_runtime.records import Frame


class FrameSlot:
    """Room for as many frames as the engine takes in one call; more would only make results older.

    Args:
        room: At least 1.
    """

    def __init__(self, room: int = 1) -> None:
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._room = room

    def put_newest(self, frame: Frame) -> Frame | None:
        """Put a frame in, return the oldest where it was pushed out."""
        with self._changed:
            pushed_out = self._frames.popleft() if len(self._frames) == self._room else None
            self._add(frame)
        return pushed_out

    def put_when_free(self, frame: Frame, wait_s: float) -> bool:
        """Put a frame in once there is room, return False where there was none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._frames) < self._room, wait_s):
                return False
            self._add(frame)
        return True

    def take(self, wait_s: float, most: int | None = None) -> list[Frame]:
        """Return the frames that wait, oldest first; waits for the first of them alone.

        Args:
            wait_s: After so long there is none.
            most: The others stay; None: all are taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._frames), wait_s)
            count = len(self._frames) if most is None else min(most, len(self._frames))
            frames = [self._frames.popleft() for _ in range(count)]
            self._changed.notify_all()
        return frames

    def _add(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._changed.notify_all()
