"""One pipeline as the supervisor sees it: its worker now, its restarts, what it last said."""

import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, assert_never

from edge_runtime.link import (
    Failed,
    FromWorker,
    Heartbeat,
    Outgoing,
    Pace,
    Pause,
    Ready,
    Resume,
    SetThreshold,
    SourceChange,
    SourceState,
    Stop,
    WriteRecording,
)
from edge_runtime.mqtt.backoff import Backoff, BackoffSettings
from edge_runtime.records import Delivery
from edge_runtime.supervisor.ledger import Ledger
from edge_runtime.supervisor.worker_process import Target, WorkerProcess

logger = logging.getLogger(__name__)

RECORDS_PER_TURN = 256
SWITCH_WITHIN_S = 10.0
_HOUR_S = 3600.0


SettingsMaker: TypeAlias = Callable[[Mapping[str, int]], object]


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """How to start a pipeline's worker.

    Attributes:
        target: Body of the process, found by its name in the new interpreter.
        settings_for: Its settings, given the first sequence number of each topic.
        small_settings_for: Likewise with the small model; None: it has none.
    """

    name: str
    target: Target
    settings_for: SettingsMaker
    small_settings_for: SettingsMaker | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker may be silent.

    Attributes:
        start_s: From its start to Ready.
        heartbeat_s: Between two heartbeats.
        progress_s: Without a turn of its capture loop, or of its inference loop.
        permanent_retry_s: Pause after a failure that a restart will hardly cure.
    """

    start_s: float = 120.0
    heartbeat_s: float = 10.0
    progress_s: float = 40.0
    permanent_retry_s: float = 60.0
    backoff: BackoffSettings = field(
        default_factory=lambda: BackoffSettings(first_s=0.2, max_s=60.0, stable_s=60.0)
    )


class WorkerState(StrEnum):
    """How the worker is; shown in health."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    FAILED = "failed"
    FINISHED = "finished"
    STOPPED = "stopped"


