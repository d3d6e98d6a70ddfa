"""Predictions to messages: which of them, on which topic, with which promise."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from edge_runtime.changes import Change, ChangeDetector, condition_of
from edge_runtime.clock import ClockState
from edge_runtime.config import PublishConfig
from edge_runtime.link import Outgoing
from edge_runtime.payloads import (
    EVENT_SCHEMA,
    PREDICTION_SCHEMA,
    STATE_SCHEMA,
    EventPayload,
    ModelPart,
    PredictionPayload,
    StageMsPart,
    StatePayload,
    encode_payload,
    results_of,
    ulid,
)
from edge_runtime.records import Anomaly, Decoded, Delivery, Message, Prediction, Regression
from edge_runtime.time_source import TimeSource, rfc3339

PREDICTION_EXPIRY_S = 5
EVENT_EXPIRY_S = 24 * 3600
STATE_REFRESH_S = 60.0
REGRESSION_STATE_S = 1.0
EARLY_SHARE = 0.1  # of an interval: a source at just the allowed rate jitters about it

Fields: TypeAlias = dict[str, Any]  # keyword arguments common to the three payloads


@dataclass(frozen=True, slots=True)
class Origin:
    """What is the same in every payload of a worker.

    Attributes:
        pipeline: The level of its topics.
        boot: Names the start of the daemon.
        model: What computes.
        unit: Of a regression's values.
    """

    pipeline: str
    boot: str
    model: ModelPart
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Edges:
    """Time and chance, handed in."""

    time: TimeSource = field(default_factory=TimeSource)
    clock_state: Callable[[], ClockState] = lambda: ClockState.UNSYNCED
    random_bits: Callable[[], int] = lambda: secrets.randbits(80)


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
        self._changes = ChangeDetector(config.settle)
        self._last_pred: Decoded | None = None
        self._pred_due_s = 0.0
        self._last_state: tuple[float, str] | None = None

    def publish(self, prediction: Prediction, threshold: float) -> list[Outgoing]:
        """Return the messages that a prediction makes."""
        messages: list[Outgoing] = []
        if self._config.events:
            condition = condition_of(prediction.decoded, threshold)
            changes = self._changes.update(condition, prediction.ref)
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
        elif change.since is None:
            payload = EventPayload(**fields, change="start", what=change.what)
        else:
            lasted_s = prediction.ref.captured_monotonic_s - change.since.captured_monotonic_s
            payload = EventPayload(
                **fields,
                change="end",
                what=change.what,
                since=rfc3339(change.since.captured_at),
                duration_s=round(lasted_s, 3),
            )
        return self._outgoing(topic, payload, Delivery.ALL, expiry_s=EVENT_EXPIRY_S)

    def _state(self, prediction: Prediction) -> Outgoing:
        state = self._state_text(prediction.decoded)
        topic = f"p/{self._origin.pipeline}/state"
        fields = self._fields(STATE_SCHEMA, topic, prediction)
        self._last_state = (prediction.ref.captured_monotonic_s, state)
        return self._outgoing(topic, StatePayload(**fields, state=state), Delivery.LATEST)

    def _pred(self, prediction: Prediction) -> Outgoing:
        topic = f"p/{self._origin.pipeline}/pred"
        fields = self._fields(PREDICTION_SCHEMA, topic, prediction)
        self._last_pred = prediction.decoded
        payload: PredictionPayload[Any] = PredictionPayload(**fields)
        return self._outgoing(topic, payload, Delivery.LIVE, expiry_s=PREDICTION_EXPIRY_S)

    def _is_pred_due(self, prediction: Prediction) -> bool:
        """Judge by capture times, so that a replay publishes the same predictions."""
        if self._config.predictions == "off":
            return False
        is_same = self._last_pred is not None and not _differs(prediction.decoded, self._last_pred)
        if self._config.predictions == "changes" and is_same:
            return False
        return self._is_within_rate(prediction.ref.captured_monotonic_s)

    def _is_within_rate(self, now_s: float) -> bool:
        """Take a place on the grid of allowed moments, where one is free."""
        if self._config.max_rate_hz == 0:
            return True
        interval_s = 1.0 / self._config.max_rate_hz
        if now_s < self._pred_due_s - EARLY_SHARE * interval_s:
            return False
        self._pred_due_s = max(self._pred_due_s, now_s - interval_s * EARLY_SHARE) + interval_s
        return True

    def _is_state_due(self, prediction: Prediction) -> bool:
        if self._last_state is None:
            return True
        last_s, last = self._last_state
        if self._state_text(prediction.decoded) != last:
            return True
        is_measured = isinstance(prediction.decoded, Regression)
        refresh_s = REGRESSION_STATE_S if is_measured else STATE_REFRESH_S
        return prediction.ref.captured_monotonic_s - last_s >= refresh_s

    def _state_text(self, decoded: Decoded) -> str:
        if isinstance(decoded, Regression):
            return "measured"
        quiet = "normal" if isinstance(decoded, Anomaly) else "none"
        return self._changes.current or quiet

    def _fields(self, schema: str, topic: str, prediction: Prediction) -> Fields:
        ref, times, edges = prediction.ref, prediction.times, self._edges
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
            "ms": StageMsPart(
                pre=round(times.preprocess_ms, 3),
                infer=round(times.infer_ms, 3),
                post=round(times.decode_ms, 3),
            ),
            "kind": kind,
            "results": results,
        }

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


def _differs(new: Decoded, old: Decoded) -> bool:
    """Return whether a prediction says something else: another best class, flag or value."""
    match new, old:
        case Anomaly(), Anomaly():
            return new.is_anomalous != old.is_anomalous
        case Regression(), Regression():
            return new.values != old.values
        case _:
            return condition_of(new, 0.0) != condition_of(old, 0.0)
