"""Shapes: made-up camera frames with circles, squares and triangles whose boxes are known.

The same seed gives the same frames. Boxes are the tight ones of what was drawn, but for what
later shapes cover: shapes overlap by a fifth of a box at most.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from examples.scenes.texture import Pixels, contrasting_colour, noisy, texture

SIZE = 96
NAMES = ("circle", "square", "triangle")
MOST_SHAPES = 4
SMALLEST, LARGEST = 6.0, 24.0  # radius, pixels
MOST_OVERLAP = 0.2
TRIES = 20
CORNERS = {1: 4, 2: 3}  # of a class with corners
Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame and what is in it.

    Attributes:
        pixels: (96, 96, 3) RGB.
        boxes: (K, 4): left, top, right, bottom in pixels, 0..96; K is 0 to 4.
        classes: (K,) indices into NAMES.
    """

    pixels: npt.NDArray[np.uint8]
    boxes: Boxes
    classes: npt.NDArray[np.int64]


def frames(count: int, seed: int) -> list[Frame]:
    """Return made-up frames."""
    rng = np.random.default_rng(seed)
    return [_frame(rng) for _ in range(count)]


def as_input(pixels: npt.NDArray[np.uint8]) -> Pixels:
    """Return frames (N, 96, 96, 3) as the detector takes them: (N, 3, 96, 96), 0..1."""
    return np.ascontiguousarray(pixels.astype(np.float32).transpose(0, 3, 1, 2) / 255)


def overlap(left: Boxes, right: Boxes) -> Boxes:
    """Return the intersection over union of boxes (..., 4) with boxes that broadcast."""
    low, high = np.maximum(left[..., :2], right[..., :2]), np.minimum(left[..., 2:], right[..., 2:])
    shared = np.prod(np.maximum(high - low, 0), -1)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], -1) for boxes in (left, right)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def _frame(rng: np.random.Generator) -> Frame:
    picture = texture(rng, SIZE)
    boxes, classes = np.zeros((0, 4), np.float32), []
    for _ in range(int(rng.integers(0, MOST_SHAPES + 1))):
        kind = int(rng.integers(len(NAMES)))
        inside = _place(rng, kind, boxes)
        if inside is None:
            continue
        colour = contrasting_colour(rng, picture[inside])
        picture = np.where(inside[..., np.newaxis], colour, picture)
        boxes, classes = np.vstack([boxes, _box(inside)]), [*classes, kind]
    return Frame(noisy(rng, picture), boxes, np.array(classes, np.int64))


def _place(rng: np.random.Generator, kind: int, taken: Boxes) -> npt.NDArray[np.bool_] | None:
    """Return where (96, 96) a shape is that covers little of the others, if one was found."""
    for _ in range(TRIES):
        inside = _inside(rng, kind)
        if not np.any(overlap(taken, _box(inside)) > MOST_OVERLAP):
            return inside
    return None


def _inside(rng: np.random.Generator, kind: int) -> npt.NDArray[np.bool_]:
    radius = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
    x, y = rng.uniform(radius, SIZE - radius, 2)
    stretch = rng.uniform(0.75, 1.0)
    turn = rng.uniform(0, 2 * np.pi)
    line = np.arange(SIZE) + 0.5
    down, right = np.meshgrid(line - y, (line - x) / stretch, indexing="ij")
    if kind not in CORNERS:
        return np.hypot(down, right) <= radius
    directions = turn + 2 * np.pi * np.arange(CORNERS[kind]) / CORNERS[kind]
    reach = radius * np.cos(np.pi / CORNERS[kind])
    sides = [np.cos(way) * right + np.sin(way) * down <= reach for way in directions]
    return np.logical_and.reduce(sides)


def _box(inside: npt.NDArray[np.bool_]) -> Boxes:
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
