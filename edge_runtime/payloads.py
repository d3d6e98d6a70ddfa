"""Predictions as subscribers read them: schemas edge.pred/1, edge.event/1 and edge.state/1."""

import re
from typing import Any, Generic, Literal, TypeAlias, TypeVar, assert_never

import msgspec

from edge_runtime.records import Anomaly, Classification, Decoded, Regression

PREDICTION_SCHEMA = "edge.pred/1"
EVENT_SCHEMA = "edge.event/1"
STATE_SCHEMA = "edge.state/1"

Kind: TypeAlias = Literal["classification", "regression", "anomaly"]
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID = re.compile(rf"[0-7][{_CROCKFORD}]{{25}}")


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Shared settings: immutable, what is not there is not written."""


class ModelPart(_Part, frozen=True, kw_only=True):
    """What computed it.

    Attributes:
        name: Of the bundle.
        version: Likewise.
        digest: "sha256:" and the first 16 digits of the model file's hash.
        backend: "ort-cpu", "litert-cpu".
    """

    name: str
    version: int
    digest: str
    backend: str


class StageMsPart(_Part, frozen=True, kw_only=True):
    """What the stages took, in milliseconds."""

    pre: float
    infer: float
    post: float


class ClassResult(_Part, frozen=True, kw_only=True):
    """One class, score in [0, 1]."""

    label: str
    index: int = msgspec.field(name="class")
    score: float


class ValueResult(_Part, frozen=True, kw_only=True):
    """One number of a regression, in its unit."""

    name: str
    value: float
    unit: str = ""


class AnomalyResult(_Part, frozen=True, kw_only=True):
    """How unusual the input is."""

    score: float
    threshold: float
    flag: bool


ResultT = TypeVar("ResultT", bound=ClassResult | ValueResult | AnomalyResult)
Results: TypeAlias = tuple[ClassResult | ValueResult | AnomalyResult, ...]


class PredictionPayload(_Part, Generic[ResultT], frozen=True, kw_only=True):
    """What the model said of one frame; generic over the kind of its results.

    Attributes:
        schema: Which of the three schemas.
        id: ULID; makes a message that QoS 1 delivers twice recognisable.
        boot: Names the start of the daemon; `seq` counts within it, per topic, without a gap.
        ts: Capture, RFC 3339, UTC.
        clock: How far `ts` can be trusted.
        age_ms: Capture to this message, on the monotonic clock.
        source: The pipeline's source.
        frame: Number of the frame in its source, dropped ones counted too.
        label: What the source knows about the frame (a file name).
        size: (width, height) of an image.
    """

    schema: str
    id: str
    boot: str
    seq: int
    ts: str
    clock: str
    age_ms: float
    source: str
    frame: int
    label: str | None = None
    size: tuple[int, int] | None = None
    model: ModelPart
    ms: StageMsPart
    kind: Kind
    results: tuple[ResultT, ...]


class EventPayload(PredictionPayload[ResultT], Generic[ResultT], frozen=True, kw_only=True):
    """Something began, ended, or (with keep = "all") was measured.

    Attributes:
        change: "sample" carries a prediction that is kept, whether or not it changed anything.
        what: The class, or "anomaly"; absent in a sample.
        since: Start of what ended, RFC 3339.
        duration_s: How long it lasted, on the monotonic clock.
    """

    change: Literal["start", "end", "sample"]
    what: str | None = None
    since: str | None = None
    duration_s: float | None = None


class StatePayload(PredictionPayload[ResultT], Generic[ResultT], frozen=True, kw_only=True):
    """How things are now; retained.

    Attributes:
        state: The class ("none" below the threshold), "anomaly" or "normal", "measured".
    """

    state: str


def results_of(decoded: Decoded, unit: str) -> tuple[Kind, Results]:
    """Return a prediction's kind and its results as payloads carry them."""
    match decoded:
        case Classification(classes):
            return "classification", tuple(
                ClassResult(label=c.label, index=c.index, score=round(c.score, 6)) for c in classes
            )
        case Regression(values):
            return "regression", tuple(
                ValueResult(name=name, value=value, unit=unit) for name, value in values
            )
        case Anomaly(score, threshold, is_anomalous):
            return "anomaly", (AnomalyResult(score=score, threshold=threshold, flag=is_anomalous),)
        case _:
            assert_never(decoded)


def encode_payload(payload: PredictionPayload[Any]) -> bytes:
    """Return the payload as JSON."""
    return msgspec.json.encode(payload)


def ulid(wall_s: float, randomness: int) -> str:
    """Return a ULID of a time and 80 random bits: sortable by time, unique.

    Source: the ULID specification (github.com/ulid/spec), canonical text form.
    """
    milliseconds = max(0, int(wall_s * 1e3)) & ((1 << 48) - 1)
    number = milliseconds << 80 | randomness & ((1 << 80) - 1)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
