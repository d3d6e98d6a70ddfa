"""Puts a worker together: bundle, engine, source and the two loops; picks, decides nothing else."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.config.structs import PipelineConfig
from edge_runtime.host.clock import ClockWatch
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Parity
from edge_runtime.mqtt.backoff import Backoff, BackoffSettings
from edge_runtime.recorder.recorder import FlightRecorder, NoRecorder, RecorderParts
from edge_runtime.recorder.tape import Outside, Tape
from edge_runtime.sources.selection import make_source, source_name
from edge_runtime.watch.drift import DriftWatch
from edge_runtime.watch.monitor import Monitor
from edge_runtime.watch.view import ViewWatch
from edge_runtime.worker.accounts import Accounts
from edge_runtime.worker.capture import Capture, CaptureParts
from edge_runtime.worker.control import Control
from edge_runtime.worker.inference import Inference, InferenceParts
from edge_runtime.worker.models import Models
from edge_runtime.worker.pipe_end import WorkerLink
from edge_runtime.worker.publisher import Edges
from edge_runtime.worker.recordings import Recordings, RecordingsParts
from edge_runtime.worker.settings import WorkerSettings
from edge_runtime.worker.slot import FrameSlot
from edge_runtime.worker.source_monitor import SourceMonitor, stall_limit_s
from edge_runtime.worker.thinking import Thinking, audited, make_thinking

logger = logging.getLogger(__name__)

STABLE_S = 30.0


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """Everything that a running worker holds."""

    capture: Capture
    inference: Inference
    slot: FrameSlot
    accounts: Accounts
    monitor: SourceMonitor
    control: Control
    time: TimeSource
    parity: Callable[[], Parity | None]
    watch: Monitor
    recordings: Recordings | None


def assemble(
    settings: WorkerSettings, models: Models, link: WorkerLink, stopping: threading.Event
) -> WorkerParts:
    """Return the worker's parts, nothing started.

    Raises:
        ConfigError: The source cannot deliver what the model takes, or a model cannot do what
            the pipeline asks for.
    """
    source = make_source(settings.pipeline.source, models.own.model.manifest)
    models, parity = audited(models, settings.pipeline)
    clock, tape = TimeSource(), Tape()
    outside = Outside(Edges(time=clock, clock_state=ClockWatch().read, parity=parity))
    if settings.pipeline.recorder is not None:
        outside = tape.listen(outside)
    watch = _monitor(settings.pipeline, models)
    thinking = make_thinking(settings, models, outside, watch.see)
    recorder = _recorder(settings, tape, thinking, clock)
    control = Control(models.own.threshold, stopping)
    stall_s = stall_limit_s(settings.pipeline.source.stall_after_s, source.rate_hz)
    monitor = SourceMonitor(link.send, time.monotonic, stall_s)
    slot, accounts = FrameSlot(_at_once(settings.pipeline, models)), Accounts()
    capture = CaptureParts(
        name=source_name(settings.pipeline.source),
        source=source,
        slot=slot,
        accounts=accounts,
        monitor=monitor,
        control=control,
        backoff=_backoff(settings.pipeline),
        time=clock,
    )
    inference = InferenceParts(
        chain=thinking.chain,
        publisher=thinking.publisher,
        slot=slot,
        accounts=accounts,
        control=control,
        send=link.send,
        max_age_ms=settings.pipeline.max_age_ms,
        drops_when_paused=not source.is_lossless,
        time=outside.edges.time,
        watch=watch,
        recorder=recorder or NoRecorder(),
    )
    return WorkerParts(
        capture=Capture(capture),
        inference=Inference(inference),
        slot=slot,
        accounts=accounts,
        monitor=monitor,
        control=control,
        time=clock,
        parity=parity,
        watch=watch,
        recordings=_recordings(recorder, settings, models, clock),
    )


def _at_once(config: PipelineConfig, models: Models) -> int:
    """Return how many frames share a call; where that is less than is wanted, say so."""
    model = models.own.model
    if model.at_once < config.batch:
        logger.warning(
            "%s: batch = %d, the model on engine %s takes %d at a time",
            config.name, config.batch, model.engine.name, model.at_once,
        )  # fmt: skip
    return model.at_once


def _recordings(
    recorder: FlightRecorder | None, settings: WorkerSettings, models: Models, clock: TimeSource
) -> Recordings | None:
    if recorder is None:
        return None
    return Recordings(RecordingsParts(recorder, settings, models.ready, clock))


def _monitor(config: PipelineConfig, models: Models) -> Monitor:
    own = models.own
    drift = None if own.known is None else DriftWatch(config.drift, own.model.manifest, own.known)
    return Monitor(ViewWatch(config.view) if own.model.takes_images else None, drift)


def _recorder(
    settings: WorkerSettings, tape: Tape, thinking: Thinking, clock: TimeSource
) -> FlightRecorder | None:
    config = settings.pipeline.recorder
    if config is None:
        return None
    return FlightRecorder(RecorderParts(config, tape, thinking.memory, clock.monotonic_s))


def _backoff(config: PipelineConfig) -> Backoff:
    limits = BackoffSettings(max_s=max(1.0, config.source.retry_max_s), stable_s=STABLE_S)
    return Backoff(limits, random.Random())  # noqa: S311 (spreads retries, guards nothing)
