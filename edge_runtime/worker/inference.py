"""The inference loop: newest frames in, messages out, every frame accounted for.

Whatever waits when the engine is free goes to it in one call, as much as a call may hold; nothing
is waited for. Before that call and after it each frame is on its own. One frame is such a batch.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from edge_runtime.errors import EngineError, FrameError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Outgoing
from edge_runtime.pipeline import Answer, Prepared
from edge_runtime.recorder.recorder import Ended, NoRecorder, Recorder
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

T = TypeVar("T")


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
        """Infer until the worker stops; the frames in hand are finished."""
        control = self._parts.control
        while not control.stopping.is_set():
            control.infer_progress += 1
            waiting = self._parts.slot.take(TICK_S, self._most())
            self.take([frame for frame in waiting if self._waits_its_turn()])

    def _most(self) -> int:
        """Return how many to take; of a slowed recording one, for none is held up by the others."""
        parts = self._parts
        is_held = not (parts.drops_when_paused or parts.control.pacer.is_free)
        return 1 if is_held else parts.chain.model.at_once

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

    def take(self, frames: Sequence[Frame]) -> None:
        """Bring frames to their ends: messages, or a counted reason why there are none."""
        parts = self._parts
        frames = [frame for frame in frames if not self._is_paused()]
        if not frames:
            return
        threshold = parts.control.threshold
        parts.recorder.begin(frames, threshold)
        ready = [self._prepare(frame) for frame in frames]
        answers = iter(self._infer([each for each in ready if isinstance(each, Prepared)]))
        heard = [next(answers) if isinstance(each, Prepared) else each for each in ready]
        ended = []
        for frame, what in zip(frames, heard, strict=True):
            ended.append(self._end(frame, what, threshold))
            parts.control.infer_progress += 1
        parts.recorder.end(ended)

    def _is_paused(self) -> bool:
        parts = self._parts
        if not (parts.drops_when_paused and parts.control.paused.is_set()):
            return False
        parts.accounts.dropped(Drop.PAUSED)
        return True

    def _prepare(self, frame: Frame) -> Prepared | Drop:
        """Return what the own model takes of a frame, or why it is not asked."""
        if self._is_stale(frame):
            return Drop.STALE
        prepared = self._try(lambda: self._parts.chain.prepare(frame))
        if prepared is None:
            self._failures = 0
            return Drop.GATE
        return prepared

    def _infer(self, inputs: Sequence[Prepared]) -> Sequence[Answer | Drop]:
        """Return what the own model gives for each; all share the call and its failure."""
        answers = self._try(lambda: self._parts.chain.infer(inputs)) if inputs else []
        return [answers] * len(inputs) if isinstance(answers, Drop) else answers

    def _end(self, frame: Frame, heard: Answer | Drop, threshold: float) -> Ended:
        """Send or count what became of one frame."""
        parts = self._parts
        parts.watch.look(frame)
        outcome = heard if isinstance(heard, Drop) else self._conclude(frame, heard, threshold)
        if isinstance(outcome, Drop):
            logger.debug("frame %d: %s", frame.ref.sequence, outcome.value)
            parts.accounts.dropped(outcome)
            return Ended(frame, outcome.value)
        parts.recorder.decided(outcome.decoded, threshold)
        return Ended(frame, None, self._send(outcome, threshold))

    def _conclude(self, frame: Frame, answer: Answer, threshold: float) -> Prediction | Drop:
        """Return what all models say of a frame, or why they do not."""
        prediction = self._try(lambda: self._parts.chain.conclude(frame, answer, threshold))
        if isinstance(prediction, Drop):
            return prediction
        self._failures = 0
        return Drop.STALE if self._is_stale(frame) else prediction

    def _try(self, step: Callable[[], T]) -> T | Drop:
        """Return what a step gives, or what its failure counts as."""
        try:
            return step()
        except FrameError as error:
            logger.debug("%s", error)
            return Drop.INVALID
        except EngineError as error:
            self._count_failure(str(error))
            return Drop.ERROR

    def _count_failure(self, why: str) -> None:
        if self._failures == 0:
            logger.error("inference fails: %s", why)
        self._failures += 1
        if self._failures >= MAX_ENGINE_FAILURES:
            self._parts.control.fail(f"{self._failures} inferences in a row failed: {why}")

    def _send(self, prediction: Prediction, threshold: float) -> tuple[Outgoing, ...]:
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
        return tuple(messages)

    def _is_stale(self, frame: Frame) -> bool:
        limit_ms = self._parts.max_age_ms
        if limit_ms is None:
            return False
        return (self._parts.time.monotonic_s() - frame.ref.captured_monotonic_s) * 1e3 > limit_ms
