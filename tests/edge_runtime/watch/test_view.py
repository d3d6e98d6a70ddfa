"""A covered, blurred or blinded camera is told after a while, and so is its recovery."""

import cv2
import numpy as np
import pytest

from edge_runtime.config.watch import ViewConfig
from edge_runtime.watch.view import ViewWatch, sight_of, small_grey

CONFIG = ViewConfig(every_s=1.0, after_s=10.0)
SIZE = (480, 640)


def scene(seed: int = 1) -> np.ndarray:
    """A street in miniature: boxes of many greys with hard edges."""
    rng = np.random.default_rng(seed)
    image = np.full((*SIZE, 3), 120, np.uint8)
    for _ in range(150):
        left, top = int(rng.integers(0, 600)), int(rng.integers(0, 440))
        colour = tuple(int(part) for part in rng.integers(0, 240, 3))
        cv2.rectangle(image, (left, top), (left + 40, top + 30), colour, -1)
    return image


def covered() -> np.ndarray:
    noise = np.random.default_rng(2).normal(8, 2, (*SIZE, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)


def blurred() -> np.ndarray:
    return cv2.GaussianBlur(scene(), (0, 0), 12)


def blinded() -> np.ndarray:
    image = np.full((*SIZE, 3), 255, np.uint8)
    image[:60] = 90
    return image


def run(watch: ViewWatch, image: np.ndarray, seconds: range) -> list[str]:
    """Return the kinds of trouble after each second."""
    kinds = []
    for second in seconds:
        watch.look(image, float(second))
        kinds.append(",".join(trouble.kind for trouble in watch.troubles))
    return kinds


def test_a_scene_is_no_trouble() -> None:
    assert set(run(ViewWatch(CONFIG), scene(), range(60))) == {""}


@pytest.mark.parametrize(
    ("image", "kind"), [(covered(), "covered"), (blurred(), "blurred"), (blinded(), "saturated")]
)
def test_trouble_is_told_after_ten_seconds_and_ten_after_its_end_no_more(
    image: np.ndarray, kind: str
) -> None:
    watch = ViewWatch(CONFIG)
    run(watch, scene(), range(5))

    assert run(watch, image, range(5, 25)) == [""] * 10 + [kind] * 10
    assert run(watch, scene(), range(25, 45)) == [kind] * 10 + [""] * 10


def test_what_passes_is_not_told() -> None:
    watch = ViewWatch(CONFIG)

    for second in range(0, 60, 9):
        kinds = run(watch, covered(), range(second, second + 8))
        kinds += run(watch, scene(), range(second + 8, second + 9))
        assert set(kinds) == {""}


def test_each_look_is_at_one_of_many_frames() -> None:
    watch = ViewWatch(CONFIG)
    watch.look(scene(), 0.0)
    first = watch.sight
    watch.look(covered(), 0.9)

    assert watch.sight is first


@pytest.mark.parametrize(
    "values", [np.zeros((4, 2), np.float32), np.zeros((2, 2, 3), np.uint8), np.zeros(9, np.uint8)]
)
def test_what_is_no_image_is_left_alone(values: np.ndarray) -> None:
    watch = ViewWatch(CONFIG)
    watch.look(values, 0.0)

    assert watch.sight is None


def test_the_numbers_of_a_grey_image() -> None:
    image = np.zeros((100, 100), np.uint8)
    image[:, 50:] = 255
    sight = sight_of(small_grey(image))

    assert (sight.brightness, sight.contrast, sight.saturated) == (127.5, 127.5, 0.5)
    assert sight.sharpness == pytest.approx(2 * 255**2 / 100, rel=0.01)
