"""Boxes before and after suppression: which are good enough, which of those that overlap stays."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.activation import FloatArray, activated
from edge_runtime.decoders.classification import label_of
from edge_runtime.decoders.specs import Activation, BoxesSpec
from edge_runtime.errors import FrameError
from edge_runtime.placement import Placement
from edge_runtime.records import Detected, Point

Indices: TypeAlias = npt.NDArray[np.intp]
BEFORE_SUPPRESSION = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Rows whose score is good enough, best first, the earlier row first among equals.

    Attributes:
        rows: (K,) of the rows given.
        classes: (K,), the best one of each row.
        scores: (K,) float32.
    """

    rows: Indices
    classes: Indices
    scores: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes in the pixels of the model's input.

    Attributes:
        corners: (K, 4) left, top, right, bottom.
        classes: (K,).
        scores: (K,), falling.
        points: (K, P, 3) x, y in pixels and score; None where there are none.
    """

    corners: FloatArray
    classes: Indices
    scores: FloatArray
    points: FloatArray | None = None


def choose(
    classes: FloatArray,
    objectness: FloatArray | None,
    activation: Activation,
    threshold: float,
    *,
    every_class: bool = False,
) -> Chosen:
    """Return the rows whose best class, or each class, times objectness reaches the threshold.

    Both activations grow with their argument, so only the best class of a row is activated.

    Args:
        classes: (N, C) raw scores.
        objectness: (N,) raw; None: there is none.
        activation: What the model leaves to do to both.
        threshold: In [0, 1].
        every_class: A row may be chosen once for each of its classes.

    Raises:
        FrameError: A score is NaN.
    """
    scores = activated(classes if every_class else classes.max(1, keepdims=True), activation)
    if objectness is not None:
        scores = scores * activated(objectness, activation)[:, np.newaxis]
    if np.isnan(scores).any():
        raise FrameError("NaN among the scores of boxes")
    rows, columns = np.nonzero(scores >= threshold)
    found = scores[rows, columns]
    best = np.argsort(-found, kind="stable")[:BEFORE_SUPPRESSION]
    rows, columns = rows[best], columns[best]
    return Chosen(rows, columns if every_class else classes[rows].argmax(1), found[best])


def suppress(found: Candidates, iou: float, most: int) -> Indices:
    """Return which candidates stay: greedy non-maximum suppression within each class.

    Args:
        found: Best first.
        iou: A box that overlaps a better one of its class by more than this goes.
        most: At most so many stay.
    """
    left = np.arange(len(found.scores))
    kept: list[int] = []
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        overlaps = iou_matrix(found.corners[best : best + 1], found.corners[left])[0] > iou
        left = left[~(overlaps & (found.classes[left] == found.classes[best]))]
    return np.array(kept, np.intp)


def iou_matrix(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> FloatArray:
    """Return the intersection over union of each of (N, 4) with each of (M, 4) boxes, (N, M)."""
    low = np.maximum(first[:, np.newaxis, :2], second[np.newaxis, :, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[np.newaxis, :, 2:])
    sides = np.clip(high - low, 0, None)
    common = sides[..., 0] * sides[..., 1]
    union = _areas(first)[:, np.newaxis] + _areas(second)[np.newaxis] - common
    result: FloatArray = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return result


def detected(
    found: Candidates,
    decoder: BoxesSpec,
    placement: Placement,
    labels: tuple[str, ...],
    point_names: tuple[str, ...] = (),
) -> tuple[Detected, ...]:
    """Return what stays of the candidates as objects of the original image.

    Boxes of which nothing lies in the image are left out.

    Raises:
        FrameError: A box or a score that is no number.
    """
    kept = suppress(found, decoder.iou, decoder.max_boxes)
    if not (np.isfinite(found.corners[kept]).all() and np.isfinite(found.scores[kept]).all()):
        raise FrameError("NaN or infinity among the boxes and their scores")
    boxes = placement.boxes(found.corners[kept])
    points = _points(found, kept, placement, point_names)
    return tuple(
        Detected(
            label=label_of(int(found.classes[row]), labels),
            index=int(found.classes[row]),
            score=float(found.scores[row]),
            box=(left, top, right, bottom),
            points=points[place] if points else (),
        )
        for place, (row, (left, top, right, bottom)) in enumerate(
            zip(kept, boxes.tolist(), strict=True)
        )
        if right > left and bottom > top
    )


def _areas(boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1])


def _points(
    found: Candidates, kept: Indices, placement: Placement, names: tuple[str, ...]
) -> list[tuple[Point, ...]]:
    if found.points is None:
        return []
    chosen = found.points[kept]
    if not np.isfinite(chosen).all():
        raise FrameError("NaN or infinity among the key points")
    places = placement.points(chosen[..., :2]).tolist()
    scores = chosen[..., 2].tolist()
    return [
        tuple(
            Point(name, x, y, score)
            for name, (x, y), score in zip(names, pose, graded, strict=True)
        )
        for pose, graded in zip(places, scores, strict=True)
    ]
