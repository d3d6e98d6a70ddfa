"""Detection: how good boxes are, as average precision at one overlap or at several."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
OVERLAPS = tuple(step / 100 for step in range(50, 100, 5))  # of COCO


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of one image.

    Attributes:
        boxes: (K, 4): left, top, right, bottom, in any unit that is the same everywhere.
        classes: (K,) class indices.
        scores: (K,) confidence; None for what is known to be there.
    """

    boxes: npt.NDArray[np.floating]
    classes: npt.NDArray[np.integer]
    scores: npt.NDArray[np.floating] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Graded:
    """Boxes found in one image, and how right they are.

    Attributes:
        classes: (K,) of what was found, best first.
        scores: (K,), falling.
        hits: (T, K) whether each takes a true box, at each of the overlaps asked for.
        known: (M,) classes of the true boxes.
    """

    classes: npt.NDArray[np.integer]
    scores: npt.NDArray[np.floating]
    hits: npt.NDArray[np.bool_]
    known: npt.NDArray[np.integer]


def grade(found: Detections, truth: Detections, min_overlaps: Sequence[float] = OVERLAPS) -> Graded:
    """Return how right the boxes of one image are, at each overlap.

    By falling score, one is right where it overlaps a box of its class, not yet taken, by so much
    or more (of those the most overlapping).

    Raises:
        ValueError: Scores are missing.
    """
    if found.scores is None:
        raise ValueError("detections: no scores, average precision orders by them")
    order = np.argsort(-found.scores, kind="stable")
    boxes, classes = found.boxes[order], found.classes[order]
    hits = np.zeros((len(min_overlaps), len(order)), bool)
    for one in np.unique(classes):
        mine = classes == one
        shared = overlaps(boxes[mine], truth.boxes[truth.classes == one])
        for row, least in zip(hits, min_overlaps, strict=True):
            row[mine] = _hits(shared.copy(), least)
    return Graded(classes, found.scores[order], hits, truth.classes)


def class_precisions(graded: Sequence[Graded]) -> dict[int, Floats]:
    """Return the average precision (T,) at each overlap, 0..1, of each class in the truth.

    Over all images detections are taken by falling score. Precision is made monotone, and the area
    under it over recall is exact, not sampled.

    Source: PASCAL VOC development kit 2012, section 3.4.1 (average precision).
    """
    if not graded:
        return {}
    known = np.concatenate([image.known for image in graded])
    classes = np.concatenate([image.classes for image in graded])
    order = np.argsort(-np.concatenate([image.scores for image in graded]), kind="stable")
    hits, classes = np.concatenate([image.hits for image in graded], 1)[:, order], classes[order]
    return {
        int(one): _areas(hits[:, classes == one], int(np.sum(known == one)))
        for one in np.unique(known)
    }


def mean_average_precision(
    found: Sequence[Detections], truth: Sequence[Detections], *, min_overlap: float = 0.5
) -> float:
    """Return the mean of `class_precisions` at one overlap, 0..1.

    Classes that occur nowhere in the truth are left out.

    Raises:
        ValueError: The sequences differ in length, there is no true box, or scores are missing.
    """
    if len(found) != len(truth):
        raise ValueError(f"detections of {len(found)} images, truth of {len(truth)}")
    pairs = zip(found, truth, strict=True)
    precisions = class_precisions([grade(*pair, (min_overlap,)) for pair in pairs])
    if not precisions:
        raise ValueError("truth: no box in any image, average precision needs one")
    return float(np.mean(list(precisions.values())))


def _hits(shared: Floats, min_overlap: float) -> npt.NDArray[np.bool_]:
    """Return which boxes (rows), in this order, take a true one (column) that is still free."""
    right = np.zeros(len(shared), bool)
    for index, row in enumerate(shared):
        best = int(np.argmax(row)) if row.size else 0
        if row.size and row[best] >= min_overlap:
            right[index] = True
            shared[:, best] = -1.0  # taken
    return right


def overlaps(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> Floats:
    """Return the intersection over union of each of boxes (N, 4) with each of (M, 4): (N, M)."""
    one, other = left[:, np.newaxis].astype(np.float64), right[np.newaxis].astype(np.float64)
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    shared = np.prod(np.maximum(high - low, 0.0), -1)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], -1) for boxes in (one, other)]
    union = areas[0] + areas[1] - shared
    quotient: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return quotient


def _areas(hits: npt.NDArray[np.bool_], total: int) -> Floats:
    """Return for each row of hits, best first, the area under its least falling curve."""
    right = np.cumsum(hits, axis=1)
    precision = right / np.arange(1, hits.shape[1] + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    area: Floats = np.sum(np.diff(right / total, axis=1, prepend=0.0) * envelope, axis=1)
    return area
