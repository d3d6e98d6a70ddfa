"""Predictions to messages: which of them, on which topic, with which promise."""

import secrets
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, assert_never

from edge_runtime.conditions import conditions_of, count_labels, essence
from edge_runtime.config.structs import PublishConfig
from edge_runtime.host.clock import ClockState
from edge_runtime.host.time_source import TimeSource, rfc3339
from edge_runtime.link import Outgoing, Parity
from edge_runtime.payloads import (
    EVENT_SCHEMA,
    PREDICTION_SCHEMA,
    STATE_SCHEMA,
    EventPayload,
    ModelPart,
    PredictionPayload,
    StageMsPart,
    StagePart,
    StatePayload,
    encode_payload,
    parity_part,
    ulid,
)
from edge_runtime.records import (
    Anomaly,
    Classification,
    Delivery,
    Detection,
    Keypoints,
    Message,
    Prediction,
    Regression,
    Segmentation,
    StageOutcome,
    StageTimes,
)
from edge_runtime.results import results_of, said_of
from edge_runtime.worker.changes import Change, ChangeDetector, Runs, Turn

PREDICTION_EXPIRY_S = 5
EVENT_EXPIRY_S = 24 * 3600
STATE_REFRESH_S = 60.0
QUICK_STATE_S = 1.0
EARLY_SHARE = 0.1  # of an interval: a source at just the allowed rate jitters about it

Fields: TypeAlias = dict[str, Any]  # keyword arguments common to the three payloads


