"""What a frame passes in a worker: gates, the pipeline's model, the tracker, the further models.

Frames go through it alone and in order, but for the call of the pipeline's model, which several
may share. What is remembered of them stays apart: gates before the call, all else after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_runtime.cascade import Step, ask_further
from edge_runtime.pipeline import (
    Answer,
    Model,
    Observe,
    Prepared,
    Taps,
    as_prediction,
    conclude,
    infer,
    prepare,
    unobserved,
)
from edge_runtime.records import Detection, Frame, Keypoints, Prediction
from edge_runtime.regions import View
from edge_runtime.worker.average import Average, AverageState
from edge_runtime.worker.gates import Gate, GateState
from edge_runtime.worker.tracker import Tracker, TrackerState


@dataclass(frozen=True, slots=True)
class ChainState:
    """All that a chain remembers between two frames."""

    gates: tuple[GateState, ...]
    tracker: TrackerState | None
    average: AverageState | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The models of one pipeline; gates and tracker keep state from frame to frame.

    Attributes:
        model: The pipeline's own.
        view: What of an image counts.
        gates: In order; a frame that one refuses does not reach the next.
        tracker: None: objects are not followed.
        steps: The further models, in order.
        average: Of the own model's outputs; None: each frame stands for itself.
        observe: Sees the own model's input and outputs.
    """

    model: Model
    view: View = View()  # noqa: RUF009 (frozen)
    gates: tuple[Gate, ...] = ()
    tracker: Tracker | None = None
    steps: tuple[Step, ...] = ()
    average: Average | None = None
    observe: Observe = unobserved

    def prepare(self, frame: Frame) -> Prepared | None:
        """Return what the own model takes of a frame, None where a gate refuses it.

        Raises:
            FrameError: The frame cannot be used.
            EngineError: The engine of a gate failed.
        """
        if not all(gate.admits(frame) for gate in self.gates):
            return None
        return prepare(frame.values, self.model, self.view.roi)

    def infer(self, inputs: Sequence[Prepared]) -> list[Answer]:
        """Return what the own model's engine gives for each.

        Raises:
            EngineError: It failed.
        """
        return infer(inputs, self.model)

    def conclude(self, frame: Frame, answer: Answer, threshold: float) -> Prediction:
        """Return what all models say of a frame.

        Raises:
            FrameError: What a model made of the frame cannot be used.
            EngineError: The engine of a stage failed.
        """
        taps = Taps(self.observe, self.average or dict)
        outcome = conclude(answer, self.model, threshold, taps)
        prediction = self._followed(as_prediction(frame, outcome, self.model, self.view))
        if not self.steps:
            return prediction
        return ask_further(frame, prediction, self.steps, threshold, self.view.roi)

    def state(self) -> ChainState:
        """Return what it remembers, as a copy."""
        return ChainState(
            gates=tuple(gate.state() for gate in self.gates),
            tracker=None if self.tracker is None else self.tracker.state(),
            average=None if self.average is None else self.average.state(),
        )

    def restore(self, state: ChainState) -> None:
        """Remember what another chain of the same configuration did."""
        for gate, before in zip(self.gates, state.gates, strict=True):
            gate.restore(before)
        if self.tracker is not None and state.tracker is not None:
            self.tracker.restore(state.tracker)
        if self.average is not None and state.average is not None:
            self.average.restore(state.average)

    def _followed(self, prediction: Prediction) -> Prediction:
        decoded = prediction.decoded
        if self.tracker is None or not isinstance(decoded, Detection | Keypoints):
            return prediction
        now_s = prediction.ref.captured_monotonic_s
        return replace(prediction, decoded=self.tracker.follow(decoded, now_s))
