"""What of our own messages becomes which metric; pure.

Sparkplug hears what every subscriber hears: a native message in, changes of metrics out.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec

from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    ClassificationDecoder,
    RegressionDecoder,
    SegmentationDecoder,
)
from edge_runtime.models.described import Described
from edge_runtime.records import Message
from edge_runtime.sparkplug.payload import DataType, MetricValue

Types: TypeAlias = Mapping[str, DataType]
Values: TypeAlias = dict[str, MetricValue | None]

_TEXT, _WHOLE, _REAL, _FLAG = DataType.STRING, DataType.INT64, DataType.DOUBLE, DataType.BOOLEAN

NODE_METRICS: Types = {
    "Properties/Software": _TEXT,
    "Properties/Site": _TEXT,
    "Properties/Boot": _TEXT,
    "Health/Status": _TEXT,
    "Health/Reasons": _TEXT,
    "Health/Clock": _TEXT,
    "Host/CPU percent": _REAL,
    "Host/Load": _REAL,
    "Host/Memory MB": _REAL,
    "Host/Memory available MB": _REAL,
    "Host/Disk free MB": _REAL,
    "Host/Temperature": _REAL,
    "Outbox/Waiting": _WHOLE,
    "Outbox/Dropped": _WHOLE,
}
_OF_ALL: Types = {
    "Source": _TEXT,
    "Model/Name": _TEXT,
    "Model/Version": _WHOLE,
    "Model/Digest": _TEXT,
    "Model/Engine": _TEXT,
    "Health/Worker": _TEXT,
    "Health/Restarts": _WHOLE,
    "Health/Frames per second": _REAL,
    "Health/Inferences per second": _REAL,
    "Health/Inference ms": _REAL,
    "Health/Age ms": _REAL,
    "Health/Dropped": _WHOLE,
}
_OF_EVENTS: Types = {
    "State": _TEXT,
    "Event/Change": _TEXT,
    "Event/What": _TEXT,
    "Event/Track": _WHOLE,
    "Event/Seconds": _REAL,
}
_WHOLES = {"detection": "Count/", "keypoints": "Count/", "segmentation": "Share/"}


@dataclass(frozen=True, slots=True)
class Update:
    """What a message says.

    Attributes:
        device: The pipeline; None: the node itself.
        at_ms: When it was so, UTC, milliseconds since the epoch.
        whole: Metrics that begin so and are not among the values are 0: what is not there is not
            counted in our messages.
    """

    device: str | None
    values: Values
    at_ms: int
    whole: str | None = None


def device_metrics(pipeline: Described) -> Types:
    """Return every metric that a pipeline will ever report, by what its model decodes to."""
    events = _OF_EVENTS if pipeline.has_state else {}
    return {**_OF_ALL, **events, **_outcome(pipeline)}


def updates_of(message: Message, now_ms: int) -> tuple[Update, ...]:
    """Return what a message of ours says; one that is no matter of Sparkplug's says nothing."""
    match message.topic.split("/"):
        case ["health"]:
            return _of_health(msgspec.json.decode(message.payload, type=_Health))
        case ["info"]:
            return _of_info(msgspec.json.decode(message.payload, type=_Info), now_ms)
        case ["p", name, "source"]:
            return (Update(name, {"Source": message.payload.decode()}, now_ms),)
        case ["p", name, "pred" | "state" | "event"]:
            said = msgspec.json.decode(message.payload, type=_Said)
            whole = _WHOLES.get(said.kind)
            return (Update(name, _of_prediction(said), _milliseconds(said.ts), whole),)
        case _:
            return ()


class _Result(msgspec.Struct, frozen=True):
    label: str | None = None
    score: float | None = None
    name: str | None = None
    value: float | None = None
    threshold: float | None = None
    flag: bool | None = None
    share: float = 0.0


class _Said(msgspec.Struct, frozen=True):
    """What is read of `pred`, `state` and `event`."""

    ts: str
    kind: str
    results: tuple[_Result, ...]
    state: str | None = None
    counts: dict[str, int] | None = None
    change: str | None = None
    what: str | None = None
    track: int | None = None
    duration_s: float | None = None


class _Model(msgspec.Struct, frozen=True):
    name: str
    version: int
    digest: str
    engine: str


class _Median(msgspec.Struct, frozen=True):
    p50: float | None


class _Pipeline(msgspec.Struct, frozen=True):
    name: str
    worker: str
    restarts: int
    fps_in: float
    fps_infer: float
    dropped: dict[str, int]
    age_ms: _Median | None
    infer_ms: _Median | None


