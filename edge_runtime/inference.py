"""The inference loop: newest frame in, messages out, every frame accounted for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.accounts import Accounts, Drop
from edge_runtime.control import TICK_S, Control
from edge_runtime.errors import EngineError, FrameError
from edge_runtime.link import Outgoing
from edge_runtime.pipeline import Stages, predict
from edge_runtime.publisher import Publisher
from edge_runtime.records import Frame, Prediction
from edge_runtime.slot import FrameSlot
from edge_runtime.time_source import TimeSource

logger = logging.getLogger(__name__)

MAX_ENGINE_FAILURES = 20  # in a row; then a fresh process is the better try


@dataclass(frozen=True, slots=True)
class InferenceParts:
    """What the loop works with; all of it is made by the worker.

    `drops_when_paused` is False for a recording, which is held instead.
    """

    stages: Stages
    publisher: Publisher
    slot: FrameSlot
    accounts: Accounts
    control: Control
    send: Callable[[Outgoing], None]
    max_age_ms: float | None
    drops_when_paused: bool
    time: TimeSource


class Inference:
    """Runs in a thread of its own, which may hang in the engine."""

    def __init__(self, parts: InferenceParts) -> None:
        self._parts = parts
        self._failures = 0

    def run(self) -> None:
        """Infer until the worker stops; the frame in hand is finished."""
        control = self._parts.control
        while not control.stopping.is_set():
            control.infer_progress += 1
            frame = self._parts.slot.take(TICK_S)
            if frame is not None:
                self.take(frame)

    def take(self, frame: Frame) -> None:
        """Bring one frame to its end: messages, or a counted reason why there are none."""
        parts = self._parts
        if parts.drops_when_paused and parts.control.paused.is_set():
            parts.accounts.dropped(Drop.PAUSED)
            return
        if self._is_stale(frame):
            parts.accounts.dropped(Drop.STALE)
            return
        prediction = self._predict(frame)
        if prediction is None:
            return
        if self._is_stale(frame):
            parts.accounts.dropped(Drop.STALE)
            return
        self._send(prediction)

    def _predict(self, frame: Frame) -> Prediction | None:
        parts = self._parts
        try:
            prediction = predict(frame, parts.stages, parts.control.threshold)
        except FrameError as error:
            parts.accounts.dropped(Drop.INVALID)
            logger.debug("frame %d: %s", frame.ref.sequence, error)
            return None
        except EngineError as error:
            self._count_failure(str(error))
            return None
        self._failures = 0
        return prediction

    def _count_failure(self, why: str) -> None:
        self._parts.accounts.dropped(Drop.ERROR)
        if self._failures == 0:
            logger.error("inference fails: %s", why)
        self._failures += 1
        if self._failures >= MAX_ENGINE_FAILURES:
            self._parts.control.fail(f"{self._failures} inferences in a row failed: {why}")

    def _send(self, prediction: Prediction) -> None:
        """Hand the messages over, then count: what is counted has left."""
        parts = self._parts
        for outgoing in parts.publisher.publish(prediction, parts.control.threshold):
            parts.send(outgoing)
            parts.accounts.made(outgoing.message.delivery)
        age_s = parts.time.monotonic_s() - prediction.ref.captured_monotonic_s
        parts.accounts.inferred(prediction.times.infer_ms, age_s * 1e3)

    def _is_stale(self, frame: Frame) -> bool:
        limit_ms = self._parts.max_age_ms
        if limit_ms is None:
            return False
        return (self._parts.time.monotonic_s() - frame.ref.captured_monotonic_s) * 1e3 > limit_ms
