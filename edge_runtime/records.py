"""The values that travel, in the order in which they arise: Frame, Prediction, Message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # the supervisor handles messages only: numpy would cost it 20 MB
    import numpy.typing as npt

Tensors: TypeAlias = "Mapping[str, npt.NDArray[Any]]"  # by the model's tensor names


@dataclass(frozen=True, slots=True)
class FrameRef:
    """Where and when a frame was captured; all of a frame that reaches the message.

    Attributes:
        source: Name of the pipeline's source.
        sequence: Counts the frames of this source in this boot, from 0, dropped ones included.
        captured_at: UTC, seconds since the epoch, for people.
        captured_monotonic_s: Monotonic clock, seconds, for ages.
    """

    source: str
    sequence: int
    captured_at: float
    captured_monotonic_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image, (H, W, 3) uint8 BGR as OpenCV has it, or one window of samples, (T, C) float32.

    Attributes:
        ref: Where and when.
        values: The pixels or samples; not to be written to.
        label: What the source knows about the frame (a file name), for people.
    """

    ref: FrameRef
    values: "npt.NDArray[Any]"
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class and how sure the model is of it, in [0, 1]."""

    label: str
    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Classification:
    """The best classes, best first."""

    classes: tuple[ClassScore, ...]


@dataclass(frozen=True, slots=True)
class Regression:
    """One number per declared name, in the target's unit."""

    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """How unusual the input is; `is_anomalous` where score > threshold."""

    score: float
    threshold: float
    is_anomalous: bool


Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom, shares of the image


@dataclass(frozen=True, slots=True)
class Point:
    """One key point, in shares of the original image, score in [0, 1]."""

    name: str
    x: float
    y: float
    score: float


@dataclass(frozen=True, slots=True)
class Detected:
    """One object in the image.

    Attributes:
        box: In shares of the original image.
        points: Of a pose.
        zones: Names of the configured zones that it stands in.
        track: Number of the object while it is followed; None: not followed, or not yet believed.
    """

    label: str
    index: int
    score: float
    box: Box
    points: tuple[Point, ...] = ()
    zones: tuple[str, ...] = ()
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """The objects of a frame, best first."""

    objects: tuple[Detected, ...]


@dataclass(frozen=True, slots=True)
class Keypoints:
    """The poses of a frame, best first; every object has points."""

    objects: tuple[Detected, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """What one class covers.

    Attributes:
        share: Of the image that the model saw, in [0, 1].
        box: Around all of it, in shares of the original image.
        contours: Outlines as polygons, likewise.
    """

    label: str
    index: int
    share: float
    box: Box
    contours: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The classes that cover something, the largest first."""

    areas: tuple[Area, ...]


Objects: TypeAlias = Detection | Keypoints
Decoded: TypeAlias = Classification | Regression | Anomaly | Objects | Segmentation


@dataclass(frozen=True, slots=True)
class StageTimes:
    """What the stages took, in milliseconds.

    Attributes:
        infer_ms: Of all the inputs that were in the engine's hands together: each waited for all.
        batch: How many these were.
    """

    preprocess_ms: float
    infer_ms: float
    decode_ms: float
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model said of one input."""

    decoded: Decoded
    times: StageTimes


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What a further model said of the frame, or of the objects that an earlier one found.

    Attributes:
        stage: Its name in the configuration.
        parts: (index of the object, what was said of it); the index is None for the whole frame.
        times: Of all parts together.
    """

    stage: str
    parts: tuple[tuple[int | None, Decoded], ...]
    times: StageTimes


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the models said of one frame; `decoded` and `times` are the first one's."""

    ref: FrameRef
    size_px: tuple[int, int] | None  # (width, height) of an image, None for samples
    decoded: Decoded
    times: StageTimes
    label: str | None = None
    stages: tuple[StageOutcome, ...] = ()


class Delivery(StrEnum):
    """What is promised for a message, and what the outbox does while the broker is away."""

    LIVE = "live"  # QoS 0, never stored
    LATEST = "latest"  # QoS 1, the newest per topic is kept
    ALL = "all"  # QoS 1, every one is kept in order, deleted after its PUBACK


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes for a topic, and what is promised for them.

    Attributes:
        topic: Below the device's root, without it ("p/door/event").
        payload: At most 128 KiB.
        delivery: The promise; decides QoS and storage.
        retain: MQTT's retain flag.
        expiry_s: MQTT 5 message expiry, and age bound in the outbox; None: never.
        properties: MQTT 5 user properties.
    """

    topic: str
    payload: bytes
    delivery: Delivery
    retain: bool = False
    expiry_s: int | None = None
    properties: tuple[tuple[str, str], ...] = field(default=())
