"""Progress of a command: a line on a terminal, nothing elsewhere; and what each stage took."""

import resource
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Progress:
    """Shows the stage at hand while it is entered; `watch` is what the pipeline tells it."""

    def __init__(self, console: Console) -> None:
        self._status = Status("starting", console=console) if console.is_terminal else None
        self._stages: dict[str, float] = {}
        self._peaks: dict[str, int] = {}
        self._stage: str | None = None
        self._since = time.perf_counter()

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close_stage()
        if self._status is not None:
            self._status.stop()

    def watch(self, stage: str, done: int, total: int) -> None:
        """Take note of a stage and how much of it is done; total 0 is unknown.

        An empty stage is the one at hand.
        """
        stage = stage or self._stage or ""
        if stage != self._stage:
            self._close_stage()
            self._stage = stage
        if self._status is not None:
            self._status.update(f"{stage} {done}/{total}" if total else stage)

    def note(self, line: str) -> None:
        """Leave a line standing above the one that changes."""
        if self._status is not None:
            self._status.console.print(line, highlight=False, markup=False)

    def seconds(self) -> dict[str, float]:
        """Return how long each stage took."""
        return {stage: round(taken, 3) for stage, taken in self._stages.items()}

    def peaks_rss_bytes(self) -> dict[str, int]:
        """Return the most memory that the process had had by the end of each stage."""
        return dict(self._peaks)

    def _close_stage(self) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self._stages[self._stage] = self._stages.get(self._stage, 0.0) + now - self._since
            self._peaks[self._stage] = peak_rss_bytes()
        self._stage, self._since = None, now


def peak_rss_bytes() -> int:
    """Return the most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
