"""Predictions as subscribers read them: schemas edge.pred/1, edge.event/1 and edge.state/1."""

import re
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from edge_runtime.link import Parity

PREDICTION_SCHEMA = "edge.pred/1"
EVENT_SCHEMA = "edge.event/1"
STATE_SCHEMA = "edge.state/1"

Kind: TypeAlias = Literal[
    "classification", "regression", "anomaly", "detection", "keypoints", "segmentation"
]
BoxShares: TypeAlias = tuple[float, float, float, float]
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


class ParityPart(_Part, frozen=True, kw_only=True, omit_defaults=False):
    """What running sampled inputs of a microcontroller again has shown, since the worker started.

    Attributes:
        audited: Inferences that were run again.
        differing: Those of which a code came out otherwise.
        max_lsb: The greatest difference, in output codes.
        bound_lsb: The greatest that the auditing engine may show; 0: it is bit-exact.
        engine: The backend that audits.
    """

    audited: int
    differing: int
    max_lsb: int
    bound_lsb: int
    engine: str


class StageMsPart(_Part, frozen=True, kw_only=True):
    """What the stages took, in milliseconds.

    Attributes:
        infer: Of all the frames that shared the engine's call: each waited for all of it.
        batch: How many these were; absent: this one alone.
    """

    pre: float
    infer: float
    post: float
    batch: int = 1


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


class ObjectResult(_Part, frozen=True, kw_only=True):
    """One object.

    Attributes:
        score: In [0, 1].
        box: Left, top, right, bottom, in shares of the original image.
        zones: That it stands in.
        track: Its number while it is followed.
    """

    label: str
    index: int = msgspec.field(name="class")
    score: float
    box: BoxShares
    zones: tuple[str, ...] = ()
    track: int | None = None


class PointResult(_Part, frozen=True, kw_only=True):
    """One key point, in shares of the original image."""

    name: str
    x: float
    y: float
    score: float


class PoseResult(ObjectResult, frozen=True, kw_only=True):
    """One pose: an object with points."""

    points: tuple[PointResult, ...]


class AreaResult(_Part, frozen=True, kw_only=True):
    """What one class covers.

    Attributes:
        share: Of the image, in [0, 1].
        box: Around all of it, in shares of the original image.
        contours: Outlines as polygons of x and y, likewise.
    """

    label: str
    index: int = msgspec.field(name="class")
    share: float
    box: BoxShares
    contours: tuple[tuple[tuple[float, float], ...], ...] = ()


Result: TypeAlias = (
    ClassResult | ValueResult | AnomalyResult | ObjectResult | PoseResult | AreaResult
)
ResultT = TypeVar("ResultT", bound=Result)
Results: TypeAlias = tuple[Result, ...]


class _Said(_Part, frozen=True, kw_only=True, tag_field="kind"):
    """What a further model said.

    Attributes:
        of: Index of the object that it was asked about, among those of the stage before; absent:
            the whole frame.
    """

    of: int | None = None


class ClassesSaid(_Said, frozen=True, kw_only=True, tag="classification"):
    """Classes."""

    results: tuple[ClassResult, ...]


class ValuesSaid(_Said, frozen=True, kw_only=True, tag="regression"):
    """Values."""

    results: tuple[ValueResult, ...]


class AnomalySaid(_Said, frozen=True, kw_only=True, tag="anomaly"):
    """How unusual it is."""

    results: tuple[AnomalyResult, ...]


class ObjectsSaid(_Said, frozen=True, kw_only=True, tag="detection"):
    """Objects."""

    results: tuple[ObjectResult, ...]


class PosesSaid(_Said, frozen=True, kw_only=True, tag="keypoints"):
    """Poses."""

    results: tuple[PoseResult, ...]


class AreasSaid(_Said, frozen=True, kw_only=True, tag="segmentation"):
    """Areas."""

    results: tuple[AreaResult, ...]


Said: TypeAlias = ClassesSaid | ValuesSaid | AnomalySaid | ObjectsSaid | PosesSaid | AreasSaid


class StagePart(_Part, frozen=True, kw_only=True):
    """What a further model of the pipeline said.

    Attributes:
        name: In the configuration.
        model: What computed it.
        ms: Of all parts together.
        parts: One for each object that it was asked about, or one for the frame.
    """

    name: str
    model: ModelPart
    ms: StageMsPart
    parts: tuple[Said, ...]


class PredictionPayload(_Part, Generic[ResultT], frozen=True, kw_only=True):
    """What the model said of one frame; generic over the kind of its results.

    Attributes:
        schema: Which of the three schemas.
        id: ULID; makes a message that QoS 1 delivers twice recognisable.
        boot: Names the start of the daemon; `seq` counts within it, per topic, without a gap.
        ts: Capture, RFC 3339, UTC.
        clock: How far `ts` can be trusted.
        redated: `ts` and `since` were put right after the clock was, before this was sent.
        age_ms: Capture to this message, on the monotonic clock.
        source: The pipeline's source.
        frame: Number of the frame in its source, dropped ones counted too.
        label: What the source knows about the frame (a file name).
        size: (width, height) of an image.
        stages: What further models said, in the order of the configuration.
        parity: Of a microcontroller's inferences; absent for any other source.
    """

    schema: str
    id: str
    boot: str
    seq: int
    ts: str
    clock: str
    redated: bool = False
    age_ms: float
    source: str
    frame: int
    label: str | None = None
    size: tuple[int, int] | None = None
    model: ModelPart
    ms: StageMsPart
    kind: Kind
    results: tuple[ResultT, ...]
    stages: tuple[StagePart, ...] = ()
    parity: ParityPart | None = None


class EventPayload(PredictionPayload[ResultT], Generic[ResultT], frozen=True, kw_only=True):
    """Something began, lasts, ended, or (with keep = "all") was measured.

    Attributes:
        change: "sample" carries a prediction that is kept, whether or not it changed anything.
        what: The class, or "anomaly"; absent in a sample.
        track: Which object of that class, where objects are followed.
        zones: That it is in; of an end: that it was in last.
        since: Start of what lasts or ended, RFC 3339.
        duration_s: How long it has lasted, on the monotonic clock.
    """

    change: Literal["start", "update", "end", "sample"]
    what: str | None = None
    track: int | None = None
    zones: tuple[str, ...] = ()
    since: str | None = None
    duration_s: float | None = None


class StatePayload(PredictionPayload[ResultT], Generic[ResultT], frozen=True, kw_only=True):
    """How things are now; retained.

    Attributes:
        state: The class ("none" below the threshold), "anomaly" or "normal", "measured"; of
            objects and areas all classes that are there, ", " between them.
        counts: Objects by label.
    """

    state: str
    counts: dict[str, int] | None = None


def parity_part(parity: Parity | None) -> ParityPart | None:
    """Return parity as payloads carry it."""
    if parity is None:
        return None
    return ParityPart(
        audited=parity.audited,
        differing=parity.differing,
        max_lsb=parity.max_lsb,
        bound_lsb=parity.bound_lsb,
        engine=parity.engine,
    )


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
