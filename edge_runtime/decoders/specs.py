"""What a bundle says about its outputs: one frozen struct per way of decoding; its tag is the name.

Boxes are decoded in the pixels of the model's input and leave as shares of the original image.
"""

from typing import Literal, TypeAlias, get_args

import msgspec

Activation: TypeAlias = Literal["none", "logistic"]
Heads: TypeAlias = tuple[tuple[str, ...], ...]  # per head the outputs that stand side by side
Anchors: TypeAlias = tuple[tuple[float, float], ...]  # (width, height)


class _Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared settings: immutable, unknown keys refused."""


class ClassificationDecoder(_Spec, frozen=True, kw_only=True, tag="classification"):
    """Scores to classes. `activation` says what the model leaves to do."""

    output: str
    activation: Literal["none", "softmax", "logistic"] = "none"
    top_k: int = 3


class RegressionDecoder(_Spec, frozen=True, kw_only=True, tag="regression"):
    """One number per name: raw * scale + offset."""

    output: str
    names: tuple[str, ...]
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""


class AnomalyDecoder(_Spec, frozen=True, kw_only=True, tag="anomaly"):
    """Mean squared reconstruction error ("reconstruction"), or the output itself ("score")."""

    output: str
    threshold: float
    method: Literal["reconstruction", "score"] = "reconstruction"


class BoxesSpec(_Spec, frozen=True, kw_only=True):
    """What every decoder of boxes takes.

    Attributes:
        threshold: Least score of a box, in [0, 1].
        iou: Of two boxes of one class that overlap by more the weaker goes; 1 keeps all.
        max_boxes: Of one frame; the best are kept.
        every_class: A place may be told once for each class that reaches the threshold, as
            benchmarks count them; else for its best class only.
    """

    threshold: float = 0.25
    iou: float = 0.45
    max_boxes: int = 100
    every_class: bool = False


class GridSpec(BoxesSpec, frozen=True, kw_only=True):
    """Boxes that belong to the cells of grids, one grid per stride.

    Attributes:
        heads: Outputs of each grid, in the order of `strides`: (1, H, W, channels), or any shape
            with as many values, channels last. Several names of one head stand side by side in
            the channels (boxes apart from classes). A single head may hold all grids, row by row.
        strides: Pixels of a cell.
        activation: What the model leaves to do to scores.
        is_transposed: The channels stand first, behind the batch.
    """

    heads: Heads
    strides: tuple[int, ...] = (8, 16, 32)
    activation: Activation = "logistic"
    is_transposed: bool = False


class RowsDecoder(BoxesSpec, frozen=True, kw_only=True, tag="rows"):
    """Rows that are boxes already: 4 numbers, an objectness where there is one, class scores.

    Attributes:
        outputs: (1, N, channels), or (1, channels, N) where `is_transposed`; several stand side
            by side in the channels (boxes apart from scores).
        form: Of the 4 numbers.
        unit: "pixels" of the model's input, or "share" of it.
    """

    outputs: tuple[str, ...]
    form: Literal["centre", "corners"] = "centre"
    unit: Literal["pixels", "share"] = "pixels"
    has_objectness: bool = False
    is_transposed: bool = False
    activation: Activation = "none"


class Yolov5Decoder(GridSpec, frozen=True, kw_only=True, tag="yolov5"):
    """Anchors with objectness: per anchor x, y, width, height, objectness, classes.

    Attributes:
        anchors: Per stride the sizes in pixels of the model's input, as many for each.
    """

    anchors: tuple[Anchors, ...] = (
        ((10, 13), (16, 30), (33, 23)),
        ((30, 61), (62, 45), (59, 119)),
        ((116, 90), (156, 198), (373, 326)),
    )


class DistanceSpec(GridSpec, frozen=True, kw_only=True):
    """Boxes as distances from a place to the four sides, each a distribution over `bins` cells."""

    bins: int = 16


class Yolov8Decoder(DistanceSpec, frozen=True, kw_only=True, tag="yolov8"):
    """Distances from the middle of the cell, then classes; no objectness."""


class NanodetDecoder(DistanceSpec, frozen=True, kw_only=True, tag="nanodet"):
    """Classes, then distances from the corner of the cell."""

    bins: int = 8
    strides: tuple[int, ...] = (8, 16, 32, 64)


class YoloxDecoder(GridSpec, frozen=True, kw_only=True, tag="yolox"):
    """One box a cell: offset of the centre, logarithm of the size, objectness, classes."""


class SsdDecoder(BoxesSpec, frozen=True, kw_only=True, tag="ssd"):
    """Offsets (y, x, height, width) from anchors, and class scores, in two outputs.

    Attributes:
        boxes: (1, N, 4), any shape of so many values.
        scores: (1, N, classes).
        grids: (rows, columns) of each feature map; anchors sit in the middle of the cells.
        anchors: Per feature map the (width, height) of its anchors as shares of the input.
        variances: The raw numbers are divided by these.
        background: Class that is none; labels begin after it where it is 0. None: there is none.
    """

    boxes: str
    scores: str
    grids: tuple[tuple[int, int], ...]
    anchors: tuple[Anchors, ...]
    variances: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    background: int | None = 0
    activation: Literal["none", "logistic", "softmax"] = "logistic"


class CenternetDecoder(BoxesSpec, frozen=True, kw_only=True, tag="centernet"):
    """Peaks of a heat map per class, with a size and an offset at each place.

    Attributes:
        heatmap: (1, H, W, classes).
        sizes: (1, H, W, 2), width and height.
        offsets: (1, H, W, 2), x and y of the centre in the cell; None: 0.
        stride: Pixels of a cell; sizes are in cells.
    """

    heatmap: str
    sizes: str
    offsets: str | None = None
    stride: int = 4
    activation: Activation = "logistic"


class SegmentationDecoder(_Spec, frozen=True, kw_only=True, tag="segmentation"):
    """The best class of every place.

    Attributes:
        output: (1, H, W, classes); a single channel is a score in which 0.5 means class 1.
        background: Class that is not reported; None: all are.
        threshold: Least share of the image that makes an event.
        contours: Outlines as polygons, besides area and box.
    """

    output: str
    background: int | None = 0
    threshold: float = 0.01
    contours: bool = False
    activation: Activation = "none"


class HeatmapPoseDecoder(_Spec, frozen=True, kw_only=True, tag="heatmap_pose"):
    """One pose a frame: the highest place of each heat map, (1, H, W, points)."""

    output: str
    points: tuple[str, ...]
    threshold: float = 0.3
    activation: Activation = "none"


class YoloPoseDecoder(DistanceSpec, frozen=True, kw_only=True, tag="yolo_pose"):
    """As YOLOv8; behind the classes x, y and score of every point."""

    points: tuple[str, ...]


DistanceDecoder: TypeAlias = Yolov8Decoder | NanodetDecoder | YoloPoseDecoder
GridDecoder: TypeAlias = Yolov5Decoder | YoloxDecoder | DistanceDecoder
DetectionDecoder: TypeAlias = (
    Yolov5Decoder | Yolov8Decoder | NanodetDecoder | YoloxDecoder | RowsDecoder | SsdDecoder
    | CenternetDecoder
)  # fmt: skip
PoseDecoder: TypeAlias = HeatmapPoseDecoder | YoloPoseDecoder
ImageDecoder: TypeAlias = DetectionDecoder | SegmentationDecoder | PoseDecoder
Decoder: TypeAlias = ClassificationDecoder | RegressionDecoder | AnomalyDecoder | ImageDecoder
Task: TypeAlias = Literal[
    "classification", "regression", "anomaly", "detection", "segmentation", "keypoints", "tensor"
]

IMAGE_DECODERS = get_args(ImageDecoder)


def outputs_of(decoder: Decoder) -> tuple[str, ...]:
    """Return the names of the outputs that a decoder reads."""
    match decoder:
        case GridSpec(heads=heads):
            return tuple(name for head in heads for name in head)
        case RowsDecoder(outputs=outputs):
            return outputs
        case SsdDecoder(boxes=boxes, scores=scores):
            return boxes, scores
        case CenternetDecoder(heatmap=heatmap, sizes=sizes, offsets=offsets):
            return (heatmap, sizes) if offsets is None else (heatmap, sizes, offsets)
        case _:
            return (decoder.output,)


def task_of(decoder: Decoder) -> Task:
    """Return what a model with this decoder is for."""
    match decoder:
        case ClassificationDecoder():
            return "classification"
        case RegressionDecoder():
            return "regression"
        case AnomalyDecoder():
            return "anomaly"
        case SegmentationDecoder():
            return "segmentation"
        case HeatmapPoseDecoder() | YoloPoseDecoder():
            return "keypoints"
        case _:
            return "detection"
