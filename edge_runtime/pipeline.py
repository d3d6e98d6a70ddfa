"""The path of one frame; holds no state."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.decoders.decode import decode
from edge_runtime.engines.protocol import Engine
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, Manifest
from edge_runtime.preprocess import to_tensor
from edge_runtime.records import Frame, Prediction, StageTimes


@dataclass(frozen=True, slots=True)
class Stages:
    """What a frame passes: the model and what its bundle says about it.

    Attributes:
        manifest: Preprocessing, decoder, labels.
        engine: Holds the model.
        clock: Monotonic, seconds.
    """

    manifest: Manifest
    engine: Engine
    clock: Callable[[], float] = time.perf_counter


def predict(frame: Frame, stages: Stages, threshold: float) -> Prediction:
    """Return what the model says of a frame.

    Raises:
        FrameError: The frame, or what the model made of it, cannot be used.
        EngineError: The engine failed.
    """
    manifest, clock = stages.manifest, stages.clock
    spec = manifest.inputs[0]
    started = clock()
    tensor = to_tensor(frame.values, manifest.preprocessing, spec.shape)
    prepared = clock()
    outputs = stages.engine.run({spec.name: tensor})
    inferred = clock()
    decoded = decode(outputs, tensor, manifest, threshold)
    times = StageTimes(
        preprocess_ms=(prepared - started) * 1e3,
        infer_ms=(inferred - prepared) * 1e3,
        decode_ms=(clock() - inferred) * 1e3,
    )
    is_image = isinstance(manifest.preprocessing, ImageInput)
    size = (frame.values.shape[1], frame.values.shape[0]) if is_image else None
    return Prediction(frame.ref, size, decoded, times, frame.label)


def check_pipeline(manifest: Manifest) -> None:
    """Refuse a bundle that this pipeline cannot serve.

    Raises:
        BundleError: Not one input, no output, or no decoder.
    """
    if len(manifest.inputs) != 1 or not manifest.outputs:
        raise BundleError(
            f"{manifest.name}: {len(manifest.inputs)} inputs and {len(manifest.outputs)} outputs, "
            "the daemon takes 1 input and at least 1 output"
        )
    decoder = manifest.decoder
    if decoder is None:
        raise BundleError(f"{manifest.name}: the bundle declares no decoder")
    names = [spec.name for spec in manifest.outputs]
    if decoder.output not in names:
        raise BundleError(f"{manifest.name}: decoder of output {decoder.output!r}, has {names}")
