"""Boxes that belong to the cells of grids: YOLOv5, YOLOv8, YOLOX, NanoDet and YOLO poses.

Sources: ultralytics/yolov5 models/yolo.py (Detect), ultralytics nn/modules/head.py (Detect, Pose),
Megvii YOLOX yolox/models/yolo_head.py, NanoDet nanodet_plus_head.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.activation import FloatArray, activated, logistic, softmax
from edge_runtime.decoders.candidates import Candidates, Chosen, Indices, choose
from edge_runtime.decoders.shapes import box_channels, grid_cells
from edge_runtime.decoders.specs import (
    DistanceDecoder,
    GridDecoder,
    NanodetDecoder,
    YoloPoseDecoder,
    Yolov5Decoder,
    Yolov8Decoder,
    YoloxDecoder,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Where each row belongs.

    Attributes:
        corner: (N, 2) x, y of its cell, in cells.
        stride: (N, 1) pixels of a cell.
        grid: (N,) which grid it is of.
        box: (N,) which box of its cell it is.
    """

    corner: FloatArray
    stride: FloatArray
    grid: Indices
    box: Indices


def grid_candidates(
    outputs: Mapping[str, FloatArray],
    decoder: GridDecoder,
    size_px: tuple[int, int],
    threshold: float,
) -> Candidates:
    """Return the boxes whose score reaches the threshold, best first.

    Args:
        outputs: As the heads name them.
        decoder: The bundle's; its shapes have been checked against the model's.
        size_px: (width, height) of the model's input.
        threshold: In [0, 1].

    Raises:
        FrameError: A score is NaN.
    """
    rows = _rows(outputs, decoder, size_px)
    scores, objectness = _scores(rows, decoder)
    chosen = choose(
        scores, objectness, decoder.activation, threshold, every_class=decoder.every_class
    )
    raw, cells = rows[chosen.rows], _cells(decoder, size_px, chosen)
    match decoder:
        case Yolov5Decoder():
            corners = _anchored(raw, cells, decoder)
        case YoloxDecoder():
            corners = _exponential(raw, cells)
        case Yolov8Decoder() | NanodetDecoder() | YoloPoseDecoder():
            corners = _distant(raw, cells, decoder)
        case _:
            assert_never(decoder)
    points = _poses(raw, cells, decoder) if isinstance(decoder, YoloPoseDecoder) else None
    return Candidates(corners, chosen.classes, chosen.scores, points)


def _rows(
    outputs: Mapping[str, FloatArray], decoder: GridDecoder, size_px: tuple[int, int]
) -> FloatArray:
    """Return all heads as one array (N, channels), a row for each box."""
    cells = [rows * columns for rows, columns in grid_cells(decoder, size_px)]
    counts = cells if len(decoder.heads) > 1 else [sum(cells)]
    heads = [
        joined([_by_cell(outputs[name], count, decoder) for name in head], axis=1)
        for head, count in zip(decoder.heads, counts, strict=True)
    ]
    boxes, _ = box_channels(decoder)
    together = joined(heads, axis=0)
    return together.reshape(len(together) * boxes, -1)


def _by_cell(output: FloatArray, count: int, decoder: GridDecoder) -> FloatArray:
    """Return (cells, channels) of an output."""
    return output.reshape(-1, count).T if decoder.is_transposed else output.reshape(count, -1)


def _scores(rows: FloatArray, decoder: GridDecoder) -> tuple[FloatArray, FloatArray | None]:
    """Return (classes, objectness), raw."""
    match decoder:
        case Yolov5Decoder() | YoloxDecoder():
            return rows[:, 5:], rows[:, 4]
        case Yolov8Decoder() | NanodetDecoder() | YoloPoseDecoder():
            _, others = box_channels(decoder)
            first = 0 if isinstance(decoder, NanodetDecoder) else 4 * decoder.bins
            return rows[:, first : first + rows.shape[1] - others], None
        case _:
            assert_never(decoder)


def _cells(decoder: GridDecoder, size_px: tuple[int, int], chosen: Chosen) -> _Cells:
    """Return the cells of the chosen rows."""
    boxes, _ = box_channels(decoder)
    shapes = grid_cells(decoder, size_px)
    counts = np.array([rows * columns for rows, columns in shapes])
    cell, box = np.divmod(chosen.rows, boxes)
    grid = np.searchsorted(np.cumsum(counts), cell, side="right")
    inside = cell - (np.cumsum(counts) - counts)[grid]
    columns = np.array([columns for _, columns in shapes])[grid]
    corner = np.stack([inside % columns, inside // columns], axis=1).astype(np.float32)
    stride = np.asarray(decoder.strides, np.float32)[grid, np.newaxis]
    return _Cells(corner, stride, grid, box)


def _anchored(raw: FloatArray, cells: _Cells, decoder: Yolov5Decoder) -> FloatArray:
    """Return corners where the centre is 2s - 0.5 cells off, and the size (2s)**2 anchors."""
    shares = logistic(raw[:, :4]) * np.float32(2)
    centre = (shares[:, :2] - np.float32(0.5) + cells.corner) * cells.stride
    anchors = np.asarray(decoder.anchors, np.float32)[cells.grid, cells.box]
    size: FloatArray = shares[:, 2:] ** 2 * anchors
    return corners_of(centre, size)


def _exponential(raw: FloatArray, cells: _Cells) -> FloatArray:
    centre = (raw[:, :2] + cells.corner) * cells.stride
    return corners_of(centre, np.exp(raw[:, 2:4]) * cells.stride)


def _distant(raw: FloatArray, cells: _Cells, decoder: DistanceDecoder) -> FloatArray:
    """Return corners at the expected distances from the cell's middle, or corner for NanoDet."""
    is_corner = isinstance(decoder, NanodetDecoder)
    first = raw.shape[1] - 4 * decoder.bins if is_corner else 0
    weights = softmax(raw[:, first : first + 4 * decoder.bins].reshape(-1, 4, decoder.bins))
    distances = weights @ np.arange(decoder.bins, dtype=np.float32)
    place = cells.corner + np.float32(0.0 if is_corner else 0.5)
    low, high = place - distances[:, :2], place + distances[:, 2:]
    result: FloatArray = np.concatenate([low, high], axis=1) * cells.stride
    return result


def _poses(raw: FloatArray, cells: _Cells, decoder: YoloPoseDecoder) -> FloatArray:
    """Return (K, P, 3): x and y are two cells wide around the corner of the cell."""
    points = raw[:, -3 * len(decoder.points) :].reshape(len(raw), -1, 3)
    places = points[..., :2] * np.float32(2) + cells.corner[:, np.newaxis]
    scores = activated(points[..., 2:], decoder.activation)
    result: FloatArray = np.concatenate([places * cells.stride[:, np.newaxis], scores], axis=2)
    return result


def corners_of(centre: FloatArray, size: npt.NDArray[np.float32]) -> FloatArray:
    """Return (N, 4) left, top, right, bottom of (N, 2) centres and (N, 2) widths and heights."""
    half = size / np.float32(2)
    result: FloatArray = np.concatenate([centre - half, centre + half], axis=1)
    return result


def joined(arrays: list[FloatArray], axis: int) -> FloatArray:
    """Return the arrays as one; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=axis)
