"""Health and birth certificate: what the daemon says of itself (`edge.health/1`, `edge.info/1`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.host.readings import HostHealth
from edge_runtime.host.versions import versions
from edge_runtime.link import Heartbeat, Latencies, Ready
from edge_runtime.mqtt.outbox.outbox import MAX_PAYLOAD_BYTES
from edge_runtime.mqtt.outbox.status import OutboxStatus
from edge_runtime.mqtt.session import SessionStatus
from edge_runtime.payloads import parity_part
from edge_runtime.supervisor.health_payloads import (
    HEALTH_SCHEMA,
    DriftHealth,
    GovernorHealth,
    Health,
    Info,
    ModelHealth,
    MqttHealth,
    OutboxHealth,
    Percentiles,
    PipelineHealth,
    PipelineInfo,
    RecordingsHealth,
    SourceHealth,
    SparkplugHealth,
    ViewHealth,
)
from edge_runtime.supervisor.host_watch import HostWatch
from edge_runtime.supervisor.ledger import Totals
from edge_runtime.supervisor.supervised import Supervised


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every payload of ours carries."""

    boot: str
    sequence: int
    written_at: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a health message tells besides what is wrong."""

    pipelines: tuple[PipelineHealth, ...]
    host: HostHealth
    mqtt: MqttHealth
    governor: GovernorHealth | None
    sparkplug: SparkplugHealth | None = None


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
        model_switches=pipeline.model_switches,
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
        further_models=_further(pipeline.last_ready),
        parity=parity_part(None if beat is None else beat.parity),
        **({} if beat is None else _watched(beat)),
    )


def _watched(beat: Heartbeat) -> dict[str, Any]:
    """Return what the worker watches besides its frames: the structs of link, field by field."""
    kinds = {
        "drift": (beat.drift, DriftHealth),
        "view": (beat.sight, ViewHealth),
        "recordings": (beat.recordings, RecordingsHealth),
    }
    return {
        name: None if told is None else msgspec.convert(told, kind, from_attributes=True)
        for name, (told, kind) in kinds.items()
    }


def mqtt_health(session: SessionStatus, outbox: OutboxStatus) -> MqttHealth:
    """Return the numbers of session and outbox."""
    dropped = _losses(outbox)
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
        outbox=OutboxHealth(
            accepted=outbox.accepted,
            found=outbox.found,
            waiting=outbox.waiting,
            delivered=outbox.delivered,
            dropped=outbox.dropped_here.total(),
            epoch=outbox.epoch,
            last_id=outbox.last_id,
        ),
        puback_ms=Percentiles(session.puback_p50_ms, None, session.puback_p99_ms),
    )


def sparkplug_health(session: SessionStatus, outbox: OutboxStatus) -> SparkplugHealth:
    """Return the numbers of the session that speaks Sparkplug, and of its outbox."""
    return SparkplugHealth(
        state=session.state.value,
        cause=None if session.trouble is None else session.trouble.cause.value,
        why=None if session.trouble is None else session.trouble.text,
        reconnects_1h=session.reconnects_1h,
        queued=outbox.waiting,
        dropped_total=sum(_losses(outbox).values()),
    )


def _losses(outbox: OutboxStatus) -> dict[str, int]:
    """Return how many messages were given up, by "reason/class"; replaced states are no loss."""
    return {
        f"{reason}/{delivery.value}": count
        for (reason, delivery), count in sorted(outbox.dropped.items())
        if reason != "replaced"
    }


def governor_health(watch: HostWatch) -> GovernorHealth | None:
    """Return what is given up, None without a governor."""
    restraint = watch.restraint
    if restraint is None:
        return None
    return GovernorHealth(
        level=restraint.level, rungs=restraint.rungs, why=restraint.why, steps=watch.steps
    )


def make_health(stamp: Stamp, uptime_s: float, why: tuple[str, ...], numbers: Numbers) -> Health:
    """Return the payload of `health`."""
    return Health(
        boot=stamp.boot,
        seq=stamp.sequence,
        ts=stamp.written_at,
        uptime_s=round(uptime_s, 1),
        status="degraded" if why else "online",
        reasons=why,
        pipelines=numbers.pipelines,
        host=numbers.host,
        mqtt=numbers.mqtt,
        sparkplug=numbers.sparkplug,
        governor=numbers.governor,
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
        pipelines=tuple(
            PipelineInfo(p.name, model_health(p.last_ready), _further(p.last_ready))
            for p in pipelines
        ),
        limits={"payload_bytes": MAX_PAYLOAD_BYTES},
    )


def model_health(ready: Ready | None) -> ModelHealth | None:
    """Return what a worker said of its model."""
    if ready is None:
        return None
    return ModelHealth(
        ready.model, ready.version, f"sha256:{ready.digest}", ready.engine, ready.self_test_lsb
    )


def _further(ready: Ready | None) -> tuple[ModelHealth, ...]:
    further = () if ready is None else ready.further
    return tuple(model for each in further if (model := model_health(each)) is not None)


class PayloadError(EdgeRuntimeError, ValueError):
    """A payload that is not what its schema says."""


def decode_health(payload: bytes) -> Health:
    """Return the health that a payload holds; for subscribers and tests.

    Raises:
        PayloadError: Not `edge.health/1`.
    """
    try:
        health = msgspec.json.decode(payload, type=Health)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"health: {error}") from error
    if health.schema != HEALTH_SCHEMA:
        raise PayloadError(f"health: schema {health.schema!r}, allowed is {HEALTH_SCHEMA!r}")
    return health


def _percentiles(latencies: Latencies | None) -> Percentiles | None:
    if latencies is None:
        return None
    values = (latencies.p50_ms, latencies.p95_ms, latencies.p99_ms)
    return Percentiles(*(round(value, 3) for value in values))
