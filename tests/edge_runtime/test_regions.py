"""Regions of interest and zones."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.records import Anomaly, Detected, Detection
from edge_runtime.regions import View, Zone, cut, is_inside, rectangle, seen, widened

LEFT = Zone("left", rectangle((0.0, 0.0, 0.5, 1.0)))


def thing(label: str = "car", x: float = 0.2, y: float = 0.2, side: float = 0.2) -> Detected:
    return Detected(label, 0, 0.9, (x, y, x + side, y + side))


def told(view: View, *objects: Detected) -> list[tuple[str, tuple[str, ...]]]:
    decoded = seen(Detection(objects), view)
    assert isinstance(decoded, Detection)
    return [(o.label, o.zones) for o in decoded.objects]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=8),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_a_place_is_in_a_polygon_where_opencv_paints_it(
    corners: list[tuple[int, int]], x: int, y: int
) -> None:
    canvas = np.zeros((51, 51), np.uint8)
    cv2.fillPoly(canvas, [np.array(corners, np.int32)], 1)
    cv2.polylines(canvas, [np.array(corners, np.int32)], isClosed=True, color=2, thickness=3)

    if canvas[y, x] != 2:  # on and beside the border the two may differ
        assert is_inside(x, y, tuple(corners)) == bool(canvas[y, x])


def test_an_object_is_in_the_zones_that_its_foot_stands_in() -> None:
    top = Zone("top", rectangle((0.0, 0.0, 1.0, 0.35)))
    middle = Zone("middle", top.polygon, at="centre")
    floor = Zone("floor", rectangle((0.0, 0.9, 1.0, 1.0)))

    view = View(zones=(LEFT, top, middle, floor))

    assert told(view, thing()) == [("car", ("left", "middle"))]
    assert told(view, thing(y=0.8)) == [("car", ("left", "floor"))]  # cut off by the lower edge


def test_labels_zones_and_hidden_parts_choose_among_objects() -> None:
    people = Zone("people", LEFT.polygon, labels=("person",))
    hidden = Zone("hidden", rectangle((0.6, 0.0, 1.0, 1.0)), hides=True)
    objects = (thing("person"), thing("car"), thing("person", x=0.7), thing("dog"))

    everywhere = View(labels=("person", "car"), zones=(people, hidden))

    assert told(everywhere, *objects) == [("person", ("people",)), ("car", ())]
    assert told(View(zones=(people,), only_in_zones=True), *objects) == [("person", ("people",))]


def test_what_has_no_objects_is_left_alone() -> None:
    decoded = Anomaly(1.0, 0.5, is_anomalous=True)

    assert seen(decoded, View(zones=(LEFT,))) is decoded


@pytest.mark.parametrize(
    ("region", "shape"),
    [
        ((0.0, 0.0, 1.0, 1.0), (10, 20)),
        ((0.11, 0.0, 0.19, 0.05), (1, 2)),
        ((0.5, 0.5, 0.5, 0.5), (1, 1)),
        ((1.0, 1.0, 1.0, 1.0), (1, 1)),
    ],
)
def test_a_cut_has_every_pixel_that_it_touches_and_at_least_one(
    region: tuple[float, float, float, float], shape: tuple[int, int]
) -> None:
    part, (left, top, right, bottom) = cut(np.zeros((10, 20, 3)), region)

    assert part.shape == (*shape, 3)
    assert (round((bottom - top) * 10), round((right - left) * 20)) == shape


def test_a_margin_stays_in_the_image() -> None:
    assert widened((0.4, 0.0, 0.6, 0.5), 0.5) == pytest.approx((0.3, 0.0, 0.7, 0.75))
