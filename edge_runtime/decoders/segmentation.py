"""What each class of a segmentation covers."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.activation import FloatArray
from edge_runtime.decoders.classification import label_of
from edge_runtime.decoders.peaks import finite_map
from edge_runtime.decoders.specs import SegmentationDecoder
from edge_runtime.placement import Placement
from edge_runtime.preprocess import opencv
from edge_runtime.records import Area, Segmentation

MOST_CONTOURS = 8  # of a class, the largest
MOST_CORNERS = 64  # of a contour

Contours: TypeAlias = tuple[tuple[tuple[float, float], ...], ...]
Mask: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The part of the class mask that shows the image: what was padded is cut away.

    Attributes:
        mask: (h, w) the best class of each place.
        corner: (x, y) of the part in the whole mask.
        cell: (width, height) of a place in pixels of the model's input.
    """

    mask: Mask
    corner: tuple[int, int]
    cell: tuple[float, float]
    placement: Placement

    def places(self, xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return places (..., 2), counted in cells of the part, as shares of the original image."""
        cells = np.asarray(xy, np.float32) + np.asarray(self.corner, np.float32)
        return self.placement.points(cells * np.asarray(self.cell, np.float32))


def decode_areas(
    output: FloatArray,
    decoder: SegmentationDecoder,
    placement: Placement,
    size_px: tuple[int, int],
    labels: tuple[str, ...],
) -> Segmentation:
    """Return what each class covers, the largest first, the lower class first among equals.

    Args:
        output: (1, H, W, classes).
        decoder: Which class is none, and whether outlines are wanted.
        placement: Of the model's input in the original image.
        size_px: (width, height) of the model's input.
        labels: By class.

    Raises:
        FrameError: A score is NaN.
    """
    seen = _seen(class_mask(output, decoder), placement, size_px)
    counts = np.bincount(seen.mask.ravel(), minlength=1)
    order = np.argsort(-counts, kind="stable").tolist()
    total = max(1, seen.mask.size)
    return Segmentation(
        tuple(
            _area(seen, index, int(counts[index]) / total, decoder, labels)
            for index in order
            if counts[index] and index != decoder.background
        )
    )


def class_mask(output: FloatArray, decoder: SegmentationDecoder) -> Mask:
    """Return the best class of each place, (H, W).

    Raises:
        FrameError: A score is NaN.
    """
    scores = finite_map(output)
    if scores.shape[2] == 1:
        middle = 0.0 if decoder.activation == "logistic" else 0.5
        return (scores[..., 0] > middle).astype(np.intp)
    best: Mask = scores.argmax(2)
    return best


def _seen(mask: Mask, placement: Placement, size_px: tuple[int, int]) -> _Seen:
    """Return the part whose places have their middle in the image."""
    rows, columns = mask.shape
    cell = (size_px[0] / columns, size_px[1] / rows)
    across = _inside(columns, cell[0], placement, 0)
    down = _inside(rows, cell[1], placement, 1)
    return _Seen(mask[down, across], (across.start, down.start), cell, placement)


def _inside(count: int, cell: float, placement: Placement, axis: int) -> slice:
    middles = (np.arange(count) + 0.5) * cell * placement.scale[axis] + placement.offset[axis]
    low, high = placement.region[axis], placement.region[axis + 2]
    found = np.flatnonzero((middles >= low) & (middles <= high))
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _area(
    seen: _Seen, index: int, share: float, decoder: SegmentationDecoder, labels: tuple[str, ...]
) -> Area:
    is_class = seen.mask == index
    across, down = np.flatnonzero(is_class.any(0)), np.flatnonzero(is_class.any(1))
    corners = [(across[0], down[0]), (across[-1] + 1, down[-1] + 1)]
    (left, top), (right, bottom) = seen.places(corners).tolist()
    contours = _contours(is_class, seen) if decoder.contours else ()
    return Area(label_of(index, labels), index, share, (left, top, right, bottom), contours)


def _contours(is_class: npt.NDArray[np.bool_], seen: _Seen) -> Contours:
    """Return the outer outlines of the largest patches, through the middles of their places."""
    cv2 = opencv()
    found, _ = cv2.findContours(
        is_class.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    largest = sorted(found, key=cv2.contourArea, reverse=True)[:MOST_CONTOURS]
    outlines = [cv2.approxPolyDP(outline, 1.0, True)[:MOST_CORNERS, 0] for outline in largest]
    return tuple(
        tuple((x, y) for x, y in seen.places(outline + 0.5).tolist()) for outline in outlines
    )
