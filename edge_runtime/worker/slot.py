"""Room for one frame between capture and inference: the newest wins, or the source waits."""

import threading

from edge_runtime.records import Frame


class FrameSlot:
    """One place; a deeper queue would only make every result older."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None

    def put_newest(self, frame: Frame) -> Frame | None:
        """Put a frame in, return the one that it pushed out."""
        with self._changed:
            pushed_out, self._frame = self._frame, frame
            self._changed.notify_all()
        return pushed_out

    def put_when_empty(self, frame: Frame, wait_s: float) -> bool:
        """Put a frame in once there is room, return False where there was none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frame is None, wait_s):
                return False
            self._frame = frame
            self._changed.notify_all()
        return True

    def take(self, wait_s: float) -> Frame | None:
        """Return the frame and leave the slot empty, None where none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frame is not None, wait_s):
                return None
            frame, self._frame = self._frame, None
            self._changed.notify_all()
        return frame
