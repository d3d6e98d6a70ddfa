"""The path of a frame through one model; holds no state.

Frames share nothing but the engine's call: each is prepared and concluded by itself.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from edge_runtime.decoders.decode import decode
from edge_runtime.decoders.specs import outputs_of
from edge_runtime.engines.batches import run_all
from edge_runtime.engines.protocol import Engine, FloatArray
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, Manifest
from edge_runtime.placement import WHOLE, Placement, place
from edge_runtime.preprocess import to_tensor
from edge_runtime.records import Box, Frame, Outcome, Prediction, StageTimes
from edge_runtime.regions import View, cut, seen


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what its bundle says about it.

    Attributes:
        manifest: Preprocessing, decoder, labels.
        engine: Holds the model.
        clock: Monotonic, seconds.
        at_once: Samples that one call of the engine may hold.
    """

    manifest: Manifest
    engine: Engine
    clock: Callable[[], float] = time.perf_counter
    at_once: int = 1

    @property
    def takes_images(self) -> bool:
        """Return whether its input is an image."""
        return isinstance(self.manifest.preprocessing, ImageInput)


Outputs: TypeAlias = Mapping[str, FloatArray]
Change: TypeAlias = Callable[[Outputs], Outputs]
Observe: TypeAlias = Callable[[FloatArray, Outputs], None]

EVERYTHING = View()


def unobserved(_tensor: FloatArray, _outputs: Outputs) -> None:
    """Look away."""


@dataclass(frozen=True, slots=True)
class Taps:
    """What is done with tensors on their way.

    Attributes:
        observe: Sees the model's input and its outputs.
        change: Of the outputs, before they are decoded.
    """

    observe: Observe = unobserved
    change: Change = dict


UNTAPPED = Taps()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A model's input, made of a frame or of a region of it.

    Attributes:
        tensor: (1, ...) float32.
        placement: Of an image in it; None: no image.
        took_ms: To make it.
    """

    tensor: FloatArray
    placement: Placement | None
    took_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What an engine gave for a prepared input.

    Attributes:
        prepared: The input.
        outputs: Each (1, ...).
        took_ms: The engine, for all inputs that it was given together.
        batch: How many these were.
    """

    prepared: Prepared
    outputs: Outputs
    took_ms: float
    batch: int


def predict(frame: Frame, model: Model, threshold: float, view: View = EVERYTHING) -> Prediction:
    """Return what a model says of a frame.

    Args:
        frame: An image or samples.
        model: Takes such frames.
        threshold: In force now.
        view: What of an image counts.

    Raises:
        FrameError: The frame, or what the model made of it, cannot be used.
        EngineError: The engine failed.
    """
    return as_prediction(frame, run_model(frame.values, model, threshold, view.roi), model, view)


def run_model(
    values: npt.NDArray[Any], model: Model, threshold: float, region: Box = WHOLE
) -> Outcome:
    """Return what a model says of values, or of a region of an image, and what that took.

    Raises:
        FrameError: The values, or what the model made of them, cannot be used.
        EngineError: The engine failed.
    """
    (answer,) = infer([prepare(values, model, region)], model)
    return conclude(answer, model, threshold)


def prepare(values: npt.NDArray[Any], model: Model, region: Box = WHOLE) -> Prepared:
    """Return the model's input, of values or of a region of an image.

    Raises:
        FrameError: The values cannot be used.
    """
    started = model.clock()
    image, placement = model.manifest.preprocessing, None
    if isinstance(image, ImageInput) and values.ndim >= 2:
        values, region = cut(values, region)
        placement = place(image, (values.shape[1], values.shape[0]), region)
    tensor = to_tensor(values, image, model.manifest.inputs[0].shape)
    return Prepared(tensor, placement, (model.clock() - started) * 1e3)


def infer(inputs: Sequence[Prepared], model: Model) -> list[Answer]:
    """Return what the engine gives for each input, in as few calls as it can.

    Raises:
        EngineError: The engine failed.
    """
    name = model.manifest.inputs[0].name
    started = model.clock()
    given = run_all(model.engine, [{name: each.tensor} for each in inputs], model.at_once)
    took_ms = (model.clock() - started) * 1e3
    return [
        Answer(prepared, outputs, took_ms, len(inputs))
        for prepared, outputs in zip(inputs, given, strict=True)
    ]


def conclude(answer: Answer, model: Model, threshold: float, taps: Taps = UNTAPPED) -> Outcome:
    """Return what an engine's outputs mean.

    Raises:
        FrameError: They hold NaN or infinity.
    """
    prepared = answer.prepared
    started = model.clock()
    taps.observe(prepared.tensor, answer.outputs)
    outputs = taps.change(answer.outputs)
    decoded = decode(outputs, prepared.tensor, model.manifest, threshold, prepared.placement)
    decode_ms = (model.clock() - started) * 1e3
    return Outcome(decoded, StageTimes(prepared.took_ms, answer.took_ms, decode_ms, answer.batch))


def as_prediction(frame: Frame, outcome: Outcome, model: Model, view: View) -> Prediction:
    """Return what a model said of a frame, as far as the view lets it count."""
    size = (frame.values.shape[1], frame.values.shape[0]) if model.takes_images else None
    return Prediction(frame.ref, size, seen(outcome.decoded, view), outcome.times, frame.label)


def check_pipeline(manifest: Manifest) -> None:
    """Refuse a bundle that this pipeline cannot serve.

    Raises:
        BundleError: Not one input, no output, no decoder, or one of outputs that are not there.
    """
    if len(manifest.inputs) != 1 or not manifest.outputs:
        raise BundleError(
            f"{manifest.name}: {len(manifest.inputs)} inputs and {len(manifest.outputs)} outputs, "
            "the daemon takes 1 input and at least 1 output"
        )
    if manifest.decoder is None:
        raise BundleError(f"{manifest.name}: the bundle declares no decoder")
    names = [spec.name for spec in manifest.outputs]
    for name in outputs_of(manifest.decoder):
        if name not in names:
            raise BundleError(f"{manifest.name}: decoder of output {name!r}, has {names}")
