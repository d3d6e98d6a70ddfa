"""The capture loop: reads a source while the worker lives, opens it again when it fails."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.accounts import Accounts, Drop
from edge_runtime.control import TICK_S, Control
from edge_runtime.errors import SourceError
from edge_runtime.mqtt.backoff import Backoff
from edge_runtime.records import Frame, FrameRef
from edge_runtime.slot import FrameSlot
from edge_runtime.source_monitor import SourceMonitor
from edge_runtime.sources.protocol import End, Refusal, Shot, Source
from edge_runtime.time_source import TimeSource

logger = logging.getLogger(__name__)

LATE_S = 1.0  # a recording that lags so far behind its own pace goes on from where it is


@dataclass(frozen=True, slots=True)
class CaptureParts:
    """What the loop works with; all of it is made by the worker."""

    name: str
    source: Source
    slot: FrameSlot
    accounts: Accounts
    monitor: SourceMonitor
    control: Control
    backoff: Backoff
    time: TimeSource


class Capture:
    """Runs in a thread of its own, which may hang in the source's `read` for ever."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts
        self._started_s: float | None = None  # monotonic start of a paced recording

    def run(self) -> None:
        """Capture until the worker stops; a finished recording idles."""
        parts = self._parts
        while not parts.control.stopping.is_set():
            try:
                self._play()
            except SourceError as error:
                self._lose(str(error))
                continue
            finally:
                parts.source.close()
            self._finish()

    def _play(self) -> None:
        """Read until the recording ends or the worker stops."""
        parts = self._parts
        parts.monitor.opening()
        parts.source.open()
        is_first = True
        while self._go_on():
            parts.monitor.reading()
            reading = parts.source.read()
            parts.monitor.delivered()
            match reading:
                case Shot():
                    if is_first:
                        parts.backoff.succeeded(parts.time.monotonic_s())
                        is_first = False
                    self._deliver(reading)
                case Refusal():
                    parts.accounts.captured()
                    parts.accounts.dropped(Drop.INVALID)
                    logger.debug("source %s: %s", parts.name, reading.why)
                case End():
                    return

    def _go_on(self) -> bool:
        """Return whether to read on; holds a recording while it is paused."""
        control = self._parts.control
        control.capture_progress += 1
        if self._parts.source.is_lossless:
            self._wait(lambda: not control.paused.is_set())
        return not control.stopping.is_set()

    def _deliver(self, shot: Shot) -> None:
        if shot.due_s is not None:
            self._wait_until(shot.due_s)
        frame = self._number(shot)
        if self._parts.source.is_lossless:
            if not self._wait(lambda: self._parts.slot.put_when_empty(frame, TICK_S), pause_s=0):
                self._parts.accounts.dropped(Drop.STOPPED)
        elif self._parts.control.paused.is_set():
            self._parts.accounts.dropped(Drop.PAUSED)
        elif self._parts.slot.put_newest(frame) is not None:
            self._parts.accounts.dropped(Drop.FULL)

    def _number(self, shot: Shot) -> Frame:
        time = self._parts.time
        sequence = self._parts.accounts.captured()
        ref = FrameRef(self._parts.name, sequence, time.wall_s(), time.monotonic_s())
        return Frame(ref, shot.values, shot.label)

    def _wait_until(self, due_s: float) -> None:
        """Keep a recording's pace; after a long delay shift its start instead of hurrying."""
        clock = self._parts.time.monotonic_s
        if self._started_s is None or clock() - (self._started_s + due_s) > LATE_S:
            self._started_s = clock() - due_s
        started_s = self._started_s
        while (left_s := started_s + due_s - clock()) > 0:
            self._parts.control.capture_progress += 1
            if self._parts.control.stopping.wait(min(left_s, TICK_S)):
                return

    def _lose(self, why: str) -> None:
        parts = self._parts
        parts.monitor.lost(why)
        pause_s = parts.backoff.failed(parts.time.monotonic_s())
        ends_s = parts.time.monotonic_s() + pause_s
        self._wait(lambda: parts.time.monotonic_s() >= ends_s)

    def _finish(self) -> None:
        """Say FINISHED only when every frame of the recording is accounted for; then idle."""
        parts = self._parts
        if self._wait(lambda: parts.accounts.counters().in_flight == 0, pause_s=0.01):
            parts.monitor.finished()
        self._wait(lambda: False)

    def _wait(self, is_over: Callable[[], bool], pause_s: float = TICK_S) -> bool:
        """Wait in good order until something is the case; return False where we stop before."""
        control = self._parts.control
        while not control.stopping.is_set():
            control.capture_progress += 1
            if is_over():
                return True
            control.stopping.wait(pause_s)
        return False