@dataclass(frozen=True, slots=True)
class StageOrigin:
    """The model of a stage, and the unit of its values."""

    model: ModelPart
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is the same in every payload of a worker.

    Attributes:
        pipeline: The level of its topics.
        boot: Names the start of the daemon.
        model: What computes.
        unit: Of a regression's values.
        stages: The further models, by stage.
        max_misses: Of objects that are followed; None: they are not.
    """

    pipeline: str
    boot: str
    model: ModelPart
    unit: str = ""
    stages: Mapping[str, StageOrigin] = field(default_factory=dict)
    max_misses: int | None = None

    @property
    def by_track(self) -> bool:
        """Return whether events are of single objects."""
        return self.max_misses is not None


@dataclass(frozen=True, slots=True)
class Edges:
    """Time, chance and what audits have shown, handed in."""

    time: TimeSource = field(default_factory=TimeSource)
    clock_state: Callable[[], ClockState] = lambda: ClockState.UNSYNCED
    random_bits: Callable[[], int] = lambda: secrets.randbits(80)
    parity: Callable[[], Parity | None] = lambda: None


@dataclass(frozen=True, slots=True)
class LastState:
    """What the last `state` said, and when (capture, monotonic)."""

    at_s: float
    text: str
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class PublisherState:
    """All that a publisher remembers between two predictions.

    Attributes:
        sequences: Next number by topic.
        runs: Of the conditions that are the case, or about to be.
        last_pred: What the last `pred` said.
        pred_due_s: When the next one may come.
        last_state: What the last `state` said.
    """

    sequences: dict[str, int]
    runs: Runs
    last_pred: Any
    pred_due_s: float
    last_state: LastState | None


class Publisher:
    """Holds what the next message depends on: sequence numbers, the last change, the last `pred`.

    Every prediction yields, in this order: `event` for what ended and what began, `event` with
    change "sample" (keep = "all"), `state` where it changed, `pred` where the settings let it.
    """

    def __init__(
        self,
        config: PublishConfig,
        origin: Origin,
        first_sequences: Mapping[str, int],
        edges: Edges,
    ) -> None:
        self._config = config
        self._origin = origin
        self._sequences = dict(first_sequences)
        self._edges = edges
        self._changes = _change_detector(config, origin)
        self._last_pred: Hashable = None
        self._pred_due_s = 0.0
        self._last_state: LastState | None = None

    def state(self) -> PublisherState:
        """Return what it remembers, as a copy."""
        return PublisherState(
            sequences=dict(self._sequences),
            runs=self._changes.state(),
            last_pred=self._last_pred,
            pred_due_s=self._pred_due_s,
            last_state=self._last_state,
        )

    def restore(self, state: PublisherState) -> None:
        """Remember what another one did; lists, as JSON has them, are as good as tuples."""
        self._sequences = dict(state.sequences)
        self._changes.restore(state.runs)
        self._last_pred = _hashable(state.last_pred)
        self._pred_due_s = state.pred_due_s
        self._last_state = state.last_state

    def publish(self, prediction: Prediction, threshold: float) -> list[Outgoing]:
        """Return the messages that a prediction makes."""
        messages: list[Outgoing] = []
        if self._config.events:
            conditions = conditions_of(
                prediction.decoded, threshold, by_track=self._origin.by_track
            )
            changes = self._changes.update(conditions, prediction.ref)
            messages += [self._event(prediction, change) for change in changes]
            if self._config.keep == "all":
                messages.append(self._event(prediction, None))
            if self._is_state_due(prediction):
                messages.append(self._state(prediction))
        if self._is_pred_due(prediction):
            messages.append(self._pred(prediction))
        return messages

    def _event(self, prediction: Prediction, change: Change | None) -> Outgoing:
        topic = f"p/{self._origin.pipeline}/event"
        fields = self._fields(EVENT_SCHEMA, topic, prediction)
        if change is None:
            payload: EventPayload[Any] = EventPayload(**fields, change="sample")
        else:
            lasted_s = prediction.ref.captured_monotonic_s - change.since.captured_monotonic_s
            is_start = change.turn is Turn.START
            payload = EventPayload(
                **fields,
                change=change.turn.value,
                what=change.what.what,
                track=change.what.track,
                zones=change.zones,
                since=None if is_start else rfc3339(change.since.captured_at),
                duration_s=None if is_start else round(lasted_s, 3),
            )
        return self._outgoing(topic, payload, Delivery.ALL, expiry_s=EVENT_EXPIRY_S)

    def _state(self, prediction: Prediction) -> Outgoing:
        topic = f"p/{self._origin.pipeline}/state"
        fields = self._fields(STATE_SCHEMA, topic, prediction)
        self._last_state = state = self._state_of(prediction)
        payload: StatePayload[Any] = StatePayload(**fields, state=state.text, counts=state.counts)
        return self._outgoing(topic, payload, Delivery.LATEST)

    def _pred(self, prediction: Prediction) -> Outgoing:
        topic = f"p/{self._origin.pipeline}/pred"
        fields = self._fields(PREDICTION_SCHEMA, topic, prediction)
        self._last_pred = essence(prediction)
        payload: PredictionPayload[Any] = PredictionPayload(**fields)
        return self._outgoing(topic, payload, Delivery.LIVE, expiry_s=PREDICTION_EXPIRY_S)

    def _is_pred_due(self, prediction: Prediction) -> bool:
        """Judge by capture times, so that a replay publishes the same predictions."""
        if self._config.predictions == "off":
            return False
        if self._config.predictions == "changes" and essence(prediction) == self._last_pred:
            return False
        return self._is_within_rate(prediction.ref.captured_monotonic_s)

    def _is_within_rate(self, now_s: float) -> bool:
        """Take a place on the grid of allowed moments.

        A frame that comes late leaves the next place where it was: a source whose rate is no
        multiple of the limit's then gets the limit on average. What is carried is at most one
        interval, and nothing after a pause, so that nobody gets a burst.
        """
        if self._config.max_rate_hz == 0:
            return True
        interval_s = 1.0 / self._config.max_rate_hz
        late_s = now_s - self._pred_due_s
        if late_s < -EARLY_SHARE * interval_s:
            return False
        if late_s >= 2 * interval_s:
            self._pred_due_s = now_s + interval_s
        else:
            self._pred_due_s += interval_s + max(0.0, late_s - interval_s)
        return True

    def _is_state_due(self, prediction: Prediction) -> bool:
        """A new state at once, another number of objects or value within a second, else seldom."""
        last = self._last_state
        if last is None:
            return True
        state = self._state_of(prediction)
        if state.text != last.text:
            return True
        is_quick = isinstance(prediction.decoded, Regression) or state.counts != last.counts
        return state.at_s - last.at_s >= (QUICK_STATE_S if is_quick else STATE_REFRESH_S)

    def _state_of(self, prediction: Prediction) -> LastState:
        decoded, current = prediction.decoded, self._changes.current
        at_s = prediction.ref.captured_monotonic_s
        names = [condition.what for condition in current]
        match decoded:
            case Regression():
                return LastState(at_s, "measured")
            case Anomaly():
                return LastState(at_s, names[-1] if names else "normal")
            case Classification():
                return LastState(at_s, names[-1] if names else "none")
            case Segmentation():
                return LastState(at_s, ", ".join(sorted(names)) or "none")
            case Detection() | Keypoints():
                text = ", ".join(sorted({*names})) or "none"
                if self._origin.by_track:
                    return LastState(at_s, text, dict(sorted(Counter(names).items())))
                return LastState(at_s, text, count_labels(decoded, tuple(names)))
            case _:
                assert_never(decoded)

    def _fields(self, schema: str, topic: str, prediction: Prediction) -> Fields:
        ref, edges = prediction.ref, self._edges
        kind, results = results_of(prediction.decoded, self._origin.unit)
        return {
            "schema": schema,
            "id": ulid(edges.time.wall_s(), edges.random_bits()),
            "boot": self._origin.boot,
            "seq": self._sequences.get(topic, 0),
            "ts": rfc3339(ref.captured_at),
            "clock": edges.clock_state().value,
            "age_ms": round((edges.time.monotonic_s() - ref.captured_monotonic_s) * 1e3, 3),
            "source": ref.source,
            "frame": ref.sequence,
            "label": prediction.label,
            "size": prediction.size_px,
            "model": self._origin.model,
            "ms": _milliseconds(prediction.times),
            "kind": kind,
            "results": results,
            "stages": tuple(self._stage(stage) for stage in prediction.stages),
            "parity": parity_part(edges.parity()),
        }

    def _stage(self, outcome: StageOutcome) -> StagePart:
        origin = self._origin.stages[outcome.stage]
        return StagePart(
            name=outcome.stage,
            model=origin.model,
            ms=_milliseconds(outcome.times),
            parts=tuple(said_of(of, decoded, origin.unit) for of, decoded in outcome.parts),
        )

    def _outgoing(
        self,
        topic: str,
        payload: PredictionPayload[Any],
        delivery: Delivery,
        *,
        expiry_s: int | None = None,
    ) -> Outgoing:
        self._sequences[topic] = payload.seq + 1
        message = Message(
            topic=topic,
            payload=encode_payload(payload),
            delivery=delivery,
            retain=delivery is Delivery.LATEST,
            expiry_s=expiry_s,
            properties=(("schema", payload.schema),),
        )
        return Outgoing(message, payload.seq)


def _change_detector(config: PublishConfig, origin: Origin) -> ChangeDetector:
    """Return what debounces; the tracker has done so for objects that are followed."""
    if origin.max_misses is not None:
        return ChangeDetector(1, origin.max_misses + 1, config.update_s)
    release = config.settle if config.release is None else config.release
    return ChangeDetector(config.settle, release, config.update_s)


def _milliseconds(times: StageTimes) -> StageMsPart:
    return StageMsPart(
        pre=round(times.preprocess_ms, 3),
        infer=round(times.infer_ms, 3),
        post=round(times.decode_ms, 3),
        batch=times.batch,
    )


def _hashable(value: Any) -> Hashable:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
