"""Picks the decoder that the manifest names."""

from collections.abc import Mapping
from typing import assert_never

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.anomaly import decode_anomaly
from edge_runtime.decoders.candidates import Candidates, detected
from edge_runtime.decoders.classification import decode_classes
from edge_runtime.decoders.grids import grid_candidates
from edge_runtime.decoders.peaks import decode_pose, peak_candidates
from edge_runtime.decoders.regression import decode_values
from edge_runtime.decoders.rows import row_candidates, ssd_candidates
from edge_runtime.decoders.segmentation import decode_areas
from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    CenternetDecoder,
    ClassificationDecoder,
    DetectionDecoder,
    HeatmapPoseDecoder,
    ImageDecoder,
    NanodetDecoder,
    RegressionDecoder,
    RowsDecoder,
    SegmentationDecoder,
    SsdDecoder,
    YoloPoseDecoder,
    Yolov5Decoder,
    Yolov8Decoder,
    YoloxDecoder,
    outputs_of,
)
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, Manifest
from edge_runtime.placement import Placement, place
from edge_runtime.records import Decoded, Detected, Detection, Keypoints

FloatArray = npt.NDArray[np.float32]
DEFAULT_CLASS_THRESHOLD = 0.5


def decode(
    outputs: Mapping[str, FloatArray],
    tensor: FloatArray,
    manifest: Manifest,
    threshold: float,
    placement: Placement | None = None,
) -> Decoded:
    """Return what the outputs of one input mean.

    Args:
        outputs: Of the engine, by name.
        tensor: The model's input.
        manifest: Names decoder and labels.
        threshold: In force now. Boxes and points below it are left out; classes below it are
            still reported, events are not made of them.
        placement: Where the input lies in the original image; None: the image is the input.

    Raises:
        BundleError: The bundle declares no decoder, or one for an output that is not there.
        FrameError: The outputs of this frame mean nothing.
    """
    decoder = manifest.decoder
    if decoder is None:
        raise BundleError(f"{manifest.name}: the bundle declares no decoder")
    for name in outputs_of(decoder):
        if name not in outputs:
            raise BundleError(f"decoder: output {name!r}, the model has {list(outputs)}")
    match decoder:
        case ClassificationDecoder():
            return decode_classes(outputs[decoder.output], decoder, manifest.labels)
        case RegressionDecoder():
            return decode_values(outputs[decoder.output], decoder)
        case AnomalyDecoder():
            return decode_anomaly(outputs[decoder.output], tensor, decoder, threshold)
        case _:
            with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is refused below
                return _decode_image(outputs, decoder, manifest, threshold, placement)


def first_threshold(configured: float | None, manifest: Manifest) -> float:
    """Return the threshold to start with: the configuration's, else the bundle's, else 0.5."""
    if configured is not None:
        return configured
    match manifest.decoder:
        case None | ClassificationDecoder() | RegressionDecoder():
            return DEFAULT_CLASS_THRESHOLD
        case decoder:
            return decoder.threshold


def _decode_image(
    outputs: Mapping[str, FloatArray],
    decoder: ImageDecoder,
    manifest: Manifest,
    threshold: float,
    placement: Placement | None,
) -> Decoded:
    image, labels = manifest.preprocessing, manifest.labels
    if not isinstance(image, ImageInput):
        raise BundleError(f"{manifest.name}: its decoder needs images")
    size_px = (image.width, image.height)
    placement = placement or place(image, size_px)
    match decoder:
        case SegmentationDecoder():
            return decode_areas(outputs[decoder.output], decoder, placement, size_px, labels)
        case HeatmapPoseDecoder():
            return decode_pose(outputs[decoder.output], decoder, placement, size_px, threshold)
        case YoloPoseDecoder(points=points):
            found = grid_candidates(outputs, decoder, size_px, threshold)
            return Keypoints(detected(found, decoder, placement, labels, points))
        case _:
            return Detection(detection_of(outputs, decoder, image, threshold, placement, labels))


def detection_of(
    outputs: Mapping[str, FloatArray],
    decoder: DetectionDecoder,
    image: ImageInput,
    threshold: float,
    placement: Placement,
    labels: tuple[str, ...] = (),
) -> tuple[Detected, ...]:
    """Return the objects of one input, best first; arguments are those of `decode`.

    Raises:
        FrameError: A box or a score that is no number.
    """
    found = _candidates(outputs, decoder, (image.width, image.height), threshold)
    return detected(found, decoder, placement, labels)


def _candidates(
    outputs: Mapping[str, FloatArray],
    decoder: DetectionDecoder,
    size_px: tuple[int, int],
    threshold: float,
) -> Candidates:
    match decoder:
        case Yolov5Decoder() | Yolov8Decoder() | NanodetDecoder() | YoloxDecoder():
            return grid_candidates(outputs, decoder, size_px, threshold)
        case RowsDecoder():
            return row_candidates(outputs, decoder, size_px, threshold)
        case SsdDecoder():
            return ssd_candidates(outputs, decoder, size_px, threshold)
        case CenternetDecoder():
            return peak_candidates(outputs, decoder, threshold)
        case _:
            assert_never(decoder)
