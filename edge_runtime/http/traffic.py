"""How much is under way, and whether more is wanted: what draining and metrics need."""

import threading


class Traffic:
    """Counts the requests under way; used by all threads.

    Attributes:
        under_way: Requests that are being answered now.
        is_draining: The program was asked to stop: it is not ready, and still answers.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.under_way = 0
        self.is_draining = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Count one more."""
        with self._lock:
            self.under_way += 1

    def end(self) -> None:
        """Count one less."""
        with self._lock:
            self.under_way -= 1
