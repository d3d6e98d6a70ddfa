"""Puts a worker together: bundle, engine, source and the two loops; picks, decides nothing else."""

import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.accounts import Accounts
from edge_runtime.capture import Capture, CaptureParts
from edge_runtime.clock import ClockWatch
from edge_runtime.config import PipelineConfig
from edge_runtime.control import Control
from edge_runtime.decoders.decode import first_threshold
from edge_runtime.engines.protocol import Engine
from edge_runtime.engines.selection import choose_engine, default_threads, load_engine
from edge_runtime.inference import Inference, InferenceParts
from edge_runtime.link import Ready
from edge_runtime.manifest import Manifest, RegressionDecoder, file_of, load_bundle
from edge_runtime.mqtt.backoff import Backoff, BackoffSettings
from edge_runtime.payloads import ModelPart
from edge_runtime.pipeline import Stages, check_pipeline
from edge_runtime.publisher import Edges, Origin, Publisher
from edge_runtime.self_test import run_self_test
from edge_runtime.slot import FrameSlot
from edge_runtime.source_monitor import SourceMonitor, stall_limit_s
from edge_runtime.sources.selection import make_source, source_name
from edge_runtime.time_source import TimeSource
from edge_runtime.worker_link import WorkerLink
from edge_runtime.worker_settings import WorkerSettings

DIGEST_DIGITS = 16
STABLE_S = 30.0


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle whose model passed its self-test on the engine that will run it."""

    manifest: Manifest
    engine: Engine
    ready: Ready


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


def open_model(config: PipelineConfig, bundle: Path) -> Model:
    """Return the pipeline's model, loaded and tested.

    Raises:
        BundleError: Incomplete, changed, not for this daemon, or it fails its self-test.
        EngineError: No engine for it, or the engine refuses it.
    """
    manifest = load_bundle(bundle)
    check_pipeline(manifest)
    name = choose_engine(config.engine, manifest)
    threads = config.threads or default_threads()
    engine = load_engine(name, manifest, bundle, threads=threads)
    differs_by = run_self_test(engine, manifest, bundle)
    file = file_of(manifest, name)
    digest = file.sha256 if file is not None else ""
    return Model(manifest, engine, Ready(manifest.name, manifest.version, digest, name, differs_by))


def assemble(
    settings: WorkerSettings, model: Model, link: WorkerLink, stopping: threading.Event
) -> WorkerParts:
    """Return the worker's parts, nothing started.

    Raises:
        ConfigError: The source cannot deliver what the model takes.
    """
    source = make_source(settings.pipeline.source, model.manifest)
    clock = TimeSource()
    control = Control(first_threshold(settings.pipeline.threshold, model.manifest), stopping)
    stall_s = stall_limit_s(settings.pipeline.source.stall_after_s, source.rate_hz)
    monitor = SourceMonitor(link.send, time.monotonic, stall_s)
    slot, accounts = FrameSlot(), Accounts()
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
        stages=Stages(model.manifest, model.engine),
        publisher=_publisher(settings, model, clock),
        slot=slot,
        accounts=accounts,
        control=control,
        send=link.send,
        max_age_ms=settings.pipeline.max_age_ms,
        drops_when_paused=not source.is_lossless,
        time=clock,
    )
    return WorkerParts(
        Capture(capture), Inference(inference), slot, accounts, monitor, control, clock
    )


def _publisher(settings: WorkerSettings, model: Model, clock: TimeSource) -> Publisher:
    manifest, decoder = model.manifest, model.manifest.decoder
    origin = Origin(
        pipeline=settings.pipeline.name,
        boot=settings.boot,
        model=ModelPart(
            name=manifest.name,
            version=manifest.version,
            digest=f"sha256:{model.ready.digest[:DIGEST_DIGITS]}",
            backend=model.engine.backend,
        ),
        unit=decoder.unit if isinstance(decoder, RegressionDecoder) else "",
    )
    edges = Edges(time=clock, clock_state=ClockWatch().read)
    return Publisher(settings.pipeline.publish, origin, settings.first_sequences, edges)


def _backoff(config: PipelineConfig) -> Backoff:
    limits = BackoffSettings(max_s=max(1.0, config.source.retry_max_s), stable_s=STABLE_S)
    return Backoff(limits, random.Random())  # noqa: S311 (spreads retries, guards nothing)
