import numpy as np
import pytest

from quantize.report.detection import (
    Detections,
    class_precisions,
    grade,
    mean_average_precision,
    overlaps,
)


def _known(boxes: list[list[float]], classes: list[int]) -> Detections:
    return Detections(np.array(boxes, float).reshape(-1, 4), np.array(classes, int))


def _found(boxes: list[list[float]], classes: list[int], scores: list[float]) -> Detections:
    return Detections(
        np.array(boxes, float).reshape(-1, 4), np.array(classes, int), np.array(scores, float)
    )


SQUARE, AWAY = [0, 0, 10, 10], [50, 50, 60, 60]


def test_the_overlap_of_boxes_is_intersection_over_union() -> None:
    found = overlaps(np.array([SQUARE, AWAY]), np.array([[0, 0, 10, 5], [5, 0, 15, 10]]))

    np.testing.assert_allclose(found, [[0.5, 50 / 150], [0, 0]])


def test_empty_boxes_overlap_nothing() -> None:
    point = np.array([[3, 3, 3, 3]])

    assert overlaps(point, point).tolist() == [[0.0]]


def test_all_found_is_one() -> None:
    truth = [_known([SQUARE, AWAY], [0, 1]), _known([], [])]
    found = [_found([AWAY, SQUARE], [1, 0], [0.5, 0.9]), _found([], [], [])]

    assert mean_average_precision(found, truth) == 1.0


def test_a_surer_wrong_box_halves_the_precision_at_full_recall() -> None:
    found = [_found([AWAY, SQUARE], [0, 0], [0.9, 0.8])]

    assert mean_average_precision(found, [_known([SQUARE], [0])]) == 0.5


def test_a_box_is_found_once_and_a_missed_one_costs_recall() -> None:
    truth = [_known([SQUARE, AWAY], [0, 0])]
    found = [_found([SQUARE, SQUARE], [0, 0], [0.9, 0.8])]

    assert mean_average_precision(found, truth) == 0.5


def test_precision_is_made_monotone_before_the_area_is_taken() -> None:
    """Hits at ranks 1 and 3 of three, of two boxes: 0.5 * 1 + 0.5 * 2/3."""
    truth = [_known([SQUARE, AWAY], [0, 0])]
    far = [100, 100, 110, 110]
    found = [_found([SQUARE, far, AWAY], [0, 0, 0], [0.9, 0.8, 0.7])]

    assert mean_average_precision(found, truth) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_scores_are_ordered_over_all_images_and_classes_are_averaged() -> None:
    truth = [_known([SQUARE], [0]), _known([SQUARE], [0]), _known([SQUARE], [1])]
    found = [
        _found([AWAY], [0], [0.95]),
        _found([SQUARE], [0], [0.9]),
        _found([SQUARE], [1], [0.1]),
    ]

    assert mean_average_precision(found, truth) == pytest.approx((0.25 + 1.0) / 2)


def test_another_class_or_too_little_overlap_is_no_hit() -> None:
    truth = [_known([SQUARE], [0])]

    assert mean_average_precision([_found([SQUARE], [1], [0.9])], truth) == 0.0
    assert mean_average_precision([_found([[0, 0, 10, 4]], [0], [0.9])], truth) == 0.0


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="detections of 0 images, truth of 1"):
        mean_average_precision([], [_known([SQUARE], [0])])
    with pytest.raises(ValueError, match="no box in any image"):
        mean_average_precision([_found([], [], [])], [_known([], [])])
    with pytest.raises(ValueError, match="no scores"):
        mean_average_precision([_known([SQUARE], [0])], [_known([SQUARE], [0])])


def test_each_overlap_counts_its_own_hits() -> None:
    truth = _known([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0])
    found = _found([[0, 0, 10, 10], [20, 0, 30, 7]], [0, 0], [0.9, 0.8])  # overlaps 1 and 0.7

    (precisions,) = class_precisions([grade(found, truth)]).values()

    np.testing.assert_allclose(precisions, [1.0] * 5 + [0.5] * 5)  # 0.5 .. 0.7, 0.75 .. 0.95
