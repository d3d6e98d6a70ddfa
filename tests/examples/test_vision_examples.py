"""The trained vision models and what makes their pictures: reproducible, small, and good."""

from pathlib import Path

import numpy as np
import pytest

from examples.detector.cells import CELL_STRIDES, CENTRES, wanted_values
from examples.detector.score import kept, onnx_detector, precision
from examples.scenes import coloured_digits, shapes
from quantize.executors import OnnxRunner
from quantize.load.loaded import LoadedModel
from quantize.load.open import open_model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MODELS = ("mobilenet_v2", "mobilenet_v3", "detector")
MAX_BYTES = 600_000


def _model(name: str) -> Path:
    return EXAMPLES / name / f"{name}.onnx"


@pytest.mark.parametrize("name", MODELS)
def test_the_models_are_small_and_wholly_supported(name: str) -> None:
    assert _model(name).stat().st_size < MAX_BYTES
    assert isinstance(open_model(_model(name)).content, LoadedModel)


@pytest.mark.ort
@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3"])
def test_the_classifiers_know_handwriting_that_they_have_not_seen(name: str) -> None:
    _, held_out = coloured_digits.handwriting()
    pixels, labels = coloured_digits.pictures(held_out, 200, seed=11)

    (scores,) = OnnxRunner(_model(name).read_bytes())(
        {"image": coloured_digits.as_input(pixels)}
    ).values()

    assert np.mean(scores.argmax(1) == labels) >= 0.88  # 0.94 of 2,000; of 200 three sigma less


@pytest.mark.ort
def test_the_detector_finds_shapes_in_frames_that_it_has_not_seen() -> None:
    detector, seen = onnx_detector(_model("detector")), shapes.frames(40, seed=11)

    answers = [detector(shapes.as_input(frame.pixels[np.newaxis])[0]) for frame in seen]

    assert precision(answers, seen) >= 0.8  # 0.904 of 300


def test_the_same_seed_gives_the_same_frames_and_another_does_not() -> None:
    first, again, other = (shapes.frames(2, seed) for seed in (5, 5, 6))

    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.pixels, same.pixels)
        np.testing.assert_array_equal(one.boxes, same.boxes)
    assert not np.array_equal(first[0].pixels, other[0].pixels)


def test_boxes_lie_in_the_frame_and_overlap_little() -> None:
    for frame in shapes.frames(30, seed=7):
        assert len(frame.boxes) == len(frame.classes) <= shapes.MOST_SHAPES
        assert np.all((frame.boxes >= 0) & (frame.boxes <= shapes.SIZE))
        assert np.all(frame.boxes[:, 2:] > frame.boxes[:, :2])
        shared = shapes.overlap(frame.boxes[:, np.newaxis], frame.boxes[np.newaxis])
        assert np.all(shared[~np.eye(len(frame.boxes), dtype=bool)] <= shapes.MOST_OVERLAP)


def test_small_shapes_belong_to_the_fine_grid_and_large_ones_to_the_coarse() -> None:
    boxes = np.array([[10, 10, 26, 26], [40, 40, 80, 80]], np.float32)

    wanted = wanted_values(boxes, np.array([0, 2]))

    for index, (kind, stride) in enumerate([(0, 8), (2, 16)]):
        mine = wanted[:, 4 + kind] == 1
        assert mine.any()
        assert np.all(wanted[mine, :4] == boxes[index])
        assert np.all(CELL_STRIDES[mine] == stride)
        assert np.all(CENTRES[mine, :2] > boxes[index, :2])


def test_suppression_keeps_the_surest_of_a_class_and_all_classes() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]], np.float32)
    scores = np.array([[0.6, 0.0], [0.9, 0.5], [0.7, 0.01]], np.float32)

    found = kept(boxes, scores)

    assert found.classes.tolist() == [0, 0, 1]
    assert found.boxes.tolist() == [boxes[1].tolist(), boxes[2].tolist(), boxes[1].tolist()]
