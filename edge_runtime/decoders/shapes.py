"""Whether a decoder and the outputs of its model belong together; said before any frame is."""

import math
from collections.abc import Mapping
from typing import TypeAlias, assert_never

from edge_runtime.decoders.specs import (
    IMAGE_DECODERS,
    AnomalyDecoder,
    BoxesSpec,
    CenternetDecoder,
    ClassificationDecoder,
    Decoder,
    DistanceSpec,
    GridDecoder,
    GridSpec,
    HeatmapPoseDecoder,
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
    task_of,
)
from edge_runtime.errors import BundleError

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
MAX_BOXES = 1000


def check_decoder(
    decoder: Decoder, shapes: Shapes, labels: int, size_px: tuple[int, int] | None
) -> None:
    """Refuse a decoder that would fail on every frame, or name classes wrongly.

    Args:
        decoder: The bundle's.
        shapes: Of the model's outputs, by name, batch 1 first.
        labels: How many there are; 0: none are named.
        size_px: (width, height) of the model's input where that is an image.

    Raises:
        BundleError: An output that is not there, or has another shape than the decoder reads;
            a number outside what it allows.
    """
    for name in outputs_of(decoder):
        if name not in shapes:
            raise BundleError(f"decoder of {name!r}, the outputs are {[*shapes]}")
    if isinstance(decoder, IMAGE_DECODERS) and size_px is None:
        raise BundleError(f"{task_of(decoder)} decoder: the preprocessing has to be an image's")
    _check_numbers(decoder)
    classes = _classes(decoder, shapes, size_px or (0, 0))
    if classes is not None and labels not in {0, classes}:
        raise BundleError(f"{labels} labels, the model has {classes} classes")


