"""Health and birth certificate: what the daemon says of itself (`edge.health/1`, `edge.info/1`)."""

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from edge_runtime._version import __version__
from edge_runtime.commands import VERBS
from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.host import HostHealth
from edge_runtime.ledger import Totals
from edge_runtime.link import Latencies, Ready
from edge_runtime.mqtt.outbox import MAX_PAYLOAD_BYTES, OutboxStatus
from edge_runtime.mqtt.session import SessionStatus
from edge_runtime.supervised import Supervised

HEALTH_SCHEMA = "edge.health/1"
INFO_SCHEMA = "edge.info/1"
ALERT_SCHEMA = "edge.alert/1"
SCHEMAS = ("edge.pred/1", "edge.event/1", HEALTH_SCHEMA, INFO_SCHEMA, ALERT_SCHEMA, "edge.reply/1")
_ENGINES = ("onnxruntime", "ai-edge-litert", "tflite-runtime")


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds over the last reporting interval."""

    p50: float | None
    p95: float | None
    p99: float | None


class ModelHealth(msgspec.Struct, frozen=True):
    """The model that a pipeline runs."""

    name: str
    version: int
    digest: str
    engine: str
    self_test_lsb: int


class SourceHealth(msgspec.Struct, frozen=True):
    """A pipeline's source."""

    state: str
    why: str
    reconnects_1h: int
    stalls_1h: int


class PipelineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline: captured = sum(dropped) + inferred + in_flight, over all its workers.

    Attributes:
        worker: State of its process, and in `why` what ended the last one.
        sequence_gaps: Messages that a dying worker did not get rid of.
    """

    name: str
    worker: str
    why: str | None
    restarts: int
    fps_in: float
    fps_infer: float
    captured: int
    inferred: int
    in_flight: int
    dropped: dict[str, int]
    sequence_gaps: int
    age_ms: Percentiles | None
    infer_ms: Percentiles | None
    source: SourceHealth
    model: ModelHealth | None


class MqttHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The broker and what waits for it.

    Attributes:
        dropped: Since the outbox was made, by "reason/class"; replaced states are not losses.
    """

    state: str
    cause: str | None
    why: str | None
    protocol: str
    reconnects_1h: int
    takeovers: int
    queued: int
    queued_bytes: int
    oldest_queued_s: float
    dropped_total: int
    dropped: dict[str, int]
    live_dropped: dict[str, int]
    storage: str
    puback_ms: Percentiles


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `health`."""

    schema: str = HEALTH_SCHEMA
    boot: str
    seq: int
    ts: str
    uptime_s: float
    status: str
    reasons: tuple[str, ...]
    pipelines: tuple[PipelineHealth, ...]
    host: HostHealth
    mqtt: MqttHealth


class PipelineInfo(msgspec.Struct, frozen=True):
    """One pipeline in the birth certificate."""

    name: str
    model: ModelHealth | None


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `info`, the birth certificate."""

    schema: str = INFO_SCHEMA
    boot: str
    seq: int
    site: str
    device: str
    started_at: str
    versions: dict[str, str]
    pipelines: tuple[PipelineInfo, ...]
    schemas: tuple[str, ...] = SCHEMAS
    commands: tuple[str, ...] = tuple(sorted(VERBS))
    limits: dict[str, float]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `alert`; `is_over` tells the end of what an earlier one told the start of."""

    schema: str = ALERT_SCHEMA
    boot: str
    seq: int
    ts: str
    kind: str
    pipeline: str | None
    text: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every payload of ours carries."""

    boot: str
    sequence: int
    written_at: str


@dataclass(frozen=True, slots=True)
class _Seen:
    captured: int
    inferred: int
    monotonic_s: float


