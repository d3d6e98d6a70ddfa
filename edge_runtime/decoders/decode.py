"""Picks the decoder that the manifest names."""

from collections.abc import Mapping
from typing import assert_never

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.anomaly import decode_anomaly
from edge_runtime.decoders.classification import decode_classes
from edge_runtime.decoders.regression import decode_values
from edge_runtime.errors import BundleError
from edge_runtime.manifest import (
    AnomalyDecoder,
    ClassificationDecoder,
    Manifest,
    RegressionDecoder,
)
from edge_runtime.records import Decoded

FloatArray = npt.NDArray[np.float32]
DEFAULT_CLASS_THRESHOLD = 0.5


def decode(
    outputs: Mapping[str, FloatArray], tensor: FloatArray, manifest: Manifest, threshold: float
) -> Decoded:
    """Return what the outputs of one input mean.

    Args:
        outputs: Of the engine, by name.
        tensor: The model's input.
        manifest: Names decoder and labels.
        threshold: In force now; classes below it are still reported, events are not made of them.

    Raises:
        BundleError: The bundle declares no decoder, or one for an output that is not there.
        FrameError: The outputs of this frame mean nothing.
    """
    decoder = manifest.decoder
    if decoder is None:
        raise BundleError(f"{manifest.name}: the bundle declares no decoder")
    output = outputs.get(decoder.output)
    if output is None:
        raise BundleError(f"decoder: output {decoder.output!r}, the model has {list(outputs)}")
    match decoder:
        case ClassificationDecoder():
            return decode_classes(output, decoder, manifest.labels)
        case RegressionDecoder():
            return decode_values(output, decoder)
        case AnomalyDecoder():
            return decode_anomaly(output, tensor, decoder, threshold)
        case _:
            assert_never(decoder)


def first_threshold(configured: float | None, manifest: Manifest) -> float:
    """Return the threshold to start with: the configuration's, else the bundle's, else 0.5."""
    if configured is not None:
        return configured
    decoder = manifest.decoder
    return decoder.threshold if isinstance(decoder, AnomalyDecoder) else DEFAULT_CLASS_THRESHOLD