def grid_cells(decoder: GridSpec, size_px: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return (rows, columns) of each grid for an input of (width, height)."""
    width, height = size_px
    return tuple((-(-height // s), -(-width // s)) for s in decoder.strides)


def box_channels(decoder: GridDecoder) -> tuple[int, int]:
    """Return (boxes a cell, channels of a box that are no classes)."""
    match decoder:
        case Yolov5Decoder(anchors=anchors):
            return len(anchors[0]), 5
        case YoloxDecoder():
            return 1, 5
        case Yolov8Decoder(bins=bins) | NanodetDecoder(bins=bins):
            return 1, 4 * bins
        case YoloPoseDecoder(bins=bins, points=points):
            return 1, 4 * bins + 3 * len(points)
        case _:
            assert_never(decoder)


def _check_numbers(decoder: Decoder) -> None:
    match decoder:
        case ClassificationDecoder(top_k=top_k):
            _check_range("top_k", top_k, 1, math.inf)
        case BoxesSpec(threshold=threshold, iou=iou, max_boxes=max_boxes):
            _check_range("threshold", threshold, 0, 1)
            _check_range("iou", iou, 0, 1)
            _check_range("max_boxes", max_boxes, 1, MAX_BOXES)
        case SegmentationDecoder(threshold=threshold) | HeatmapPoseDecoder(threshold=threshold):
            _check_range("threshold", threshold, 0, 1)
        case _:
            pass
    if isinstance(decoder, GridSpec):
        _check_grids(decoder)
    if isinstance(decoder, SsdDecoder):
        _check_anchors(decoder)


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        allowed = f"{least} and above" if most == math.inf else f"{least} to {most}"
        raise BundleError(f"{name} {value}, allowed is {allowed}")


def _check_grids(decoder: GridSpec) -> None:
    strides, heads = decoder.strides, decoder.heads
    if not strides or min(strides) < 1:
        raise BundleError(f"strides {strides}, allowed is 1 and above, at least one")
    if len(heads) not in {1, len(strides)} or not all(heads):
        raise BundleError(f"{len(heads)} heads, allowed is 1 or one for each of {strides}")
    if isinstance(decoder, DistanceSpec):
        _check_range("bins", decoder.bins, 1, 64)
    if isinstance(decoder, Yolov5Decoder):
        counts = [len(anchors) for anchors in decoder.anchors]
        if len(counts) != len(strides) or len(set(counts)) != 1 or not counts[0]:
            raise BundleError(f"anchors for {counts}, allowed are as many for each of {strides}")


def _check_anchors(decoder: SsdDecoder) -> None:
    if len(decoder.anchors) != len(decoder.grids) or not decoder.grids:
        raise BundleError(
            f"anchors for {len(decoder.anchors)} feature maps, there are {len(decoder.grids)}"
        )
    if 0.0 in decoder.variances:
        raise BundleError(f"variances {decoder.variances}, allowed is anything but 0")


def _classes(decoder: Decoder, shapes: Shapes, size_px: tuple[int, int]) -> int | None:
    """Return how many classes the outputs tell apart, None where they tell none."""
    match decoder:
        case ClassificationDecoder(output=output):
            return max(math.prod(shapes[output]), 2)  # a lone score tells "no" from "yes"
        case RegressionDecoder(output=output, names=names):
            _check_values(output, math.prod(shapes[output]), names)
            return None
        case AnomalyDecoder():
            return None
        case Yolov5Decoder() | YoloxDecoder() | Yolov8Decoder() | NanodetDecoder():
            return _grid_classes(decoder, shapes, size_px)
        case YoloPoseDecoder():
            return _grid_classes(decoder, shapes, size_px)
        case RowsDecoder():
            return _row_classes(decoder, shapes)
        case SsdDecoder():
            return _ssd_classes(decoder, shapes)
        case CenternetDecoder():
            return _peak_classes(decoder, shapes)
        case SegmentationDecoder(output=output):
            return max(_map_shape(output, shapes[output])[2], 2)
        case HeatmapPoseDecoder(output=output, points=points):
            _check_values(output, _map_shape(output, shapes[output])[2], points)
            return None
        case _:
            assert_never(decoder)


def _check_values(output: str, found: int, names: tuple[str, ...]) -> None:
    if found != len(names):
        raise BundleError(f"output {output!r}: {len(names)} names, the model has {found} values")


def _grid_classes(decoder: GridDecoder, shapes: Shapes, size_px: tuple[int, int]) -> int:
    cells = [rows * columns for rows, columns in grid_cells(decoder, size_px)]
    counts = cells if len(decoder.heads) > 1 else [sum(cells)]
    boxes, fixed = box_channels(decoder)
    found = {
        sum(_channels(decoder, name, shapes[name], count) for name in head)
        for head, count in zip(decoder.heads, counts, strict=True)
    }
    channels = max(found)
    classes = channels // boxes - fixed
    if len(found) != 1 or channels % boxes or classes < 1:
        shown = {name: shapes[name] for name in outputs_of(decoder)}
        raise BundleError(
            f"outputs {shown}: {sorted(found)} channels, allowed are {boxes} x ({fixed} + classes)"
        )
    return classes


def _channels(decoder: GridDecoder, name: str, shape: tuple[int, ...], cells: int) -> int:
    """Return the channels of an output that holds so many cells."""
    channels, rest = divmod(math.prod(shape), cells)
    boxes, _ = box_channels(decoder)
    place = 1 if decoder.is_transposed else -1
    if rest or len(shape) < 3 or shape[place] not in {channels, channels // boxes}:
        order = "first" if decoder.is_transposed else "last"
        raise BundleError(
            f"output {name!r}: shape {shape}, the decoder reads {cells} cells, channels {order}"
        )
    return channels


def _row_classes(decoder: RowsDecoder, shapes: Shapes) -> int:
    counts, channels = set(), 0
    for name in decoder.outputs:
        shape = shapes[name]
        if len(shape) != 3 or shape[0] != 1:
            raise BundleError(f"output {name!r}: shape {shape}, allowed is (1, rows, values)")
        counts.add(shape[2 if decoder.is_transposed else 1])
        channels += shape[1 if decoder.is_transposed else 2]
    classes = channels - 4 - decoder.has_objectness
    if len(counts) != 1 or classes < 1:
        shown = {name: shapes[name] for name in decoder.outputs}
        raise BundleError(f"outputs {shown}: allowed are as many rows of 4 numbers and classes")
    return classes


def _ssd_classes(decoder: SsdDecoder, shapes: Shapes) -> int:
    pairs = zip(decoder.grids, decoder.anchors, strict=True)
    count = sum(rows * columns * len(sizes) for (rows, columns), sizes in pairs)
    boxes, scores = shapes[decoder.boxes], shapes[decoder.scores]
    if math.prod(boxes) != 4 * count:
        raise BundleError(
            f"output {decoder.boxes!r}: shape {boxes}, the decoder reads (1, {count}, 4)"
        )
    classes = math.prod(scores) // count
    is_whole = math.prod(scores) % count == 0
    named = classes - (decoder.background is not None)
    if not is_whole or named < 1:
        raise BundleError(
            f"output {decoder.scores!r}: shape {scores}, the decoder reads (1, {count}, classes)"
        )
    return named


def _peak_classes(decoder: CenternetDecoder, shapes: Shapes) -> int:
    rows, columns, classes = _map_shape(decoder.heatmap, shapes[decoder.heatmap])
    for name in (decoder.sizes, decoder.offsets):
        if name is not None and _map_shape(name, shapes[name]) != (rows, columns, 2):
            raise BundleError(
                f"output {name!r}: shape {shapes[name]}, the decoder reads {(1, rows, columns, 2)}"
            )
    return classes


def _map_shape(name: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (rows, columns, channels) of a map."""
    if len(shape) != 4 or shape[0] != 1:
        raise BundleError(
            f"output {name!r}: shape {shape}, the decoder reads (1, rows, columns, channels)"
        )
    return shape[1], shape[2], shape[3]
