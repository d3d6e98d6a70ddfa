"""What the threads of a worker share: wishes of the supervisor, and proof that each loop turns."""

import threading
from dataclasses import dataclass, field

from edge_runtime.worker.pacing import Pacer

TICK_S = 0.2


@dataclass(slots=True)
class Control:
    """Each progress counter has one writer; a plain read of the others is good enough.

    Attributes:
        threshold: In force from the next frame on.
        stopping: Set once, ends every loop.
        paused: Frames are dropped while it is set.
        pacer: Says which frames are inferred while the device is hot.
        failure: Why the worker must end, the first one counts.
        capture_progress: Turns of the capture loop.
        infer_progress: Turns of the inference loop, and frames that it brought to their ends.
    """

    threshold: float
    stopping: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)
    pacer: Pacer = field(default_factory=Pacer)
    failure: str | None = None
    capture_progress: int = 0
    infer_progress: int = 0

    def fail(self, why: str) -> None:
        """End the worker for a reason."""
        if self.failure is None:
            self.failure = why
        self.stopping.set()