class Rates:
    """Frames a second of each pipeline, between one health message and the next."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def of(self, name: str, totals: Totals, now_s: float) -> tuple[float, float]:
        """Return frames captured and inferred a second since this was last asked."""
        before = self._seen.get(name)
        self._seen[name] = _Seen(totals.captured, totals.inferred, now_s)
        if before is None or now_s <= before.monotonic_s:
            return 0.0, 0.0
        interval_s = now_s - before.monotonic_s
        captured = (totals.captured - before.captured) / interval_s
        return round(captured, 2), round((totals.inferred - before.inferred) / interval_s, 2)


def pipeline_health(pipeline: Supervised, rates: Rates, now_s: float) -> PipelineHealth:
    """Return the numbers of one pipeline."""
    totals = pipeline.ledger.totals()
    beat = pipeline.heartbeat
    captured_fps, inferred_fps = rates.of(pipeline.name, totals, now_s)
    source = SourceHealth(
        pipeline.source.value, pipeline.source_why, *pipeline.source_troubles_1h()
    )
    return PipelineHealth(
        name=pipeline.name,
        worker=pipeline.state.value,
        why=None if pipeline.failure is None else pipeline.failure.why,
        restarts=pipeline.restarts,
        fps_in=captured_fps,
        fps_infer=inferred_fps,
        captured=totals.captured,
        inferred=totals.inferred,
        in_flight=totals.in_flight,
        dropped=dict(sorted(totals.dropped.items())),
        sequence_gaps=totals.gaps,
        age_ms=_percentiles(None if beat is None else beat.age),
        infer_ms=_percentiles(None if beat is None else beat.infer),
        source=source,
        model=model_health(pipeline.last_ready),
    )


def mqtt_health(session: SessionStatus, outbox: OutboxStatus) -> MqttHealth:
    """Return the numbers of session and outbox."""
    dropped = {
        f"{reason}/{delivery.value}": count
        for (reason, delivery), count in sorted(outbox.dropped.items())
        if reason != "replaced"
    }
    return MqttHealth(
        state=session.state.value,
        cause=None if session.trouble is None else session.trouble.cause.value,
        why=None if session.trouble is None else session.trouble.text,
        protocol=session.protocol,
        reconnects_1h=session.reconnects_1h,
        takeovers=session.takeovers,
        queued=outbox.waiting,
        queued_bytes=outbox.bytes,
        oldest_queued_s=round(outbox.oldest_s, 1),
        dropped_total=sum(dropped.values()),
        dropped=dropped,
        live_dropped=dict(sorted(session.live_dropped.items())),
        storage=outbox.storage.value,
        puback_ms=Percentiles(session.puback_p50_ms, None, session.puback_p99_ms),
    )


def make_health(
    stamp: Stamp, uptime_s: float, why: tuple[str, ...], pipelines: tuple[PipelineHealth, ...],
    *, host: HostHealth, mqtt: MqttHealth,
) -> Health:  # fmt: skip
    """Return the payload of `health`."""
    return Health(
        boot=stamp.boot,
        seq=stamp.sequence,
        ts=stamp.written_at,
        uptime_s=round(uptime_s, 1),
        status="degraded" if why else "online",
        reasons=why,
        pipelines=pipelines,
        host=host,
        mqtt=mqtt,
    )


def make_info(
    stamp: Stamp, site: str, device: str, started_at: str, pipelines: Sequence[Supervised]
) -> Info:
    """Return the payload of `info`."""
    return Info(
        boot=stamp.boot,
        seq=stamp.sequence,
        site=site,
        device=device,
        started_at=started_at,
        versions=versions(),
        pipelines=tuple(PipelineInfo(p.name, model_health(p.last_ready)) for p in pipelines),
        limits={"payload_bytes": MAX_PAYLOAD_BYTES},
    )


def model_health(ready: Ready | None) -> ModelHealth | None:
    """Return what a worker said of its model."""
    if ready is None:
        return None
    return ModelHealth(
        ready.model, ready.version, f"sha256:{ready.digest}", ready.engine, ready.self_test_lsb
    )


def versions() -> dict[str, str]:
    """Return the versions that decide what a prediction is."""
    found = {"edge-runtime": __version__, "python": platform.python_version()}
    for name in _ENGINES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


class PayloadError(EdgeRuntimeError, ValueError):
    """A payload that is not what its schema says."""


def decode_health(payload: bytes) -> Health:
    """Return the health that a payload holds; for subscribers and tests.

    Raises:
        PayloadError: Not `edge.health/1`.
    """
    try:
        health = msgspec.json.decode(payload, type=Health)
    except msgspec.DecodeError as error:
        raise PayloadError(f"health: {error}") from error
    if health.schema != HEALTH_SCHEMA:
        raise PayloadError(f"health: schema {health.schema!r}, allowed is {HEALTH_SCHEMA!r}")
    return health


def _percentiles(latencies: Latencies | None) -> Percentiles | None:
    if latencies is None:
        return None
    values = (latencies.p50_ms, latencies.p95_ms, latencies.p99_ms)
    return Percentiles(*(round(value, 3) for value in values))
