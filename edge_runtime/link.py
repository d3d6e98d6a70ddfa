"""What a worker and the supervisor say to each other over their pipe.

A worker owns one camera and its models; the supervisor owns the outbox and the broker. Only these
small records cross, never pixels. They are pickled by multiprocessing's own pipe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from edge_runtime.records import Message


class SourceState(StrEnum):
    """How a pipeline's source is; the text of its `source` topic."""

    ONLINE = "online"
    STALLED = "stalled"
    OFFLINE = "offline"
    FROZEN = "frozen"  # delivers the same over and over
    GARBLED = "garbled"  # most of what it delivers cannot be used
    FINISHED = "finished"  # a recording played to its end
    DISABLED = "disabled"  # paused on request


@dataclass(frozen=True, slots=True)
class Counters:
    """What a worker has done since it started: captured = sum(dropped) + inferred + in_flight.

    Attributes:
        captured: Frames that the source delivered.
        inferred: Frames that became a Prediction.
        in_flight: Frames captured and not yet accounted for (0 or a few).
        dropped: Frames by reason: "full" (a newer one came), "stale" (older than max_age_ms),
            "invalid" (NaN, wrong shape, cannot be decoded), "error" (inference failed), "gate" (a
            gate was closed), "paused", "frozen" (the same as many before it), "throttled" (the
            device is hot).
        made: Messages handed to the supervisor, by delivery class.
    """

    captured: int
    inferred: int
    in_flight: int
    dropped: Mapping[str, int]
    made: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Percentiles over the last reporting interval, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Parity:
    """What running sampled inputs of a microcontroller again has shown.

    Attributes:
        audited: Inferences that were run again.
        differing: Those of which a code came out otherwise.
        max_lsb: The greatest difference, in output codes.
        bound_lsb: The greatest that the auditing engine may show; 0: it is bit-exact.
        engine: What the auditor computes with.
    """

    audited: int
    differing: int
    max_lsb: int
    bound_lsb: int
    engine: str

    @property
    def is_kept(self) -> bool:
        """Whether no difference exceeds the bound."""
        return self.max_lsb <= self.bound_lsb


@dataclass(frozen=True, slots=True)
class Drift:
    """How far one window of frames was from the calibration data.

    Attributes:
        frames: That were looked at.
        seconds: From the first of them to the last.
        input_psi: Population stability index of the model's input; 0: the same distribution.
        output_psi: Likewise of its outputs, the greatest.
        input_psi_1h: Over all windows of the last hour.
        output_psi_1h: Likewise.
        outside: Share of the input's values beyond the calibrated range.
        confidence: Mean score of the best class; None: not a classifier.
        entropy: Mean entropy of the scores, as a share of the greatest possible; likewise.
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


@dataclass(frozen=True, slots=True)
class Sight:
    """What an image shows of its camera.

    Attributes:
        brightness: Mean grey level, 0 to 255.
        contrast: Standard deviation of the grey levels.
        sharpness: Variance of the Laplacian of a small grey copy.
        saturated: Share of white pixels.
    """

    brightness: float
    contrast: float
    sharpness: float
    saturated: float


@dataclass(frozen=True, slots=True)
class Recordings:
    """What the flight recorder has written since the worker started, and the last one's name."""

    written: int
    last: str | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong that a worker noticed; `kind` is the alert's."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model passed its self-test on the engine that will run it; so did the further ones."""

    model: str
    version: int
    digest: str  # SHA-256 of the model file that the engine loaded
    engine: str
    self_test_lsb: int
    further: tuple["Ready", ...] = ()  # of gates and stages, in the order of the configuration


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent at least every second, whatever the source does.

    Attributes:
        monotonic_s: When it was made.
        capture_progress: Grows with every turn of the capture loop, waiting in good order too.
        infer_progress: Grows with every turn of the inference loop, and every frame in it.
        counters: Since the worker started.
        age: Capture to publish.
        infer: Inference alone.
        source: State of the source now.
        reconnects: Times the source was reopened.
        stalls: Times the source stopped delivering.
        parity: Of a microcontroller's inferences; None for any other source.
        drift: Of the last window; None: no window is full yet, or there is nothing to compare.
        sight: Of the last image; None: no images.
        troubles: What is wrong by what the worker watches.
        recordings: Of the flight recorder; None: there is none.
    """

    monotonic_s: float
    capture_progress: int
    infer_progress: int
    counters: Counters
    age: Latencies | None
    infer: Latencies | None
    source: SourceState
    reconnects: int
    stalls: int
    parity: Parity | None = None
    drift: Drift | None = None
    sight: Sight | None = None
    troubles: tuple[Trouble, ...] = ()
    recordings: Recordings | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the outbox, with the sequence number that its payload carries."""

    message: Message
    sequence: int


@dataclass(frozen=True, slots=True)
class SourceChange:
    """The source changed its state; `why` is one line for people."""

    state: SourceState
    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker ends because of this; a restart may or may not help."""

    why: str
    is_permanent: bool


FromWorker: TypeAlias = Ready | Heartbeat | Outgoing | SourceChange | Failed


@dataclass(frozen=True, slots=True)
class Pause:
    """Drop frames (counted as "paused") until Resume."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Infer again."""


@dataclass(frozen=True, slots=True)
class SetThreshold:
    """Use another decision threshold from the next frame on."""

    value: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How much may be inferred.

    Attributes:
        max_fps: None: as much as comes.
        duty: Share of the time in which frames are inferred; 1: always.
    """

    max_fps: float | None = None
    duty: float = 1.0


@dataclass(frozen=True, slots=True)
class WriteRecording:
    """Write what the flight recorder holds, where there is one; a command's at once."""

    why: str
    at_once: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish the frame in hand, hand over its messages, end."""


ToWorker: TypeAlias = Pause | Resume | SetThreshold | Pace | WriteRecording | Stop
