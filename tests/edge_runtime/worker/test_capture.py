"""The capture loop over a scripted source."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from edge_runtime.errors import SourceError, SourceFrozenError, SourceSpentError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import SourceChange, SourceState
from edge_runtime.mqtt.backoff import Backoff, BackoffSettings
from edge_runtime.sources.protocol import End, Partial, Quiet, Reading, Refusal, Shot
from edge_runtime.worker.accounts import Accounts, Drop
from edge_runtime.worker.capture import Capture, CaptureParts
from edge_runtime.worker.control import Control
from edge_runtime.worker.slot import FrameSlot
from edge_runtime.worker.source_monitor import SourceMonitor

DEADLINE_S = 20.0
PIXEL = np.zeros((1, 1))


@dataclass
class Scripted:
    """Plays a list of readings; an error closes it, an empty list blocks until `free` is set."""

    script: list[Reading | SourceError]
    is_lossless: bool = True
    rate_hz: float | None = None
    opened: int = 0
    closed: int = 0
    free: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        self.opened += 1

    def read(self) -> Reading:
        if not self.script:
            self.free.wait(DEADLINE_S)
            return End()
        reading = self.script.pop(0)
        if isinstance(reading, SourceError):
            raise reading
        return reading

    def close(self) -> None:
        self.closed += 1


class Rig:
    def __init__(self, source: Scripted, *, first_s: float = 0.001, stall_s: float = 5.0) -> None:
        self.source, self.slot = source, FrameSlot()
        self.accounts, self.control = Accounts(), Control(0.5)
        self.told: list[SourceChange] = []
        self.has_told = threading.Condition()
        time = TimeSource()
        self.monitor = SourceMonitor(self._tell, time.monotonic_s, stall_s)
        backoff = Backoff(BackoffSettings(first_s=first_s, max_s=0.002), random.Random(1))
        parts = CaptureParts(
            "cam0", source, self.slot, self.accounts, self.monitor, self.control, backoff, time
        )
        self.thread = threading.Thread(target=Capture(parts).run)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.control.stopping.set()
        self.source.free.set()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()

    def _tell(self, change: SourceChange) -> None:
        with self.has_told:
            self.told.append(change)
            self.has_told.notify_all()

    def wait(self, is_so: Callable[[], bool]) -> None:
        with self.has_told:
            assert self.has_told.wait_for(is_so, DEADLINE_S)

    @property
    def states(self) -> list[SourceState]:
        return [change.state for change in self.told]


def eventually(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(DEADLINE_S / 0.005)):
        if is_so():
            return
        pause.wait(0.005)
    raise AssertionError("not in time")


def take_all(rig: Rig, count: int) -> list[int]:
    numbers = []
    for _ in range(count):
        (frame,) = rig.slot.take(DEADLINE_S)
        numbers.append(frame.ref.sequence)
        rig.accounts.inferred(0.0, 0.0)
    return numbers


def test_a_recording_is_finished_when_its_last_frame_is_accounted_for() -> None:
    with Rig(Scripted([Shot(PIXEL), Refusal("bad"), Shot(PIXEL), End()])) as rig:
        assert take_all(rig, 2) == [0, 2]
        rig.wait(lambda: SourceState.FINISHED in rig.states)

    assert rig.states == [SourceState.ONLINE, SourceState.FINISHED]
    assert rig.accounts.counters().dropped["invalid"] == 1
    assert rig.accounts.counters().in_flight == 0


def test_a_live_source_keeps_only_the_newest_frame() -> None:
    source = Scripted([Shot(PIXEL) for _ in range(10)], is_lossless=False)
    with Rig(source) as rig:
        source.free.set()
        rig.wait(lambda: SourceState.ONLINE in rig.states)
        eventually(lambda: rig.accounts.counters().captured == 10)
        (frame,) = rig.slot.take(DEADLINE_S)

    assert frame.ref.sequence == 9
    assert rig.accounts.counters().dropped["full"] == 9


def test_s1_a_source_that_fails_is_opened_again_and_said_once() -> None:
    gone = [SourceError("unplugged") for _ in range(3)]
    with Rig(Scripted([Shot(PIXEL), *gone, Shot(PIXEL), End()])) as rig:
        assert take_all(rig, 2) == [0, 1]
        rig.wait(lambda: SourceState.FINISHED in rig.states)

    wanted = [SourceState.ONLINE, SourceState.OFFLINE, SourceState.ONLINE, SourceState.FINISHED]
    assert rig.states == wanted
    assert rig.source.opened == rig.source.closed == 4
    assert rig.monitor.reconnects == 3


def test_paced_frames_are_not_delivered_before_they_are_due() -> None:
    with Rig(Scripted([Shot(PIXEL, due_s=0.0), Shot(PIXEL, due_s=0.05), End()])) as rig:
        (first,) = rig.slot.take(DEADLINE_S)
        (second,) = rig.slot.take(DEADLINE_S)

    assert second.ref.captured_monotonic_s - first.ref.captured_monotonic_s >= 0.049


def test_the_loop_shows_that_it_turns_while_it_waits() -> None:
    with Rig(Scripted([End()])) as rig:
        rig.wait(lambda: SourceState.FINISHED in rig.states)
        before = rig.control.capture_progress
        eventually(lambda: rig.control.capture_progress > before + 1)


def test_a_frame_that_nobody_took_is_counted_when_the_worker_stops() -> None:
    rig = Rig(Scripted([Shot(PIXEL), Shot(PIXEL)]))
    with rig:
        eventually(lambda: rig.accounts.counters().captured == 2)

    assert rig.accounts.counters().dropped[Drop.STOPPED] == 1
    assert rig.accounts.counters().in_flight == 1  # in the slot; the worker settles that one


def test_rows_that_make_no_window_yet_show_that_the_source_lives() -> None:
    with Rig(Scripted([Partial(), Quiet(), Partial(), Shot(PIXEL), End()])) as rig:
        assert take_all(rig, 1) == [0]
        rig.wait(lambda: SourceState.FINISHED in rig.states)

    assert rig.states == [SourceState.ONLINE, SourceState.FINISHED]
    assert rig.accounts.counters().captured == 1


def test_s2_a_frozen_source_is_named_counted_and_opened_again() -> None:
    frozen = SourceFrozenError("the same frame 9 times in a row")
    script = [Shot(PIXEL), frozen, frozen, Shot(PIXEL), End()]
    with Rig(Scripted(script)) as rig:
        assert take_all(rig, 2) == [0, 3]
        rig.wait(lambda: SourceState.FINISHED in rig.states)

    wanted = [SourceState.ONLINE, SourceState.FROZEN, SourceState.ONLINE, SourceState.FINISHED]
    assert rig.states == wanted
    assert rig.accounts.counters().dropped[Drop.FROZEN] == 2
    assert rig.accounts.counters().in_flight == 0


def test_s2_silence_of_an_open_source_is_a_stall_and_it_is_opened_again() -> None:
    script: list[Reading | SourceError] = [Quiet() for _ in range(50_000)]
    with Rig(Scripted(script), stall_s=0.01) as rig:
        rig.wait(lambda: rig.states[-1:] == [SourceState.STALLED])
        eventually(lambda: rig.source.opened > 2)

    assert rig.told[0].why == "silent for more than 0.01 s"
    assert rig.monitor.stalls == 1


def test_a_source_that_this_process_cannot_open_again_ends_it() -> None:
    with Rig(Scripted([SourceSpentError("a fresh process has to open it")])) as rig:
        eventually(rig.control.stopping.is_set)

    assert rig.control.failure == "a fresh process has to open it"


def test_a_frame_is_as_old_as_its_source_says() -> None:
    with Rig(Scripted([Shot(PIXEL, age_s=2.0), Shot(PIXEL)])) as rig:
        (old,), (new,) = rig.slot.take(DEADLINE_S), rig.slot.take(DEADLINE_S)
        rig.accounts.inferred(0.0, 0.0)
        rig.accounts.inferred(0.0, 0.0)

    assert new.ref.captured_monotonic_s - old.ref.captured_monotonic_s >= 2.0
    assert new.ref.captured_at - old.ref.captured_at >= 1.9
