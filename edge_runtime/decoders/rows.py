"""Boxes that the model has decoded itself, and those coded as offsets from anchors (SSD)."""

from collections.abc import Mapping

import numpy as np

from edge_runtime.decoders.activation import FloatArray, activated
from edge_runtime.decoders.candidates import Candidates, choose
from edge_runtime.decoders.grids import corners_of, joined
from edge_runtime.decoders.specs import Anchors, RowsDecoder, SsdDecoder


def row_candidates(
    outputs: Mapping[str, FloatArray],
    decoder: RowsDecoder,
    size_px: tuple[int, int],
    threshold: float,
) -> Candidates:
    """Return the boxes whose score reaches the threshold, best first.

    Args:
        outputs: (1, N, channels) each, or transposed.
        decoder: Which of them stand side by side, and what the channels are.
        size_px: (width, height) of the model's input.
        threshold: In [0, 1].

    Raises:
        FrameError: A score is NaN.
    """
    parts = [outputs[name][0] for name in decoder.outputs]
    rows = joined([part.T if decoder.is_transposed else part for part in parts], axis=1)
    first = 5 if decoder.has_objectness else 4
    objectness = rows[:, 4] if decoder.has_objectness else None
    chosen = choose(
        rows[:, first:],
        objectness,
        decoder.activation,
        threshold,
        every_class=decoder.every_class,
    )
    numbers = rows[chosen.rows, :4]
    if decoder.unit == "share":
        numbers = numbers * np.asarray(size_px * 2, np.float32)
    if decoder.form == "centre":
        numbers = corners_of(numbers[:, :2], numbers[:, 2:])
    return Candidates(numbers, chosen.classes, chosen.scores)


def ssd_candidates(
    outputs: Mapping[str, FloatArray],
    decoder: SsdDecoder,
    size_px: tuple[int, int],
    threshold: float,
) -> Candidates:
    """Return the boxes whose score reaches the threshold, best first.

    Raises:
        FrameError: A score is NaN.

    Source: tensorflow/models, object_detection/box_coders/faster_rcnn_box_coder.py.
    """
    anchors = ssd_anchors(decoder.grids, decoder.anchors)
    scores = outputs[decoder.scores].reshape(len(anchors), -1)
    scores = activated(scores, decoder.activation)
    if decoder.background is not None:
        scores = np.delete(scores, decoder.background, axis=1)
    chosen = choose(scores, None, "none", threshold, every_class=decoder.every_class)
    raw = outputs[decoder.boxes].reshape(-1, 4)[chosen.rows]
    raw = np.divide(raw, np.asarray(decoder.variances, np.float32), dtype=np.float32)
    middle, size = anchors[chosen.rows, :2], anchors[chosen.rows, 2:]
    centre = raw[:, 1::-1] * size + middle
    corners = corners_of(centre, np.exp(raw[:, :1:-1]) * size)
    return Candidates(corners * np.asarray(size_px * 2, np.float32), chosen.classes, chosen.scores)


def ssd_anchors(grids: tuple[tuple[int, int], ...], anchors: tuple[Anchors, ...]) -> FloatArray:
    """Return (N, 4) centre x, centre y, width, height as shares, row by row, map by map."""
    found = []
    for (rows, columns), sizes in zip(grids, anchors, strict=True):
        y, x = np.mgrid[:rows, :columns].reshape(2, -1, 1).astype(np.float32) + np.float32(0.5)
        middle = np.concatenate([x / np.float32(columns), y / np.float32(rows)], axis=1)
        middle = np.repeat(middle, len(sizes), axis=0)
        size = np.tile(np.asarray(sizes, np.float32), (rows * columns, 1))
        found.append(np.concatenate([middle, size], axis=1))
    result: FloatArray = np.concatenate(found)
    return result
