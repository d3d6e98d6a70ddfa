"""The inference loop: newest frame in, messages out, every frame accounted for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_runtime.errors import EngineError, FrameError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Outgoing
from edge_runtime.recorder.recorder import NoRecorder, Recorder
from edge_runtime.records import Frame, Prediction
from edge_runtime.watch.monitor import Monitor
from edge_runtime.worker.accounts import Accounts, Drop
from edge_runtime.worker.chain import Chain
from edge_runtime.worker.control import TICK_S, Control
from edge_runtime.worker.publisher import Publisher
from edge_runtime.worker.slot import FrameSlot

logger = logging.getLogger(__name__)

PACE_TICK_S = 0.02
MAX_ENGINE_FAILURES = 20  # in a row; then a fresh process is the better try


@dataclass(frozen=True, slots=True)
class InferenceParts:
    """What the loop works with; all of it is made by the worker.

    `drops_when_paused` is False for a recording, which is held instead.
    """

    chain: Chain
    publisher: Publisher
    slot: FrameSlot
    accounts: Accounts
    control: Control
    send: Callable[[Outgoing], None]
    max_age_ms: float | None
    drops_when_paused: bool
    time: TimeSource
    watch: Monitor = field(default_factory=Monitor)
    recorder: Recorder = field(default_factory=NoRecorder)


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
            if frame is not None and self._waits_its_turn():
                self.take(frame)

    def _waits_its_turn(self) -> bool:
        """Return whether a frame is inferred; of a recording it waits until it is."""
        parts = self._parts
        while not parts.control.pacer.admits():
            if parts.drops_when_paused:
                parts.accounts.dropped(Drop.THROTTLED)
                return False
            parts.control.infer_progress += 1
            if parts.control.stopping.wait(PACE_TICK_S):
                break  # the frame in hand is finished
        return True

    def take(self, frame: Frame) -> None:
        """Bring one frame to its end: messages, or a counted reason why there are none."""
        parts = self._parts
        if parts.drops_when_paused and parts.control.paused.is_set():
            parts.accounts.dropped(Drop.PAUSED)
            return
        parts.watch.look(frame)
        threshold = parts.control.threshold
        parts.recorder.begin(frame, threshold)
        outcome = self._judge(frame, threshold)
        if isinstance(outcome, Drop):
            parts.accounts.dropped(outcome)
            parts.recorder.end(outcome.value, ())
            return
        parts.recorder.decided(outcome.decoded, threshold)
        parts.recorder.end(None, self._send(outcome, threshold))

    def _judge(self, frame: Frame, threshold: float) -> Prediction | Drop:
        """Return what the models say, or why they do not."""
        if self._is_stale(frame):
            return Drop.STALE
        try:
            prediction = self._parts.chain.predict(frame, threshold)
        except FrameError as error:
            logger.debug("frame %d: %s", frame.ref.sequence, error)
            return Drop.INVALID
        except EngineError as error:
            self._count_failure(str(error))
            return Drop.ERROR
        self._failures = 0
        if prediction is None:
            return Drop.GATE
        return Drop.STALE if self._is_stale(frame) else prediction

    def _count_failure(self, why: str) -> None:
        if self._failures == 0:
            logger.error("inference fails: %s", why)
        self._failures += 1
        if self._failures >= MAX_ENGINE_FAILURES:
            self._parts.control.fail(f"{self._failures} inferences in a row failed: {why}")

    def _send(self, prediction: Prediction, threshold: float) -> list[Outgoing]:
        """Hand the messages over, then count: what is counted has left."""
        parts = self._parts
        messages = parts.publisher.publish(prediction, threshold)
        for outgoing in messages:
            parts.send(outgoing)
            parts.accounts.made(outgoing.message.delivery)
        age_s = parts.time.monotonic_s() - prediction.ref.captured_monotonic_s
        infer_ms = sum(
            (stage.times.infer_ms for stage in prediction.stages), prediction.times.infer_ms
        )
        parts.accounts.inferred(infer_ms, age_s * 1e3)
        return messages

    def _is_stale(self, frame: Frame) -> bool:
        limit_ms = self._parts.max_age_ms
        if limit_ms is None:
            return False
        return (self._parts.time.monotonic_s() - frame.ref.captured_monotonic_s) * 1e3 > limit_ms
