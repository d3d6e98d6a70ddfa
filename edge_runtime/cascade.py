"""What further models say of a frame: of all of it, or of the objects that an earlier one found."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from edge_runtime.conditions import conditions_of
from edge_runtime.pipeline import Model, conclude, infer, prepare
from edge_runtime.records import (
    Box,
    Decoded,
    Detected,
    Detection,
    Frame,
    Keypoints,
    Prediction,
    StageOutcome,
    StageTimes,
)
from edge_runtime.regions import widened

Found: TypeAlias = Mapping[str | None, tuple[Detected, ...]]  # objects by stage; None: the first's
Places: TypeAlias = tuple[tuple[int | None, Box], ...]  # of which object, and where


@dataclass(frozen=True, slots=True)
class Step:
    """A further model, and when it is asked.

    Attributes:
        name: In payloads.
        model: What is asked.
        threshold: Of it.
        on: Each object, cut out of the frame, or the frame.
        of: Whose objects: an earlier step's; None: the first model's.
        labels: Objects with these labels only; on a frame: only where the first model says one of
            them. Empty: all.
        margin: Share of its sides that is added around an object.
        max_objects: The best ones of a frame.
    """

    name: str
    model: Model
    threshold: float
    on: Literal["objects", "frame"] = "objects"
    of: str | None = None
    labels: tuple[str, ...] = ()
    margin: float = 0.1
    max_objects: int = 5


def ask_further(
    frame: Frame, prediction: Prediction, steps: tuple[Step, ...], threshold: float, roi: Box
) -> Prediction:
    """Return the prediction with what the further models say; a step sees all steps before it.

    Args:
        frame: That the prediction is of.
        prediction: Of the first model.
        steps: In order.
        threshold: Of the first model, in force now.
        roi: What steps on the frame see of an image.

    Raises:
        FrameError: What a model made of its input cannot be used.
        EngineError: An engine failed.
    """
    found: dict[str | None, tuple[Detected, ...]] = {None: _objects(prediction.decoded)}
    said = {condition.what for condition in conditions_of(prediction.decoded, threshold)}
    outcomes = []
    for step in steps:
        is_wanted = not step.labels or bool(said & {*step.labels})
        on_frame: Places = ((None, roi),) if is_wanted else ()
        outcome = _ask(frame, step, on_frame if step.on == "frame" else _places(found, step))
        found[step.name] = tuple(
            thing for _, decoded in outcome.parts for thing in _objects(decoded)
        )
        outcomes.append(outcome)
    return replace(prediction, stages=tuple(outcomes))


def _places(found: Found, step: Step) -> Places:
    wanted = [
        (index, widened(thing.box, step.margin))
        for index, thing in enumerate(found[step.of])
        if not step.labels or thing.label in step.labels
    ]
    return tuple(wanted[: step.max_objects])


def _ask(frame: Frame, step: Step, places: Places) -> StageOutcome:
    inputs = [prepare(frame.values, step.model, region) for _, region in places]
    answers = infer(inputs, step.model) if inputs else []
    outcomes = [conclude(answer, step.model, step.threshold) for answer in answers]
    parts = zip((index for index, _ in places), (each.decoded for each in outcomes), strict=True)
    return StageOutcome(step.name, tuple(parts), _together([each.times for each in outcomes]))


def _together(times: list[StageTimes]) -> StageTimes:
    """Return what all parts took; the engine had them in its hands together."""
    return StageTimes(
        preprocess_ms=sum(each.preprocess_ms for each in times),
        infer_ms=times[0].infer_ms if times else 0.0,
        decode_ms=sum(each.decode_ms for each in times),
    )


def _objects(decoded: Decoded) -> tuple[Detected, ...]:
    return decoded.objects if isinstance(decoded, Detection | Keypoints) else ()
