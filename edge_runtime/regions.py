"""Parts of an image: what of it a model sees, and which zones an object stands in."""

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

from edge_runtime.placement import WHOLE
from edge_runtime.records import Box, Decoded, Detected, Detection, Keypoints

Polygon: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the image with a name, in shares of the image.

    Attributes:
        labels: Only these objects can be in it; empty: all.
        at: The place of an object that counts.
        hides: Objects in it are left out.
    """

    name: str
    polygon: Polygon
    labels: tuple[str, ...] = ()
    at: Literal["foot", "centre"] = "foot"
    hides: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What of an image counts.

    Attributes:
        roi: The part that the model sees.
        labels: Objects with other labels are left out; empty: none are.
        zones: Objects are told which of these they are in.
        only_in_zones: Objects outside of all zones are left out.
    """

    roi: Box = WHOLE
    labels: tuple[str, ...] = ()
    zones: tuple[Zone, ...] = ()
    only_in_zones: bool = False


def cut(image: npt.NDArray[Any], region: Box) -> tuple[npt.NDArray[Any], Box]:
    """Return the pixels (h, w, ...) that a region touches, at least one, and where they lie.

    Args:
        image: (H, W, ...).
        region: In shares of it.
    """
    if region == WHOLE:
        return image, WHOLE
    height, width = image.shape[:2]
    left, right = _span(region[0], region[2], width)
    top, bottom = _span(region[1], region[3], height)
    place = (left / width, top / height, right / width, bottom / height)
    return image[top:bottom, left:right], place


def widened(box: Box, margin: float) -> Box:
    """Return a box with a share of its sides added on each side, within the image."""
    across, down = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    left, top = max(0.0, box[0] - across), max(0.0, box[1] - down)
    return left, top, min(1.0, box[2] + across), min(1.0, box[3] + down)


def seen(decoded: Decoded, view: View) -> Decoded:
    """Return what counts of a result: objects with the wanted labels, told their zones."""
    if not isinstance(decoded, Detection | Keypoints) or not (view.labels or view.zones):
        return decoded
    found = [_in_zones(thing, view.zones) for thing in decoded.objects]
    kept = tuple(thing for thing in found if thing is not None and _counts(thing, view))
    return replace(decoded, objects=kept)


def is_inside(x: float, y: float, polygon: Polygon) -> bool:
    """Return whether a place is in a polygon, by the even-odd rule."""
    is_in = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            is_in = not is_in
    return is_in


def rectangle(box: Box) -> Polygon:
    """Return a box as a polygon."""
    left, top, right, bottom = box
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    first = min(size - 1, max(0, floor(low * size)))
    return first, max(first + 1, min(size, ceil(high * size)))


def _in_zones(thing: Detected, zones: tuple[Zone, ...]) -> Detected | None:
    """Return the object with its zones, None where one of them hides it."""
    left, top, right, bottom = thing.box
    found = []
    for zone in zones:
        y = bottom if zone.at == "foot" else (top + bottom) / 2
        # A foot on the image's lower edge stands in a zone that reaches down to it.
        if not is_inside((left + right) / 2, min(y, 1.0 - 1e-9), zone.polygon):
            continue
        if not zone.labels or thing.label in zone.labels:
            found.append(zone)
    if any(zone.hides for zone in found):
        return None
    return replace(thing, zones=tuple(zone.name for zone in found))


def _counts(thing: Detected, view: View) -> bool:
    is_wanted = not view.labels or thing.label in view.labels
    return is_wanted and (bool(thing.zones) or not view.only_in_zones)
