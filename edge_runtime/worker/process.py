"""One process per pipeline: holds the source and the model, sends messages to the supervisor."""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn, assert_never

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.link import (
    Failed,
    FromWorker,
    Heartbeat,
    Pace,
    Pause,
    Recordings,
    Resume,
    SetThreshold,
    Stop,
    ToWorker,
    WriteRecording,
)
from edge_runtime.worker.accounts import Drop
from edge_runtime.worker.control import TICK_S, Control
from edge_runtime.worker.models import open_models
from edge_runtime.worker.parts import WorkerParts, assemble
from edge_runtime.worker.pipe_end import ParentGoneError, WorkerLink
from edge_runtime.worker.settings import WorkerSettings

logger = logging.getLogger(__name__)

JOIN_S = 1.5  # for the frame in hand; a loop that hangs is left behind
OOM_SCORE = "500"  # the kernel takes a worker before the supervisor


def run_worker(settings: WorkerSettings, connection: "Connection[FromWorker, ToWorker]") -> None:
    """Run until Stop, the parent's death or a failure; the target of a spawned process.

    Sends one Ready or one Failed first, then Heartbeat, Outgoing and SourceChange as they come.
    Ends the process with exit code 0 after Stop (or SIGTERM), 1 after Failed.
    """
    link = WorkerLink(connection)
    stopping = threading.Event()
    _prepare_process(stopping)
    code = _guard(settings, link, stopping)
    with contextlib.suppress(OSError):
        connection.close()
    _leave(code)


def _prepare_process(stopping: threading.Event) -> None:
    """Take no signal that is meant for the supervisor; SIGTERM means Stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    logging.basicConfig(format="%(levelname)s %(processName)s %(name)s: %(message)s")
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


def _guard(settings: WorkerSettings, link: WorkerLink, stopping: threading.Event) -> int:
    """Work, and return the exit code whatever happens."""
    name = settings.pipeline.name
    try:
        failure = _work(settings, link, stopping)
        return 0 if failure is None else _report(link, failure, is_permanent=False)
    except ParentGoneError:
        return 0
    except EdgeRuntimeError as error:
        return _report(link, str(error), is_permanent=True)
    except Exception as error:  # the process's edge
        logger.exception("pipeline %s: a bug ends the worker", name)
        return _report(link, f"{type(error).__name__}: {error}", is_permanent=False)


def _work(settings: WorkerSettings, link: WorkerLink, stopping: threading.Event) -> str | None:
    """Return why the worker had to end, None for a wish."""
    models = open_models(settings)
    parts = assemble(settings, models, link, stopping)
    link.send(models.ready)
    name = settings.pipeline.name
    threads = [
        _start(f"{name}-capture", parts.capture.run, parts.control),
        _start(f"{name}-inference", parts.inference.run, parts.control),
    ]
    _serve(parts, link, settings.heartbeat_s)
    for thread in threads:
        thread.join(JOIN_S)
    for _ in parts.slot.take(0.0):
        parts.accounts.dropped(Drop.STOPPED)
    if parts.recordings is not None:
        parts.recordings.finish(parts.control.failure, JOIN_S)
    link.send(_heartbeat(parts))
    return parts.control.failure


def _start(name: str, run: Callable[[], None], control: Control) -> threading.Thread:
    """Start a loop; what it raises ends the worker, with its traceback in the log."""

    def guarded() -> None:
        try:
            run()
        except ParentGoneError:
            control.stopping.set()
        except Exception as error:  # the task's edge
            logger.exception("%s: a bug ends the worker", name)
            control.fail(f"{name}: {type(error).__name__}: {error}")

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread


def _serve(parts: WorkerParts, link: WorkerLink, heartbeat_s: float) -> None:
    """Obey commands and send heartbeats until the worker stops."""
    clock = parts.time.monotonic_s
    due_s = clock()
    while not parts.control.stopping.is_set():
        if clock() >= due_s:
            parts.monitor.look()
            link.send(_heartbeat(parts))
            due_s = clock() + heartbeat_s
        command = link.receive(min(TICK_S, max(0.0, due_s - clock())))
        if command is not None:
            _obey(command, parts)
        if parts.recordings is not None:
            parts.recordings.turn()


def _obey(command: ToWorker, parts: WorkerParts) -> None:
    match command:
        case Pause():
            parts.control.paused.set()
            parts.monitor.pause(True)
        case Resume():
            parts.control.paused.clear()
            parts.monitor.pause(False)
        case SetThreshold(value):
            parts.control.threshold = value
        case Pace():
            parts.control.pacer.pace = command
        case WriteRecording(why, at_once):
            if parts.recordings is not None:
                parts.recordings.ask(why, at_once=at_once)
        case Stop():
            parts.control.stopping.set()
        case _:
            assert_never(command)


def _heartbeat(parts: WorkerParts) -> Heartbeat:
    age, infer = parts.accounts.take_latencies()
    recordings = parts.recordings
    return Heartbeat(
        monotonic_s=parts.time.monotonic_s(),
        capture_progress=parts.control.capture_progress,
        infer_progress=parts.control.infer_progress,
        counters=parts.accounts.counters(),
        age=age,
        infer=infer,
        source=parts.monitor.state,
        reconnects=parts.monitor.reconnects,
        stalls=parts.monitor.stalls,
        parity=parts.parity(),
        drift=parts.watch.drift,
        sight=parts.watch.sight,
        troubles=parts.watch.troubles,
        recordings=None if recordings is None else Recordings(recordings.written, recordings.last),
    )


def _report(link: WorkerLink, why: str, *, is_permanent: bool) -> int:
    with contextlib.suppress(ParentGoneError):
        link.send(Failed(why, is_permanent))
    return 1


def _leave(code: int) -> NoReturn:
    """End the process; where a loop hangs in native code, without its destructors."""
    if threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
