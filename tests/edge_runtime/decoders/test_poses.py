"""Key points from heat maps and from the grids of YOLO, on outputs that were made to hold them."""

import numpy as np
import pytest

from edge_runtime.decoders.decode import decode
from edge_runtime.decoders.specs import HeatmapPoseDecoder, YoloPoseDecoder
from edge_runtime.errors import FrameError
from edge_runtime.manifest import ImageInput
from edge_runtime.placement import place
from edge_runtime.records import Keypoints
from tests.edge_runtime.manifests import manifest_of

NAMES = ("nose", "hand")
TENSOR = np.zeros(1, np.float32)
HEAT = HeatmapPoseDecoder(output="y", points=NAMES)


def heat(y: int, x: int, height: float, right: float = 0.0, down: float = 0.0) -> np.ndarray:
    """A map (16, 16) with one peak that leans to a neighbour."""
    values = np.zeros((16, 16), np.float32)
    values[y, x] = height
    values[y, x + 1] = right
    values[y + 1, x] = down
    return values


def test_the_highest_place_of_each_map_is_the_point_a_quarter_towards_its_neighbour() -> None:
    maps = np.stack([heat(4, 6, 0.9, right=0.5), heat(10, 3, 0.7, down=0.1)], axis=2)
    manifest = manifest_of(HEAT, {"y": (1, 16, 16, 2)}, ImageInput(width=64, height=64))

    decoded = decode({"y": maps[np.newaxis]}, TENSOR, manifest, 0.3)

    assert isinstance(decoded, Keypoints)
    (pose,) = decoded.objects
    assert [(p.name, p.x, p.y, p.score) for p in pose.points] == [
        ("nose", 6.75 / 16, 4.5 / 16, pytest.approx(0.9)),
        ("hand", 3.5 / 16, 10.75 / 16, pytest.approx(0.7)),
    ]
    assert pose.box == (3.5 / 16, 4.5 / 16, 6.75 / 16, 10.75 / 16)
    assert pose.score == pytest.approx(0.8)


def test_points_that_are_not_sure_do_not_make_the_box_and_no_point_makes_no_pose() -> None:
    maps = np.stack([heat(4, 6, 0.9), heat(10, 3, 0.2)], axis=2)[np.newaxis]
    manifest = manifest_of(HEAT, {"y": (1, 16, 16, 2)}, ImageInput(width=64, height=64))

    sure = decode({"y": maps}, TENSOR, manifest, 0.3)
    unsure = decode({"y": maps}, TENSOR, manifest, 0.95)

    assert isinstance(sure, Keypoints)
    assert sure.objects[0].box == (6.5 / 16, 4.5 / 16, 6.5 / 16, 4.5 / 16)
    assert sure.objects[0].score == pytest.approx(0.9)
    assert unsure == Keypoints(())


def test_a_yolo_pose_has_a_box_and_points_of_the_original_image() -> None:
    """One sure cell (row 2, column 5) of an input in which a tall image is letterboxed."""
    bins, stride = 4, 8
    image = ImageInput(width=64, height=64, resize="letterbox")
    decoder = YoloPoseDecoder(heads=(("y",),), strides=(stride,), bins=bins, points=NAMES)
    raw = np.full((1, 8, 8, 4 * bins + 1 + 6), -9.0, np.float32)
    cell = raw[0, 2, 5]
    for side, distance in enumerate((1, 2, 2, 3)):  # cells to the left, top, right, bottom
        cell[side * bins + distance] = 30.0
    cell[4 * bins] = 4.0
    cell[4 * bins + 1 :] = (0.5, 0.25, 3.0, -0.5, 1.0, -3.0)
    manifest = manifest_of(decoder, {"y": raw.shape}, image, ("person",))

    decoded = decode({"y": raw}, TENSOR, manifest, 0.5, place(image, (100, 200)))

    assert isinstance(decoded, Keypoints)
    (pose,) = decoded.objects
    across, down = (lambda x: (x - 16) / 32), (lambda y: y / 64)  # the image lies in 16..48
    assert pose.label == "person"
    np.testing.assert_allclose(
        pose.box, [across(36), down(4), 1.0, down(44)], atol=1e-6
    )  # 60 is beyond 48
    nose, hand = pose.points
    np.testing.assert_allclose([nose.x, nose.y], [1.0, down((0.5 + 2) * 8)], atol=1e-6)
    np.testing.assert_allclose([hand.x, hand.y], [across(32), down((2 + 2) * 8)], atol=1e-6)
    assert nose.score == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-5)


def test_points_that_are_no_numbers_are_refused() -> None:
    decoder = YoloPoseDecoder(heads=(("y",),), strides=(8,), bins=4, points=("a",))
    raw = np.zeros((1, 1, 1, 20), np.float32)
    raw[..., -1] = np.nan
    manifest = manifest_of(decoder, {"y": raw.shape}, ImageInput(width=8, height=8))

    with pytest.raises(FrameError, match="key points"):
        decode({"y": raw}, TENSOR, manifest, 0.1)
