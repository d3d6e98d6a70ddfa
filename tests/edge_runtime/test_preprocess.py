"""Frames to tensors."""

import numpy as np
import pytest

from edge_runtime.errors import FrameError
from edge_runtime.manifest import ImageInput, TensorInput
from edge_runtime.preprocess import crop_box, image_tensor, letterbox_box, to_tensor
from edge_runtime.signals.features import signal_tensor
from edge_runtime.signals.inputs import WindowInput


def test_an_image_of_the_right_size_keeps_its_pixels_in_the_order_asked_for() -> None:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)

    bgr = image_tensor(image, ImageInput(width=3, height=2, colour="bgr"))
    rgb = image_tensor(image, ImageInput(width=3, height=2, colour="rgb"))

    assert bgr.shape == (1, 2, 3, 3)
    assert bgr.dtype == np.float32
    np.testing.assert_array_equal(bgr[0], image)
    np.testing.assert_array_equal(rgb[0], image[:, :, ::-1])


def test_grey_is_rec_601_luma() -> None:
    image = np.array([[[10, 200, 90]]], np.uint8)  # B, G, R

    grey = image_tensor(image, ImageInput(width=1, height=1, colour="grey"))

    assert grey.shape == (1, 1, 1, 1)
    assert abs(float(grey[0, 0, 0, 0]) - (0.114 * 10 + 0.587 * 200 + 0.299 * 90)) <= 0.5


def test_a_grey_image_serves_a_colour_model() -> None:
    image = np.array([[7, 9]], np.uint8)

    tensor = image_tensor(image, ImageInput(width=2, height=1))

    assert tensor[0, 0].tolist() == [[7, 7, 7], [9, 9, 9]]


def test_mean_and_std_are_per_channel_of_the_model() -> None:
    image = np.array([[[0, 10, 20]]], np.uint8)  # B, G, R
    spec = ImageInput(width=1, height=1, colour="rgb", mean=(20.0, 0.0, 0.0), std=(1.0, 5.0, 1.0))

    assert image_tensor(image, spec)[0, 0, 0].tolist() == [0.0, 2.0, 0.0]


def test_shrinking_averages_areas() -> None:
    image = np.array([[0, 100], [50, 250]], np.uint8)

    assert image_tensor(image, ImageInput(width=1, height=1, colour="grey"))[0, 0, 0, 0] == 100.0


def test_letterbox_pads_with_grey_and_keeps_the_aspect_ratio() -> None:
    spec = ImageInput(width=4, height=4, colour="grey", resize="letterbox")
    image = np.full((2, 4), 255, np.uint8)

    rows = image_tensor(image, spec)[0, :, 0, 0]

    assert rows.tolist() == [114, 255, 255, 114]
    assert letterbox_box(1280, 720, ImageInput(width=640, height=640)) == (0, 140, 640, 360)


def test_crop_cuts_the_middle() -> None:
    spec = ImageInput(width=2, height=2, colour="grey", resize="crop")
    image = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.uint8)

    assert image_tensor(image, spec)[0, :, :, 0].tolist() == [[2, 3], [6, 7]]
    assert crop_box(100, 200, ImageInput(width=50, height=50)) == (0, 50, 100, 100)


def test_stretch_ignores_the_aspect_ratio() -> None:
    image = np.zeros((10, 40, 3), np.uint8)

    assert image_tensor(image, ImageInput(width=8, height=8)).shape == (1, 8, 8, 3)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2, 2, 3), np.float32),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(FrameError, match="allowed are"):
        image_tensor(image, ImageInput(width=2, height=2))


def test_a_window_is_normalised_and_flattened_to_the_model() -> None:
    spec = WindowInput(columns=("a", "b"), length=2, mean=(1.0, 0.0), std=(2.0, 1.0))

    tensor = to_tensor(np.array([[3.0, 4.0], [5.0, 6.0]]), spec, (1, 4))

    assert tensor.tolist() == [[1.0, 4.0, 2.0, 6.0]]
    assert tensor.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_never_reach_the_model(bad: float) -> None:
    window = np.array([[0.0, bad]])

    with pytest.raises(FrameError, match="1 values are NaN or infinite"):
        to_tensor(window, WindowInput(columns=("a", "b")), (1, 2))
    with pytest.raises(FrameError, match="1 values are NaN or infinite"):
        to_tensor(window, TensorInput(), (1, 2))


def test_another_shape_is_refused() -> None:
    with pytest.raises(FrameError, match=r"\(3, 1\), the model takes \(2, 1\)"):
        signal_tensor(np.zeros((3, 1)), WindowInput(columns=("a",), length=2))
    with pytest.raises(FrameError, match=r"6 values .* the model takes \(1, 5\)"):
        to_tensor(np.zeros(6), TensorInput(), (1, 5))
    with pytest.raises(FrameError, match="allowed are numbers"):
        to_tensor(np.array(["a"]), TensorInput(), (1, 1))
