"""Cells: the grid of a detector, and what each cell should say of a frame."""

import numpy as np
import numpy.typing as npt

from examples.scenes.shapes import NAMES, SIZE

STRIDES = (8, 16)
FINE_LIMIT = 26.0  # pixels: shapes whose longer side is at most this belong to the fine grid
REACH = 1.5  # strides: cells whose centre is so near to a box's centre answer for it
NEAR = 8.0  # pixels: unit of distance in the loss


def _grid() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    points, strides = [], []
    for stride in STRIDES:
        line = (np.arange(SIZE // stride, dtype=np.float32) + 0.5) * stride
        y, x = np.meshgrid(line, line, indexing="ij")
        points.append(np.stack([x, y, x, y], -1).reshape(-1, 4))
        strides.append(np.full(len(points[-1]), stride, np.float32))
    return np.concatenate(points), np.concatenate(strides)


CENTRES, CELL_STRIDES = _grid()  # (180, 4) x, y, x, y in pixels; (180,)


def wanted_values(
    boxes: npt.NDArray[np.float32], classes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return (180, 4 + 3): box and class of each cell, 0 where it should say nothing.

    A cell answers for the smallest of the boxes that contain its centre, belong to its grid by
    their size, and whose centre is near.
    """
    wanted = np.zeros((len(CENTRES), 4 + len(NAMES)), np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    for index in np.argsort(-np.prod(sides, -1), kind="stable"):
        mine = _answering(boxes[index], float(sides[index].max()))
        wanted[mine] = 0
        wanted[mine, :4] = boxes[index]
        wanted[mine, 4 + classes[index]] = 1
    return wanted


def _answering(box: npt.NDArray[np.float32], side: float) -> npt.NDArray[np.bool_]:
    points = CENTRES[:, :2]
    centre = (box[:2] + box[2:]) / 2
    is_inside = np.all((points > box[:2]) & (points < box[2:]), -1)
    is_near = np.all(np.abs(points - centre) < REACH * CELL_STRIDES[:, np.newaxis], -1)
    is_fine = STRIDES[0] == CELL_STRIDES
    return is_inside & is_near & (is_fine if side <= FINE_LIMIT else ~is_fine)
