"""Decoding and matching boxes once more, by plain loops over Python numbers: the judge."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Row = tuple[float, int, tuple[float, float, float, float]]  # score, class, corners in pixels


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def softmax(values: Sequence[float]) -> list[float]:
    powers = [math.exp(v) for v in values]
    return [p / sum(powers) for p in powers]


def yolov5(heads: list[Any], strides: Sequence[int], anchors: Any) -> list[Row]:
    """Heads (1, H, W, anchors * (5 + classes))."""
    found = []
    for head, stride, sizes in zip(heads, strides, anchors, strict=True):
        _, height, width, channels = head.shape
        per = channels // len(sizes)
        for y in range(height):
            for x in range(width):
                for a, (w, h) in enumerate(sizes):
                    raw = [float(v) for v in head[0, y, x, a * per : (a + 1) * per]]
                    score, best = best_class([sigmoid(v) for v in raw[5:]])
                    cx = (sigmoid(raw[0]) * 2 - 0.5 + x) * stride
                    cy = (sigmoid(raw[1]) * 2 - 0.5 + y) * stride
                    bw = (sigmoid(raw[2]) * 2) ** 2 * w
                    bh = (sigmoid(raw[3]) * 2) ** 2 * h
                    found.append((score * sigmoid(raw[4]), best, corners(cx, cy, bw, bh)))
    return found


def yolox(heads: list[Any], strides: Sequence[int]) -> list[Row]:
    found = []
    for head, stride in zip(heads, strides, strict=True):
        _, height, width, _ = head.shape
        for y in range(height):
            for x in range(width):
                raw = [float(v) for v in head[0, y, x]]
                score, best = best_class([sigmoid(v) for v in raw[5:]])
                box = corners(
                    (raw[0] + x) * stride,
                    (raw[1] + y) * stride,
                    math.exp(raw[2]) * stride,
                    math.exp(raw[3]) * stride,
                )
                found.append((score * sigmoid(raw[4]), best, box))
    return found


def distances(
    boxes: list[Any], classes: list[Any], strides: Sequence[int], bins: int, middle: float
) -> list[Row]:
    """Boxes (1, H, W, 4 * bins) and classes (1, H, W, C) of each grid."""
    found = []
    for box, scores, stride in zip(boxes, classes, strides, strict=True):
        _, height, width, _ = box.shape
        for y in range(height):
            for x in range(width):
                sides = []
                for side in range(4):
                    weights = softmax(
                        [float(v) for v in box[0, y, x, side * bins : (side + 1) * bins]]
                    )
                    sides.append(sum(i * w for i, w in enumerate(weights)))
                score, best = best_class([sigmoid(float(v)) for v in scores[0, y, x]])
                left, top, right, bottom = sides
                found.append(
                    (
                        score,
                        best,
                        (
                            (x + middle - left) * stride,
                            (y + middle - top) * stride,
                            (x + middle + right) * stride,
                            (y + middle + bottom) * stride,
                        ),
                    )
                )
    return found


def ssd(boxes: Any, scores: Any, grids: Any, anchors: Any, size: int) -> list[Row]:
    """Boxes (1, N, 4) y, x, height, width; scores (1, N, 1 + C), class 0 is none."""
    found, row = [], 0
    for (height, width), sizes in zip(grids, anchors, strict=True):
        for y in range(height):
            for x in range(width):
                for w, h in sizes:
                    ty, tx, th, tw = (float(v) for v in boxes[0, row])
                    score, best = best_class([sigmoid(float(v)) for v in scores[0, row, 1:]])
                    cx = tx / 10 * w + (x + 0.5) / width
                    cy = ty / 10 * h + (y + 0.5) / height
                    box = corners(cx, cy, math.exp(tw / 5) * w, math.exp(th / 5) * h)
                    found.append((score, best, tuple(v * size for v in box)))
                    row += 1
    return found


def suppressed(rows: list[Row], threshold: float, iou: float) -> list[Row]:
    """Greedy suppression within each class, best first."""
    left = sorted((r for r in rows if r[0] >= threshold), key=lambda r: -r[0])
    kept: list[Row] = []
    for row in left:
        if all(k[1] != row[1] or overlap(k[2], row[2]) <= iou for k in kept):
            kept.append(row)
    return kept


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / union if union > 0 else 0.0


def best_class(scores: Sequence[float]) -> tuple[float, int]:
    best = max(range(len(scores)), key=lambda i: scores[i])
    return scores[best], best


def corners(cx: float, cy: float, w: float, h: float) -> tuple[float, float, float, float]:
    return (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)


def assert_same(objects: Any, rows: list[Row], size: tuple[int, int]) -> None:
    """The decoded objects are the judge's rows, boxes as shares of the input, clipped to it."""
    rows = [row for row in rows if _is_in_sight(row[2], size)]
    assert len(objects) == len(rows)
    assert objects, "the case finds nothing and so shows nothing"
    for thing, (score, index, box) in zip(objects, rows, strict=True):
        shares = np.clip(np.array(box) / [*size, *size], 0, 1)
        assert thing.index == index
        np.testing.assert_allclose(thing.score, score, rtol=1e-4)
        np.testing.assert_allclose(thing.box, shares, atol=2e-5)


def _is_in_sight(box: Sequence[float], size: tuple[int, int]) -> bool:
    left, top, right, bottom = box
    return right > 0 and bottom > 0 and left < size[0] and top < size[1]
