"""A source in the real capture loop, with a taker in the model's place: what tests drive."""

import random
import threading
from collections.abc import Callable
from typing import Any, Self

import numpy.typing as npt

from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Counters, SourceChange, SourceState
from edge_runtime.mqtt.backoff import Backoff, BackoffSettings
from edge_runtime.records import Frame
from edge_runtime.sources.protocol import Source
from edge_runtime.worker.accounts import Accounts
from edge_runtime.worker.capture import Capture, CaptureParts
from edge_runtime.worker.control import Control
from edge_runtime.worker.slot import FrameSlot
from edge_runtime.worker.source_monitor import SourceMonitor, stall_limit_s

DEADLINE_S = 30.0
RETRY_S = 0.02


class Running:
    """Runs a source until it is left; every frame that arrives is kept and counted as inferred."""

    def __init__(self, source: Source, *, stall_after_s: float | None = None) -> None:
        time = TimeSource()
        self.source = source
        self.accounts, self.control, self.slot = Accounts(), Control(0.5), FrameSlot()
        self.told: list[SourceChange] = []
        self.frames: list[Frame] = []
        self._changed = threading.Condition()
        self.monitor = SourceMonitor(
            self._tell, time.monotonic_s, stall_limit_s(stall_after_s, source.rate_hz)
        )
        backoff = Backoff(BackoffSettings(first_s=RETRY_S, max_s=RETRY_S), random.Random(1))
        parts = CaptureParts(
            "s", source, self.slot, self.accounts, self.monitor, self.control, backoff, time
        )
        self._threads = [
            threading.Thread(target=Capture(parts).run, name="capture"),
            threading.Thread(target=self._take, name="taker"),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.control.stopping.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), thread.name

    @property
    def states(self) -> list[SourceState]:
        return [change.state for change in self.told]

    @property
    def values(self) -> list[npt.NDArray[Any]]:
        return [frame.values for frame in self.frames]

    def counters(self) -> Counters:
        return self.accounts.counters()

    def wait(self, is_so: Callable[[], bool], what: str = "") -> None:
        with self._changed:
            is_met = self._changed.wait_for(is_so, DEADLINE_S)
        assert is_met, f"{what}: {self.told}, {self.counters()}"

    def wait_for(self, state: SourceState) -> None:
        self.wait(lambda: self.states[-1:] == [state], state.value)

    def wait_frames(self, count: int) -> None:
        self.wait(lambda: len(self.frames) >= count, f"{count} frames")

    def settled(self) -> Counters:
        """The counters once nothing is in flight; the books must balance."""
        self.wait(lambda: self.counters().in_flight == 0, "nothing in flight")
        counters = self.counters()
        assert counters.captured == counters.inferred + sum(counters.dropped.values())
        return counters

    def _tell(self, change: SourceChange) -> None:
        with self._changed:
            self.told.append(change)
            self._changed.notify_all()

    def _take(self) -> None:
        while not self.control.stopping.is_set():
            frames = self.slot.take(0.05)
            with self._changed:
                for frame in frames:
                    self.frames.append(frame)
                    self.accounts.inferred(0.0, 0.0)
                self._changed.notify_all()
