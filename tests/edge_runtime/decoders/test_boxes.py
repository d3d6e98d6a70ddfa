"""Decoders of boxes against plain loops, and suppression against OpenCV's."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.decoders.candidates import Candidates, iou_matrix, suppress
from edge_runtime.decoders.decode import decode
from edge_runtime.decoders.specs import (
    CenternetDecoder,
    Decoder,
    NanodetDecoder,
    RowsDecoder,
    SsdDecoder,
    Yolov5Decoder,
    Yolov8Decoder,
    YoloxDecoder,
)
from edge_runtime.errors import FrameError
from edge_runtime.manifest import ImageInput
from edge_runtime.records import Detection
from tests.edge_runtime.decoders import boxes as judge
from tests.edge_runtime.manifests import manifest_of

SIZE = (64, 64)
STRIDES = (8, 16, 32)
CLASSES = 3
LABELS = ("a", "b", "c")


def heads(rng: np.random.Generator, channels: int) -> list[Any]:
    shapes = [(1, 64 // s, 64 // s, channels) for s in STRIDES]
    return [rng.normal(0.0, 1.0, shape).astype(np.float32) for shape in shapes]


def found(
    outputs: dict[str, Any], decoder: Decoder, threshold: float, labels: tuple[str, ...] = LABELS
) -> Any:
    shapes = {name: value.shape for name, value in outputs.items()}
    manifest = manifest_of(decoder, shapes, ImageInput(width=64, height=64), labels)
    decoded = decode(outputs, np.zeros(1, np.float32), manifest, threshold)
    assert isinstance(decoded, Detection)
    return decoded.objects


def test_yolov5_is_the_loops(rng: np.random.Generator) -> None:
    raw = heads(rng, 3 * (5 + CLASSES))
    decoder = Yolov5Decoder(heads=(("p3",), ("p4",), ("p5",)))

    objects = found(dict(zip(("p3", "p4", "p5"), raw, strict=True)), decoder, 0.5)

    rows = judge.yolov5(raw, STRIDES, decoder.anchors)
    judge.assert_same(objects, judge.suppressed(rows, 0.5, 0.45), SIZE)


def test_yolov8_is_the_loops_with_boxes_and_classes_in_outputs_of_their_own(
    rng: np.random.Generator,
) -> None:
    raw_boxes, raw_classes = heads(rng, 64), heads(rng, CLASSES)
    decoder = Yolov8Decoder(heads=(("b0", "c0"), ("b1", "c1"), ("b2", "c2")))
    outputs = {f"b{i}": v for i, v in enumerate(raw_boxes)}
    outputs |= {f"c{i}": v for i, v in enumerate(raw_classes)}

    objects = found(outputs, decoder, 0.7)

    rows = judge.distances(raw_boxes, raw_classes, STRIDES, 16, 0.5)
    judge.assert_same(objects, judge.suppressed(rows, 0.7, 0.45), SIZE)


@pytest.mark.parametrize("is_transposed", [False, True])
def test_yolov8_reads_all_grids_from_one_output(
    rng: np.random.Generator, is_transposed: bool
) -> None:
    raw_boxes, raw_classes = heads(rng, 64), heads(rng, CLASSES)
    flat = [
        np.concatenate([b, c], axis=3).reshape(1, -1, 64 + CLASSES)
        for b, c in zip(raw_boxes, raw_classes, strict=True)
    ]

    output = np.concatenate(flat, axis=1)
    decoder = Yolov8Decoder(heads=(("y",),), is_transposed=is_transposed)

    objects = found({"y": output.transpose(0, 2, 1) if is_transposed else output}, decoder, 0.7)

    rows = judge.distances(raw_boxes, raw_classes, STRIDES, 16, 0.5)
    judge.assert_same(objects, judge.suppressed(rows, 0.7, 0.45), SIZE)


def test_nanodet_has_its_classes_first_and_its_places_at_the_corner(
    rng: np.random.Generator,
) -> None:
    raw_boxes, raw_classes = heads(rng, 32), heads(rng, CLASSES)
    joined = [np.concatenate([c, b], axis=3) for b, c in zip(raw_boxes, raw_classes, strict=True)]
    decoder = NanodetDecoder(heads=(("x",), ("y",), ("z",)), strides=STRIDES)

    objects = found(dict(zip("xyz", joined, strict=True)), decoder, 0.7)

    rows = judge.distances(raw_boxes, raw_classes, STRIDES, 8, 0.0)
    judge.assert_same(objects, judge.suppressed(rows, 0.7, 0.45), SIZE)


def test_yolox_is_the_loops(rng: np.random.Generator) -> None:
    raw = heads(rng, 5 + CLASSES)
    decoder = YoloxDecoder(heads=(("p3",), ("p4",), ("p5",)), iou=0.6)

    objects = found(dict(zip(("p3", "p4", "p5"), raw, strict=True)), decoder, 0.4)

    judge.assert_same(objects, judge.suppressed(judge.yolox(raw, STRIDES), 0.4, 0.6), SIZE)


def test_ssd_is_the_loops(rng: np.random.Generator) -> None:
    grids, anchors = ((8, 8), (4, 4)), (((0.2, 0.2), (0.3, 0.1)), ((0.5, 0.4), (0.3, 0.6)))
    count = 2 * (64 + 16)
    boxes = rng.normal(0, 2, (1, count, 4)).astype(np.float32)
    scores = rng.normal(0, 1, (1, count, 1 + CLASSES)).astype(np.float32)
    decoder = SsdDecoder(boxes="b", scores="s", grids=grids, anchors=anchors)

    objects = found({"b": boxes, "s": scores}, decoder, 0.7)

    rows = judge.ssd(boxes, scores, grids, anchors, 64)
    judge.assert_same(objects, judge.suppressed(rows, 0.7, 0.45), SIZE)


@pytest.mark.parametrize("form", ["centre", "corners"])
@pytest.mark.parametrize("unit", ["pixels", "share"])
@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("has_objectness", [False, True])
def test_rows_are_boxes_already(
    rng: np.random.Generator, form: Any, unit: Any, is_transposed: bool, has_objectness: bool
) -> None:
    low = rng.uniform(0, 40, (50, 2))
    corners = np.concatenate([low, low + rng.uniform(5, 20, (50, 2))], axis=1)
    scores, objectness = rng.uniform(0, 1, (50, CLASSES)), rng.uniform(0, 1, (50, 1))
    centred = np.concatenate(
        [(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1
    )
    numbers = (corners if form == "corners" else centred) / (64 if unit == "share" else 1)
    columns = [numbers, objectness, scores] if has_objectness else [numbers, scores]
    output = np.concatenate(columns, axis=1).astype(np.float32)[np.newaxis]
    decoder = RowsDecoder(
        outputs=("y",),
        form=form,
        unit=unit,
        is_transposed=is_transposed,
        has_objectness=has_objectness,
    )

    objects = found({"y": output.transpose(0, 2, 1) if is_transposed else output}, decoder, 0.3)

    rows = []
    for box, classes, sure in zip(corners, scores, objectness, strict=True):
        score, best = judge.best_class([float(v) for v in classes])
        rows.append((score * (float(sure[0]) if has_objectness else 1.0), best, tuple(box)))
    judge.assert_same(objects, judge.suppressed(rows, 0.3, 0.45), SIZE)


def test_centernet_finds_the_places_that_no_neighbour_exceeds(rng: np.random.Generator) -> None:
    heat = rng.normal(0, 1, (1, 16, 16, CLASSES)).astype(np.float32)
    sizes = rng.uniform(1, 6, (1, 16, 16, 2)).astype(np.float32)
    offsets = rng.uniform(0, 1, (1, 16, 16, 2)).astype(np.float32)
    decoder = CenternetDecoder(heatmap="h", sizes="s", offsets="o", iou=1.0)

    objects = found({"h": heat, "s": sizes, "o": offsets}, decoder, 0.8)

    rows = []
    for y in range(16):
        for x in range(16):
            for c in range(CLASSES):
                around = heat[0, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2, c]
                if heat[0, y, x, c] == around.max():
                    (w, h), (dx, dy) = sizes[0, y, x], offsets[0, y, x]
                    box = judge.corners(4 * (x + dx), 4 * (y + dy), 4 * w, 4 * h)
                    rows.append((judge.sigmoid(float(heat[0, y, x, c])), c, box))
    judge.assert_same(objects, judge.suppressed(rows, 0.8, 1.0), SIZE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.sampled_from([0.2, 0.45, 0.7]))
def test_suppression_keeps_what_opencv_keeps(seed: int, count: int, iou: float) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 100, (count, 2))
    corners = np.concatenate([low, low + rng.uniform(5, 60, (count, 2))], axis=1)
    scores = np.sort(rng.uniform(0.1, 1.0, count))[::-1].astype(np.float32)
    classes = rng.integers(0, 3, count)
    candidates = Candidates(corners.astype(np.float32), classes, scores)

    kept = suppress(candidates, iou, 1000).tolist()

    theirs: list[int] = []
    for index in range(3):
        rows = np.flatnonzero(classes == index)
        if len(rows):
            cornered = corners[rows].astype(np.float32)
            widths = np.concatenate([cornered[:, :2], cornered[:, 2:] - cornered[:, :2]], axis=1)
            chosen = cv2.dnn.NMSBoxes(widths.tolist(), scores[rows].tolist(), 0.0, iou)
            theirs += rows[np.array(chosen, int)].tolist()
    assert kept == sorted(theirs)


def test_at_most_so_many_boxes_stay_and_they_are_the_best(rng: np.random.Generator) -> None:
    corners = np.arange(40, dtype=np.float32)[:, np.newaxis] * 100 + np.array([0, 0, 1, 1])
    scores = np.linspace(1, 0.5, 40).astype(np.float32)
    candidates = Candidates(corners.astype(np.float32), np.zeros(40, int), scores)

    assert suppress(candidates, 0.5, 7).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_boxes_without_an_area_overlap_nothing() -> None:
    flat = np.array([[1.0, 1.0, 1.0, 5.0], [0.0, 0.0, 2.0, 2.0]])

    np.testing.assert_array_equal(iou_matrix(flat, flat), [[0.0, 0.0], [0.0, 1.0]])


def test_boxes_outside_of_the_image_are_left_out() -> None:
    rows = np.array([[[-30, -30, -5, -5, 0.9], [10, 10, 20, 20, 0.8]]], np.float32)

    objects = found({"y": rows}, RowsDecoder(outputs=("y",), form="corners"), 0.5, ("a",))

    assert [thing.score for thing in objects] == [pytest.approx(0.8)]


def test_answers_that_are_no_numbers_are_refused() -> None:
    rows = np.array([[[1, 1, 9, 9, 0.9], [2, 2, 8, 8, 0.2]]], np.float32)
    decoder = RowsDecoder(outputs=("y",), form="corners")

    for place in ((0, 0, 4), (0, 1, 4), (0, 0, 1)):
        broken = rows.copy()
        broken[place] = np.nan
        with pytest.raises(FrameError, match="NaN"):
            found({"y": broken}, decoder, 0.5, ("a",))


def test_an_ssd_without_background_names_every_class(rng: np.random.Generator) -> None:
    scores = np.array([[[0.1, 0.9]]], np.float32)
    decoder = SsdDecoder(
        boxes="b", scores="s", grids=((1, 1),), anchors=(((0.5, 0.5),),), background=None,
        activation="none",
    )  # fmt: skip

    objects = found({"b": np.zeros((1, 1, 4), np.float32), "s": scores}, decoder, 0.5, ("a", "b"))

    assert [(thing.label, thing.box) for thing in objects] == [("b", (0.25, 0.25, 0.75, 0.75))]


def test_boxes_and_scores_may_be_apart_and_every_class_be_told() -> None:
    outputs = {
        "b": np.array([[[8, 8, 24, 24], [40, 40, 56, 56]]], np.float32),
        "s": np.array([[[0.9, 0.6, 0.1], [0.2, 0.3, 0.7]]], np.float32),
    }
    best = RowsDecoder(outputs=("b", "s"), form="corners")
    every = RowsDecoder(outputs=("b", "s"), form="corners", every_class=True)

    told = [[(o.label, round(o.score, 3)) for o in found(outputs, d, 0.5)] for d in (best, every)]

    assert told == [[("a", 0.9), ("c", 0.7)], [("a", 0.9), ("c", 0.7), ("b", 0.6)]]


def test_a_centernet_without_offsets_has_its_centres_at_the_corner_of_the_cell() -> None:
    heat = np.full((1, 4, 4, 1), -5.0, np.float32)
    heat[0, 2, 1] = 5.0
    sizes = np.full((1, 4, 4, 2), 2.0, np.float32)
    decoder = CenternetDecoder(heatmap="h", sizes="s", stride=16)

    (thing,) = found({"h": heat, "s": sizes}, decoder, 0.5, ("a",))

    assert thing.box == (0.0, 0.25, 0.5, 0.75)


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 16), (1.0, 0)])
def test_thresholds_at_both_ends_are_meant(threshold: float, count: int) -> None:
    flat = {"h": np.zeros((1, 4, 4, 1), np.float32), "s": np.ones((1, 4, 4, 2), np.float32)}

    objects = found(flat, CenternetDecoder(heatmap="h", sizes="s", iou=1.0), threshold, ("a",))

    assert len(objects) == count


def test_a_softmax_is_over_the_classes() -> None:
    scores = np.log(np.array([[[1.0, 2.0, 5.0]]], np.float32))
    decoder = SsdDecoder(
        boxes="b", scores="s", grids=((1, 1),), anchors=(((1.0, 1.0),),), activation="softmax"
    )

    (thing,) = found({"b": np.zeros((1, 1, 4), np.float32), "s": scores}, decoder, 0.5, ("a", "b"))

    assert (thing.label, thing.score) == ("b", pytest.approx(5 / 8))


SHAPES: list[tuple[Decoder, dict[str, tuple[int, ...]]]] = [
    (Yolov5Decoder(heads=(("y",),), strides=(32,), anchors=(((9, 9),),)), {"y": (1, 2, 2, 8)}),
    (Yolov8Decoder(heads=(("y",),), strides=(32,), bins=4), {"y": (1, 2, 2, 19)}),
    (NanodetDecoder(heads=(("y",),), strides=(32,), bins=4), {"y": (1, 2, 2, 19)}),
    (YoloxDecoder(heads=(("y",),), strides=(32,)), {"y": (1, 2, 2, 8)}),
    (RowsDecoder(outputs=("y",)), {"y": (1, 9, 7)}),
    (CenternetDecoder(heatmap="h", sizes="s"), {"h": (1, 3, 3, 3), "s": (1, 3, 3, 2)}),
    (
        SsdDecoder(boxes="b", scores="s", grids=((2, 2),), anchors=(((1.0, 1.0),),)),
        {"b": (1, 4, 4), "s": (1, 4, 4)},
    ),
]
WILD = st.one_of(
    st.floats(-10, 10, width=32),
    st.sampled_from([np.inf, -np.inf, np.nan, 3e38, -3e38, 1e20, 0.0]),
)


@pytest.mark.parametrize(
    ("decoder", "shapes"), SHAPES, ids=[type(decoder).__name__ for decoder, _ in SHAPES]
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_output_brings_down_the_worker_or_leaves_the_image(
    decoder: Decoder, shapes: dict[str, tuple[int, ...]], data: st.DataObject
) -> None:
    """Whatever a broken engine answers is refused, or told as boxes within the image."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    outputs = {}
    for name, shape in shapes.items():
        values = np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)
        spoiled = data.draw(st.lists(st.tuples(st.integers(0, values.size - 1), WILD), max_size=5))
        for place, value in spoiled:
            values.flat[place] = value
        outputs[name] = values

    try:
        objects = found(outputs, decoder, 0.3)
    except FrameError:
        return

    for thing in objects:
        left, top, right, bottom = thing.box
        assert 0.0 <= left < right <= 1.0
        assert 0.0 <= top < bottom <= 1.0
        assert np.isfinite(thing.score)
