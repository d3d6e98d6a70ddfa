"""The capture loop: reads a source while the worker lives, opens it again when it fails."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from edge_runtime.errors import (
    SourceError,
    SourceFrozenError,
    SourceSilentError,
    SourceSpentError,
)
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import SourceState
from edge_runtime.mqtt.backoff import Backoff
from edge_runtime.records import Frame, FrameRef
from edge_runtime.sources.protocol import End, Partial, Quiet, Reading, Refusal, Shot, Source
from edge_runtime.worker.accounts import Accounts, Drop
from edge_runtime.worker.control import TICK_S, Control
from edge_runtime.worker.slot import FrameSlot
from edge_runtime.worker.source_monitor import SourceMonitor

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
        self._is_fresh = True  # nothing good came since it was opened

    def run(self) -> None:
        """Capture until the worker stops; a finished recording idles."""
        parts = self._parts
        while not parts.control.stopping.is_set():
            try:
                self._play()
            except SourceSpentError as error:
                parts.control.fail(str(error))
                return
            except SourceError as error:
                self._lose(error)
                continue
            finally:
                parts.source.close()
            self._finish()

    def _play(self) -> None:
        """Read until the recording ends or the worker stops."""
        parts = self._parts
        parts.monitor.opening()
        parts.source.open()
        parts.monitor.opened()
        self._is_fresh = True
        while self._go_on():
            parts.monitor.reading()
            if not self._take(parts.source.read()):
                return

    def _take(self, reading: Reading) -> bool:
        """Account for one reading; return False at the end of a recording."""
        match reading:
            case Shot():
                self._succeed()
                self._deliver(reading)
            case Partial():
                self._succeed()
            case Quiet():
                self._check_silence()
            case Refusal(why):
                self._drop(Drop.INVALID)
                self._parts.monitor.refused(why)
                logger.debug("source %s: %s", self._parts.name, why)
            case End():
                return False
            case _:
                assert_never(reading)
        return True

    def _succeed(self) -> None:
        self._parts.monitor.delivered()
        if self._is_fresh:
            self._is_fresh = False
            self._parts.backoff.succeeded(self._parts.time.monotonic_s())

    def _check_silence(self) -> None:
        silence_s = self._parts.monitor.overdue_s()
        if silence_s is not None:
            raise SourceSilentError(f"silent for more than {silence_s:g} s")

    def _drop(self, reason: Drop) -> None:
        self._parts.accounts.captured()
        self._parts.accounts.dropped(reason)

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
            if not self._wait(lambda: self._parts.slot.put_when_free(frame, TICK_S), pause_s=0):
                self._parts.accounts.dropped(Drop.STOPPED)
        elif self._parts.control.paused.is_set():
            self._parts.accounts.dropped(Drop.PAUSED)
        elif self._parts.slot.put_newest(frame) is not None:
            self._parts.accounts.dropped(Drop.FULL)

    def _number(self, shot: Shot) -> Frame:
        time = self._parts.time
        sequence = self._parts.accounts.captured()
        taken_at, taken_s = time.wall_s() - shot.age_s, time.monotonic_s() - shot.age_s
        ref = FrameRef(self._parts.name, sequence, taken_at, taken_s)
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

    def _lose(self, error: SourceError) -> None:
        parts = self._parts
        if isinstance(error, SourceFrozenError):
            self._drop(Drop.FROZEN)
        parts.monitor.lost(str(error), _state_after(error))
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


def _state_after(error: SourceError) -> SourceState:
    match error:
        case SourceFrozenError():
            return SourceState.FROZEN
        case SourceSilentError():
            return SourceState.STALLED
        case _:
            return SourceState.OFFLINE
