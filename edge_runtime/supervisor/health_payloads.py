"""The payloads `edge.health/1`, `edge.info/1`, `edge.alert/1` and `edge.gaps/1`, as structs."""

import msgspec

from edge_runtime.host.readings import HostHealth
from edge_runtime.payloads import ParityPart
from edge_runtime.remote.commands import VERBS

HEALTH_SCHEMA = "edge.health/1"
INFO_SCHEMA = "edge.info/1"
ALERT_SCHEMA = "edge.alert/1"
GAPS_SCHEMA = "edge.gaps/1"
SCHEMAS = (
    *("edge.pred/1", "edge.event/1", "edge.state/1", HEALTH_SCHEMA, INFO_SCHEMA, ALERT_SCHEMA),
    *(GAPS_SCHEMA, "edge.reply/1", "edge.reported/1"),
)


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


class DriftHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How far the last window of frames was from the calibration data; psi 0: the same.

    Attributes:
        outside: Share of the input's values beyond the calibrated range.
        confidence: Mean score of the best class, of classifiers.
        entropy: Mean entropy of the scores, as a share of the greatest possible, likewise.
    """

    frames: int
    seconds: float
    input_psi: float
    output_psi: float
    input_psi_1h: float
    output_psi_1h: float
    outside: float
    confidence: float | None
    entropy: float | None


class ViewHealth(msgspec.Struct, frozen=True):
    """What the last image showed: grey levels, variance of the Laplacian, share of white."""

    brightness: float
    contrast: float
    sharpness: float
    saturated: float


class RecordingsHealth(msgspec.Struct, frozen=True):
    """What the flight recorder has written since the worker started, and the last one's name."""

    written: int
    last: str | None


class PipelineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline: captured = sum(dropped) + inferred + in_flight, over all its workers.

    Attributes:
        worker: State of its process, and in `why` what ended the last one.
        model_switches: Times that the governor had the other model run.
        sequence_gaps: Messages that a dying worker did not get rid of.
        further_models: Of gates and stages, in the order of the configuration.
        parity: Of a microcontroller's inferences.
        drift: Once a window is full, where the bundle says what calibration saw.
        view: Of images.
        recordings: Where there is a flight recorder.
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
    further_models: tuple[ModelHealth, ...] = ()
    parity: ParityPart | None = None
    model_switches: int = 0
    drift: DriftHealth | None = None
    view: ViewHealth | None = None
    recordings: RecordingsHealth | None = None


class GovernorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a hot device gives up.

    Attributes:
        level: Rungs down; 0: nothing is given up.
        rungs: That are in force.
        why: The reading behind the last step.
        steps: Down and up, since the daemon started.
    """

    level: int
    rungs: tuple[str, ...]
    why: str | None
    steps: int


class OutboxHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The books of the outbox: accepted + found = waiting + delivered + dropped.

    Attributes:
        accepted: Messages put in since the daemon started.
        found: Left by the daemon before.
        dropped: Given up since the daemon started, states that a newer one replaced included.
        epoch: Names the outbox's file. Another epoch, or a smaller last_id in the same one, means
            that the storage went back in time: what was accepted in between may be lost.
        last_id: The greatest number ever committed.
    """

    accepted: int
    found: int
    waiting: int
    delivered: int
    dropped: int
    epoch: str
    last_id: int


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
    outbox: OutboxHealth
    puback_ms: Percentiles


class SparkplugHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The edge node's own connection: as MqttHealth; what is queued are events to be told."""

    state: str
    cause: str | None
    why: str | None
    reconnects_1h: int
    queued: int
    dropped_total: int


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
    sparkplug: SparkplugHealth | None = None
    governor: GovernorHealth | None = None


class PipelineInfo(msgspec.Struct, frozen=True):
    """One pipeline in the birth certificate."""

    name: str
    model: ModelHealth | None
    further_models: tuple[ModelHealth, ...] = ()


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


class GapPart(msgspec.Struct, frozen=True):
    """Numbers `first` to `last` of a topic below the root that no one will get."""

    topic: str
    boot: str
    first: int
    last: int
    reason: str


class Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `gaps`."""

    schema: str = GAPS_SCHEMA
    boot: str
    seq: int
    ts: str
    gaps: tuple[GapPart, ...]