class _Host(msgspec.Struct, frozen=True):
    cpu_pct: float | None
    load: float | None
    rss_mb: float | None
    mem_avail_mb: float | None
    disk_free_mb: float | None
    temp_c: dict[str, float]
    clock: str


class _Mqtt(msgspec.Struct, frozen=True):
    queued: int
    dropped_total: int


class _Health(msgspec.Struct, frozen=True):
    ts: str
    status: str
    reasons: tuple[str, ...]
    pipelines: tuple[_Pipeline, ...]
    host: _Host
    mqtt: _Mqtt


class _Described(msgspec.Struct, frozen=True):
    name: str
    model: _Model | None


class _Info(msgspec.Struct, frozen=True):
    boot: str
    site: str
    versions: dict[str, str]
    pipelines: tuple[_Described, ...]


def _outcome(pipeline: Described) -> Types:
    match pipeline.decoder:
        case ClassificationDecoder():
            return {"Class": _TEXT, "Score": _REAL}
        case AnomalyDecoder():
            return {"Anomaly/Flag": _FLAG, "Anomaly/Score": _REAL, "Anomaly/Threshold": _REAL}
        case RegressionDecoder(names=names):
            return {f"Value/{name}": _REAL for name in names}
        case SegmentationDecoder():
            return {f"Share/{label}": _REAL for label in pipeline.labels}
        case None:
            return {}
        case _:
            return {"Objects": _WHOLE, **{f"Count/{label}": _WHOLE for label in pipeline.labels}}


def _of_prediction(said: _Said) -> Values:
    values = _of_results(said)
    if said.state is not None:
        values["State"] = said.state
    if said.change is not None:
        values["Event/Change"] = said.change
        values["Event/What"] = said.what
        values["Event/Track"] = said.track
        values["Event/Seconds"] = said.duration_s
    return values


def _of_results(said: _Said) -> Values:
    match said.kind:
        case "classification":
            best = said.results[0] if said.results else _Result()
            return {"Class": best.label, "Score": best.score}
        case "anomaly":
            one = said.results[0] if said.results else _Result()
            return {
                "Anomaly/Flag": one.flag,
                "Anomaly/Score": one.score,
                "Anomaly/Threshold": one.threshold,
            }
        case "regression":
            return {f"Value/{result.name}": result.value for result in said.results}
        case "segmentation":
            return {f"Share/{result.label}": result.share for result in said.results}
        case _:
            labels = Counter(result.label for result in said.results if result.label is not None)
            counts = labels if said.counts is None else said.counts
            return {
                "Objects": sum(counts.values()),
                **{f"Count/{label}": count for label, count in counts.items()},
            }


def _of_health(health: _Health) -> tuple[Update, ...]:
    host, at_ms = health.host, _milliseconds(health.ts)
    node: Values = {
        "Health/Status": health.status,
        "Health/Reasons": "; ".join(health.reasons),
        "Health/Clock": host.clock,
        "Host/CPU percent": host.cpu_pct,
        "Host/Load": host.load,
        "Host/Memory MB": host.rss_mb,
        "Host/Memory available MB": host.mem_avail_mb,
        "Host/Disk free MB": host.disk_free_mb,
        "Host/Temperature": max(host.temp_c.values(), default=None),
        "Outbox/Waiting": health.mqtt.queued,
        "Outbox/Dropped": health.mqtt.dropped_total,
    }
    devices = (Update(each.name, _of_pipeline(each), at_ms) for each in health.pipelines)
    return (Update(None, node, at_ms), *devices)


def _of_pipeline(pipeline: _Pipeline) -> Values:
    return {
        "Health/Worker": pipeline.worker,
        "Health/Restarts": pipeline.restarts,
        "Health/Frames per second": pipeline.fps_in,
        "Health/Inferences per second": pipeline.fps_infer,
        "Health/Inference ms": None if pipeline.infer_ms is None else pipeline.infer_ms.p50,
        "Health/Age ms": None if pipeline.age_ms is None else pipeline.age_ms.p50,
        "Health/Dropped": sum(pipeline.dropped.values()),
    }


def _of_info(info: _Info, now_ms: int) -> tuple[Update, ...]:
    node: Values = {
        "Properties/Software": info.versions.get("edge-runtime"),
        "Properties/Site": info.site,
        "Properties/Boot": info.boot,
    }
    models = ((each.name, each.model) for each in info.pipelines)
    devices = (
        Update(name, _of_model(model), now_ms) for name, model in models if model is not None
    )
    return (Update(None, node, now_ms), *devices)


def _of_model(model: _Model) -> Values:
    return {
        "Model/Name": model.name,
        "Model/Version": model.version,
        "Model/Digest": model.digest,
        "Model/Engine": model.engine,
    }


def _milliseconds(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
