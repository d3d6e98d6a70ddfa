"""Peaks of heat maps: the centres of objects (CenterNet), the key points of one pose."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.activation import FloatArray, activated
from edge_runtime.decoders.candidates import BEFORE_SUPPRESSION, Candidates, Indices
from edge_runtime.decoders.grids import corners_of
from edge_runtime.decoders.specs import Activation, CenternetDecoder, HeatmapPoseDecoder
from edge_runtime.errors import FrameError
from edge_runtime.placement import Placement
from edge_runtime.records import Detected, Keypoints, Point


def peak_candidates(
    outputs: Mapping[str, FloatArray], decoder: CenternetDecoder, threshold: float
) -> Candidates:
    """Return a box for every peak of the heat maps, best first.

    A peak is a place that no neighbour in its 3x3 surrounds exceeds.

    Raises:
        FrameError: A score is NaN.

    Source: Zhou et al., Objects as Points, section 3.
    """
    heat = finite_map(outputs[decoder.heatmap])
    places = np.nonzero(heat >= _raw_threshold(threshold, decoder.activation))
    is_peak = _are_peaks(heat, places)
    places = tuple(axis[is_peak] for axis in places)
    rows, columns, classes = places
    scores = activated(heat[places], decoder.activation)
    order = np.argsort(-scores, kind="stable")[:BEFORE_SUPPRESSION]
    rows, columns, classes, scores = rows[order], columns[order], classes[order], scores[order]
    centre = np.stack([columns, rows], axis=1).astype(np.float32)
    if decoder.offsets is not None:
        centre = centre + outputs[decoder.offsets][0, rows, columns]
    corners = corners_of(centre, outputs[decoder.sizes][0, rows, columns])
    return Candidates(corners * np.float32(decoder.stride), classes, scores)


def decode_pose(
    output: FloatArray,
    decoder: HeatmapPoseDecoder,
    placement: Placement,
    size_px: tuple[int, int],
    threshold: float,
) -> Keypoints:
    """Return the one pose of a frame, or none where no point reaches the threshold.

    Its box is around the points that do, its score the mean of theirs.

    Args:
        output: (1, H, W, points).
        decoder: Names the points.
        placement: Of the model's input in the original image.
        size_px: (width, height) of the model's input.
        threshold: Least score of a point that counts.

    Raises:
        FrameError: A score is NaN.
    """
    heat = activated(finite_map(output), decoder.activation)
    height, width, count = heat.shape
    flat = heat.reshape(-1, count)
    best = flat.argmax(0)
    scores = flat[best, np.arange(count)]
    is_sure = scores >= threshold
    if not is_sure.any():
        return Keypoints(())
    xy = np.stack([best % width, best // width], axis=1).astype(np.float32) + _leaning(heat, best)
    cell = np.asarray((size_px[0] / width, size_px[1] / height), np.float32)
    places = placement.points((xy + np.float32(0.5)) * cell)
    left, top = places[is_sure].min(0).tolist()
    right, bottom = places[is_sure].max(0).tolist()
    points = tuple(
        Point(name, x, y, score)
        for name, (x, y), score in zip(
            decoder.points, places.tolist(), scores.tolist(), strict=True
        )
    )
    mean = float(scores[is_sure].mean())
    return Keypoints((Detected("pose", 0, mean, (left, top, right, bottom), points),))


def finite_map(output: FloatArray) -> FloatArray:
    """Return (H, W, channels) of (1, H, W, channels).

    Raises:
        FrameError: A score is NaN.
    """
    if np.isnan(output).any():
        raise FrameError("NaN in a map of scores")
    scores: FloatArray = output[0]
    return scores


def _raw_threshold(threshold: float, activation: Activation) -> float:
    """Return what a raw score has to reach for its activation to reach the threshold."""
    if activation == "none" or not 0.0 < threshold < 1.0:
        return threshold if activation == "none" else math.copysign(math.inf, threshold - 0.5)
    return math.log(threshold / (1.0 - threshold))


def _are_peaks(heat: FloatArray, places: tuple[Indices, ...]) -> npt.NDArray[np.bool_]:
    """Return which places no neighbour in their 3x3 surrounds exceeds, channel by channel."""
    rows, columns, classes = places
    padded = np.pad(heat, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    here = heat[places]
    found = np.ones(len(here), bool)
    for down, right in np.ndindex(3, 3):
        found &= padded[rows + down, columns + right, classes] <= here
    return found


def _leaning(heat: FloatArray, best: Indices) -> FloatArray:
    """Return a quarter of a cell towards the higher neighbour, (points, 2), 0 at the edge.

    Source: Newell et al., Stacked Hourglass Networks, section 3.1.
    """
    height, width, count = heat.shape
    y, x = np.divmod(best, width)
    padded = np.pad(heat, ((1, 1), (1, 1), (0, 0)), mode="edge")
    channel = np.arange(count)
    across = padded[y + 1, x + 2, channel] - padded[y + 1, x, channel]
    down = padded[y + 2, x + 1, channel] - padded[y, x + 1, channel]
    is_inside = np.stack([(x > 0) & (x < width - 1), (y > 0) & (y < height - 1)], axis=1)
    leaning = np.where(is_inside, np.sign(np.stack([across, down], axis=1)), 0)
    return (leaning * 0.25).astype(np.float32)