class Supervised:
    """Starts, watches and restarts one pipeline's worker; used by the supervisor's thread alone.

    Attributes:
        ready: What the present worker said of its model.
        last_ready: The same of the newest worker that ever said it.
        heartbeat: The present worker's last.
        failure: Why the last worker ended; None once one is ready again.
        outgoing: Messages received and not yet handed on.
        model_switches: Times that a worker was ended to run the other model.
        losses: Numbers of kept messages that a dying worker took with it, by topic, likewise.
    """

    def __init__(
        self, plan: WorkerPlan, patience: Patience, rng: random.Random,
        now: Callable[[], float], wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self.name = plan.name
        self.state = WorkerState.STARTING
        self.ledger = Ledger()
        self.ready: Ready | None = None
        self.last_ready: Ready | None = None
        self.heartbeat: Heartbeat | None = None
        self.source = SourceState.OFFLINE
        self.source_why = "starting"
        self.failure: Failed | None = None
        self.restarts = 0
        self.model_switches = 0
        self.outgoing: deque[Outgoing] = deque()
        self.losses: deque[tuple[str, range]] = deque()
        self._plan = plan
        self._patience = patience
        self._now = now
        self._wake = wake
        self._backoff = Backoff(patience.backoff, rng)
        self._process: WorkerProcess | None = None
        self._start_at_s: float | None = now()
        self._started_at_s = 0.0
        self._progress: dict[str, tuple[int, float]] = {}
        self._said: Failed | None = None
        self._is_paused = False
        self._threshold: float | None = None
        self._pace = Pace()
        self._is_small = False
        self._is_switching = False
        self._switch_by_s = 0.0
        self._reopened: deque[tuple[float, int, int]] = deque(maxlen=4096)

    @property
    def pid(self) -> int | None:
        """Return the worker's process id, None between two workers."""
        return None if self._process is None else self._process.pid

    @property
    def has_verdict(self) -> bool:
        """Return whether a worker was ever ready, or gave up for good."""
        return self.last_ready is not None or self._is_hopeless()

    def is_hopeless_from_the_start(self) -> bool:
        """Return whether no worker was ever ready and the last one says that none will be."""
        return self.last_ready is None and self._is_hopeless()

    def is_finished(self) -> bool:
        """Return whether the source has played to its end and nothing is in flight."""
        if self.state is WorkerState.FINISHED:
            return True
        beat = self.heartbeat
        return beat is not None and beat.source is SourceState.FINISHED and not (
            beat.counters.in_flight or self.outgoing
        )  # fmt: skip

    def turn(self) -> None:
        """Start what is due, take in what came, notice death and silence."""
        now = self._now()
        if self._process is None:
            if self._start_at_s is not None and now >= self._start_at_s:
                self._start(now)
            return
        for record in self._process.receive(RECORDS_PER_TURN):
            self._take(record, now)
        if self._process.is_over():
            self._bury(now)
        elif (silence := self._silence(now)) is not None and self._said is None:
            logger.error("%s: %s: worker %d is killed", self.name, silence, self._process.pid)
            self._said = Failed(silence, is_permanent=False)
            self._process.kill()

    @property
    def is_paused(self) -> bool:
        """Return whether frames are dropped on request."""
        return self._is_paused

    @property
    def threshold(self) -> float | None:
        """Return the threshold that was set; None: the configuration's or the model's own."""
        return self._threshold

    def pause(self) -> bool:
        """Drop frames from now on; return whether a worker heard it."""
        self._is_paused = True
        return self._send(Pause())

    def resume(self) -> bool:
        """Infer again; return whether a worker heard it."""
        self._is_paused = False
        return self._send(Resume())

    def set_threshold(self, value: float) -> bool:
        """Decide by another threshold; return whether a worker heard it."""
        self._threshold = value
        return self._send(SetThreshold(value))

    def restrain(self, pace: Pace, *, is_small: bool) -> None:
        """Infer no more than `pace`, and with the small model, where there is one, or without."""
        if pace != self._pace:
            self._pace = pace
            self._send(pace)
        if self._plan.small_settings_for is not None and is_small is not self._is_small:
            self._is_small = is_small
            self._switch()

    def _switch(self) -> None:
        """End the worker in good order; the next one loads the other model."""
        if self._process is None:
            return
        self.model_switches += 1
        self._is_switching = True
        self._switch_by_s = self._now() + SWITCH_WITHIN_S
        self._process.send(Stop())

    def write_recording(self, why: str, *, at_once: bool) -> bool:
        """Have the flight recorder's content written; return whether there is one to do so."""
        beat = self.heartbeat
        has_recorder = beat is not None and beat.recordings is not None
        return has_recorder and self._send(WriteRecording(why, at_once))

    def begin_stop(self) -> None:
        """Ask the worker to finish the frame in hand and end."""
        self._start_at_s = None
        self.state = WorkerState.STOPPED
        if self._process is not None:
            self._process.send(Stop())

    def is_over(self) -> bool:
        """Return whether no worker is left and all it said was taken in; for stopping."""
        if self._process is not None:
            for record in self._process.receive(RECORDS_PER_TURN):
                self._take(record, self._now())
            if not self._process.is_over():
                return False
            self._release(0.0)
        return True

    def kill(self) -> None:
        """End the worker now, if there is one."""
        if self._process is not None:
            self._process.kill()

    def source_troubles_1h(self) -> tuple[int, int]:
        """Return how often the source was reopened, and stalled, in the last hour."""
        now = self._now()
        recent = [entry for entry in self._reopened if now - entry[0] < _HOUR_S]
        return sum(entry[1] for entry in recent), sum(entry[2] for entry in recent)

    def _note_loss(self, outgoing: Outgoing, lost: range) -> None:
        if lost and outgoing.message.delivery is Delivery.ALL:
            self.losses.append((outgoing.message.topic, lost))

    def _is_hopeless(self) -> bool:
        return self.failure is not None and self.failure.is_permanent

    def _start(self, now: float) -> None:
        small = self._plan.small_settings_for if self._is_small else None
        settings = (small or self._plan.settings_for)(self.ledger.first_sequences())
        self._process = WorkerProcess(self.name, self._plan.target, settings, self._wake)
        self._start_at_s = None
        self._started_at_s = now
        self._progress = {}
        self._said = None
        logger.info("%s: worker %d started", self.name, self._process.pid)

    def _take(self, record: FromWorker, now: float) -> None:
        match record:
            case Ready():
                self._welcome(record, now)
            case Heartbeat():
                self._note_progress(record, now)
            case Outgoing():
                self._note_loss(record, self.ledger.stamp(record))
                self.outgoing.append(record)
            case SourceChange():
                self.source, self.source_why = record.state, record.why
            case Failed():
                self._said = record
            case _:
                assert_never(record)

    def _welcome(self, ready: Ready, now: float) -> None:
        self.ready = self.last_ready = ready
        self.failure = None
        self.state = WorkerState.RUNNING
        self._backoff.succeeded(now)
        logger.info("%s: %s@%d ready on %s", self.name, ready.model, ready.version, ready.engine)
        if self._is_paused:
            self._send(Pause())
        if self._threshold is not None:
            self._send(SetThreshold(self._threshold))
        if self._pace != Pace():
            self._send(self._pace)

    def _note_progress(self, beat: Heartbeat, now: float) -> None:
        before = self.heartbeat
        self.heartbeat = beat
        self.source = beat.source
        self.ledger.report(beat.counters)
        reconnects = beat.reconnects - (before.reconnects if before else 0)
        stalls = beat.stalls - (before.stalls if before else 0)
        if reconnects > 0 or stalls > 0:
            self._reopened.append((now, reconnects, stalls))
        self._progress["heartbeat"] = (0, now)
        loops = {"capture": beat.capture_progress, "inference": beat.infer_progress}
        for loop, count in loops.items():
            if self._progress.get(loop, (-1, 0.0))[0] != count:
                self._progress[loop] = (count, now)

    def _silence(self, now: float) -> str | None:
        """Return what has stood still for too long."""
        if self._is_switching and now > self._switch_by_s:
            return "did not end to run the other model"
        if self.ready is None:
            waited_s = now - self._started_at_s
            return "not ready in time" if waited_s > self._patience.start_s else None
        for loop, (_, at_s) in self._progress.items():
            is_beat = loop == "heartbeat"
            limit_s = self._patience.heartbeat_s if is_beat else self._patience.progress_s
            if now - at_s > limit_s:
                return f"no {loop}" if is_beat else f"{loop} stands still"
        return None

    def _bury(self, now: float) -> None:
        """Take the dead worker's leave, and plan the next one."""
        code = self._process.exit_code if self._process is not None else None
        self._release(0.0)
        is_switching, self._is_switching = self._is_switching, False
        if is_switching and self._said is None and code == 0:
            self.state, self._start_at_s = WorkerState.STARTING, now
            return
        if self._said is None and code == 0 and self.source is SourceState.FINISHED:
            self.state = WorkerState.FINISHED
            return
        self.failure = self._said or Failed(f"worker ended ({_describe(code)})", is_permanent=False)
        pause_s = self._backoff.failed(now)
        if self.failure.is_permanent:
            pause_s = max(pause_s, self._patience.permanent_retry_s)
        self.state = WorkerState.FAILED if self.failure.is_permanent else WorkerState.RESTARTING
        self.source, self.source_why = SourceState.OFFLINE, self.failure.why
        self.restarts += 1
        self._start_at_s = now + pause_s
        logger.error("%s: %s; next worker in %.1f s", self.name, self.failure.why, pause_s)

    def _release(self, deadline_s: float) -> None:
        if self._process is not None:
            self._process.close(deadline_s)
            self._process = None
        self.ledger.close_worker()
        self.ready = self.heartbeat = None

    def _send(self, record: Pause | Resume | SetThreshold | Pace | WriteRecording) -> bool:
        return self._process is not None and self.ready is not None and self._process.send(record)


def _describe(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"
