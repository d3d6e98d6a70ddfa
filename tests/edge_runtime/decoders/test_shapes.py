"""A decoder and a model that do not belong together are refused before any frame, by name."""

from typing import Any

import pytest

from edge_runtime.decoders.shapes import check_decoder
from edge_runtime.decoders.specs import (
    CenternetDecoder,
    ClassificationDecoder,
    Decoder,
    HeatmapPoseDecoder,
    NanodetDecoder,
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

SIZE = (64, 32)
V8 = Yolov8Decoder(heads=(("a",), ("b",), ("c",)))
V8_SHAPES = {"a": (1, 4, 8, 67), "b": (1, 2, 4, 67), "c": (1, 1, 2, 67)}
SSD = SsdDecoder(boxes="b", scores="s", grids=((2, 2),), anchors=(((0.1, 0.1), (0.2, 0.2)),))
CENTER = CenternetDecoder(heatmap="h", sizes="s", offsets="o")
CENTER_SHAPES = {"h": (1, 8, 16, 3), "s": (1, 8, 16, 2), "o": (1, 8, 16, 2)}
POSE = YoloPoseDecoder(heads=(("y",),), strides=(8,), points=("nose", "tail"))


@pytest.mark.parametrize(
    ("decoder", "shapes", "labels", "task"),
    [
        (V8, V8_SHAPES, 3, "detection"),
        (Yolov8Decoder(heads=(("y",),)), {"y": (1, 42, 67)}, 3, "detection"),
        (Yolov8Decoder(heads=(("y",),), is_transposed=True), {"y": (1, 67, 42)}, 3, "detection"),
        (
            Yolov5Decoder(heads=(("y",),), strides=(8,), anchors=(((1, 1), (2, 2)),)),
            {"y": (1, 4, 8, 2, 8)},
            3,
            "detection",
        ),
        (
            Yolov8Decoder(heads=(("b", "c"),), strides=(8,)),
            {"b": (1, 32, 64), "c": (1, 32, 3)},
            3,
            "detection",
        ),
        (
            Yolov5Decoder(heads=(("y",),), strides=(8,), anchors=(((1, 1), (2, 2)),)),
            {"y": (1, 4, 8, 16)},
            3,
            "detection",
        ),
        (YoloxDecoder(heads=(("y",),), strides=(8,)), {"y": (1, 4, 8, 8)}, 3, "detection"),
        (NanodetDecoder(heads=(("y",),), strides=(8,)), {"y": (1, 32, 35)}, 3, "detection"),
        (RowsDecoder(outputs=("y",)), {"y": (1, 100, 7)}, 3, "detection"),
        (RowsDecoder(outputs=("y",), is_transposed=True), {"y": (1, 7, 100)}, 3, "detection"),
        (RowsDecoder(outputs=("b", "s")), {"b": (1, 9, 4), "s": (1, 9, 3)}, 3, "detection"),
        (SSD, {"b": (1, 8, 4), "s": (1, 8, 4)}, 3, "detection"),
        (CENTER, CENTER_SHAPES, 3, "detection"),
        (POSE, {"y": (1, 4, 8, 71)}, 1, "keypoints"),
        (HeatmapPoseDecoder(output="y", points=("a",)), {"y": (1, 8, 8, 1)}, 0, "keypoints"),
        (SegmentationDecoder(output="y"), {"y": (1, 8, 8, 3)}, 3, "segmentation"),
        (SegmentationDecoder(output="y"), {"y": (1, 8, 8, 1)}, 2, "segmentation"),
    ],
)
def test_what_fits_is_taken_with_and_without_labels(
    decoder: Decoder, shapes: Any, labels: int, task: str
) -> None:
    check_decoder(decoder, shapes, labels, SIZE)
    check_decoder(decoder, shapes, 0, SIZE)

    assert task_of(decoder) == task
    assert set(outputs_of(decoder)) == set(shapes)
    if labels:
        with pytest.raises(BundleError, match=f"9 labels, the model has {labels} classes"):
            check_decoder(decoder, shapes, 9, SIZE)


@pytest.mark.parametrize(
    ("decoder", "shapes", "message"),
    [
        (V8, V8_SHAPES | {"b": (1, 3, 4, 67)}, r"output 'b': shape \(1, 3, 4, 67\), .* 8 cells"),
        (V8, V8_SHAPES | {"b": (1, 2, 4, 70)}, r"\[67, 70\] channels, allowed are 1 x \(64"),
        (Yolov8Decoder(heads=(("y",),)), {"y": (1, 42, 64)}, r"\[64\] channels"),
        (V8, {"a": (1, 4, 8, 67)}, r"decoder of 'b', the outputs are \['a'\]"),
        (Yolov8Decoder(heads=(("y",), ("y",))), {"y": (1, 42, 67)}, "2 heads, allowed is 1"),
        (Yolov8Decoder(heads=((),)), {}, "1 heads, allowed"),
        (Yolov8Decoder(heads=(("y",),)), {"y": (1, 67, 42)}, "42 cells, channels last"),
        (
            Yolov8Decoder(heads=(("y",),), is_transposed=True),
            {"y": (1, 42, 67)},
            "42 cells, channels first",
        ),
        (Yolov8Decoder(heads=(("y",),), strides=()), {"y": (1, 1)}, r"strides \(\), allowed"),
        (Yolov8Decoder(heads=(("y",),), bins=0), {"y": (1, 42, 67)}, "bins 0, allowed is 1 to 64"),
        (Yolov8Decoder(heads=(("y",),), iou=1.5), {"y": (1, 42, 67)}, "iou 1.5, allowed is 0 to 1"),
        (Yolov8Decoder(heads=(("y",),), max_boxes=0), {"y": (1, 42, 67)}, "max_boxes 0, allowed"),
        (Yolov5Decoder(heads=(("y",),), strides=(8,)), {"y": (1, 1)}, r"anchors for \[3, 3, 3\]"),
        (RowsDecoder(outputs=("y",)), {"y": (100, 7)}, r"shape \(100, 7\), allowed is \(1, rows"),
        (RowsDecoder(outputs=("y",)), {"y": (1, 100, 4)}, "rows of 4 numbers and classes"),
        (
            RowsDecoder(outputs=("b", "s")),
            {"b": (1, 9, 4), "s": (1, 8, 3)},
            r"'b': \(1, 9, 4\), 's': \(1, 8, 3\)",
        ),
        (SSD, {"b": (1, 9, 4), "s": (1, 8, 4)}, r"output 'b': .* reads \(1, 8, 4\)"),
        (SSD, {"b": (1, 8, 4), "s": (1, 8, 1)}, r"output 's': .* reads \(1, 8, classes\)"),
        (
            SsdDecoder(boxes="b", scores="s", grids=((2, 2),), anchors=()),
            {"b": (1, 8, 4), "s": (1, 8, 4)},
            "anchors for 0 feature maps, there are 1",
        ),
        (
            SsdDecoder(
                boxes="b", scores="s", grids=((1, 1),), anchors=(((1, 1),),), variances=(0, 1, 1, 1)
            ),
            {"b": (1, 1, 4), "s": (1, 1, 2)},
            "variances",
        ),
        (CENTER, CENTER_SHAPES | {"o": (1, 4, 16, 2)}, "output 'o': shape"),
        (CENTER, CENTER_SHAPES | {"h": (1, 8, 16)}, r"output 'h': shape \(1, 8, 16\)"),
        (
            HeatmapPoseDecoder(output="y", points=("a",)),
            {"y": (1, 8, 8, 2)},
            "1 names, .* 2 values",
        ),
        (SegmentationDecoder(output="y", threshold=2), {"y": (1, 8, 8, 2)}, "threshold 2"),
        (ClassificationDecoder(output="y", top_k=0), {"y": (1, 2)}, "top_k 0, allowed is 1 and"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_shape(
    decoder: Decoder, shapes: Any, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        check_decoder(decoder, shapes, 0, SIZE)


def test_boxes_need_an_image() -> None:
    with pytest.raises(BundleError, match="detection decoder: the preprocessing has to be"):
        check_decoder(V8, V8_SHAPES, 0, None)
