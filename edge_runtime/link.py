"""What a worker and the supervisor say to each other over their pipe.

A worker owns one camera and one model; the supervisor owns the outbox and the broker. Only these
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
            "invalid" (NaN, wrong shape, cannot be decoded), "error" (inference failed), "paused".
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
class Ready:
    """The model passed its self-test on the engine that will run it."""

    model: str
    version: int
    digest: str  # SHA-256 of the model file that the engine loaded
    engine: str
    self_test_lsb: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent at least every second, whatever the source does.

    Attributes:
        monotonic_s: When it was made.
        capture_progress: Grows with every turn of the capture loop, waiting in good order too.
        infer_progress: Grows with every turn of the inference loop.
        counters: Since the worker started.
        age: Capture to publish.
        infer: Inference alone.
        source: State of the source now.
        reconnects: Times the source was reopened.
        stalls: Times the source stopped delivering.
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
class Stop:
    """Finish the frame in hand, hand over its messages, end."""


ToWorker: TypeAlias = Pause | Resume | SetThreshold | Stop
