"""The path of one frame through one model; holds no state."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from edge_runtime.decoders.decode import decode
from edge_runtime.decoders.specs import outputs_of
from edge_runtime.engines.protocol import Engine, FloatArray
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, Manifest
from edge_runtime.placement import WHOLE, place
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
    """

    manifest: Manifest
    engine: Engine
    clock: Callable[[], float] = time.perf_counter

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


def predict(
    frame: Frame,
    model: Model,
    threshold: float,
    view: View = EVERYTHING,
    taps: Taps = UNTAPPED,
) -> Prediction:
    """Return what a model says of a frame.

    Args:
        frame: An image or samples.
        model: Takes such frames.
        threshold: In force now.
        view: What of an image counts.
        taps: What is done with tensors on their way.

    Raises:
        FrameError: The frame, or what the model made of it, cannot be used.
        EngineError: The engine failed.
    """
    outcome = run_model(frame.values, model, threshold, view.roi, taps)
    size = (frame.values.shape[1], frame.values.shape[0]) if model.takes_images else None
    return Prediction(frame.ref, size, seen(outcome.decoded, view), outcome.times, frame.label)


def run_model(
    values: npt.NDArray[Any],
    model: Model,
    threshold: float,
    region: Box = WHOLE,
    taps: Taps = UNTAPPED,
) -> Outcome:
    """Return what a model says of values, or of a region of an image, and what that took.

    Raises:
        FrameError: The values, or what the model made of them, cannot be used.
        EngineError: The engine failed.
    """
    manifest, clock = model.manifest, model.clock
    spec, image = manifest.inputs[0], manifest.preprocessing
    started = clock()
    placement = None
    if isinstance(image, ImageInput) and values.ndim >= 2:
        values, region = cut(values, region)
        placement = place(image, (values.shape[1], values.shape[0]), region)
    tensor = to_tensor(values, image, spec.shape)
    prepared = clock()
    outputs = model.engine.run({spec.name: tensor})
    inferred = clock()
    taps.observe(tensor, outputs)
    decoded = decode(taps.change(outputs), tensor, manifest, threshold, placement)
    times = StageTimes(
        preprocess_ms=(prepared - started) * 1e3,
        infer_ms=(inferred - prepared) * 1e3,
        decode_ms=(clock() - inferred) * 1e3,
    )
    return Outcome(decoded, times)


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
