import base64

import cv2
import numpy as np
import pytest

from quantize.report.pictures import Shades, is_picture, picture_uri, png_bytes


@pytest.mark.parametrize("channels", [1, 3])
def test_opencv_reads_back_what_was_written(channels: int, rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (11, 7, channels)).astype(np.uint8)

    decoded = cv2.imdecode(np.frombuffer(png_bytes(image), np.uint8), cv2.IMREAD_UNCHANGED)

    wanted = image[:, :, 0] if channels == 1 else image[:, :, ::-1]  # OpenCV's order is BGR
    np.testing.assert_array_equal(decoded, wanted)


def test_a_large_sample_is_thinned_and_spans_black_to_white() -> None:
    sample = np.linspace(-1, 1, 200 * 300, dtype=np.float32).reshape(200, 300, 1)

    uri = picture_uri(sample, Shades(-1.0, 1.0))

    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.shape == (50, 75)
    assert (decoded.min(), decoded.max()) == (0, 251)


def test_blue_first_is_turned_around() -> None:
    blue = np.zeros((6, 6, 3), np.float32)
    blue[:, :, 0] = 1.0

    uri = picture_uri(blue, Shades(0.0, 1.0, is_bgr=True))

    data = base64.b64decode(uri.partition(",")[2])
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded[0, 0].tolist() == [255, 0, 0]


def test_only_images_are_pictures() -> None:
    assert is_picture((1, 32, 32, 3))
    assert is_picture((1, 49, 10, 1))
    assert not is_picture((1, 32, 32, 2))
    assert not is_picture((1, 1, 128, 1))
    assert not is_picture((1, 640))
