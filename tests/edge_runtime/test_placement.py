"""Places in the model's input are told as places of the original image."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.manifest import ImageInput
from edge_runtime.placement import place
from edge_runtime.preprocess import image_tensor
from edge_runtime.regions import cut

SIZES = st.integers(60, 240)


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@given(width=SIZES, height=SIZES, data=st.data())
def test_a_mark_is_found_where_it_was_painted(
    resize: Any, width: int, height: int, data: st.DataObject
) -> None:
    """Painted in the image, preprocessed by the device, found in the tensor, placed back."""
    image = np.zeros((height, width), np.uint8)
    side = min(width, height) // 4
    left = (width - side) // 2 + data.draw(st.integers(-6, 6))
    top = (height - side) // 2 + data.draw(st.integers(-6, 6))
    cv2.rectangle(image, (left, top), (left + side - 1, top + side - 1), 255, -1)
    spec = ImageInput(width=96, height=64, colour="grey", resize=resize)

    tensor = image_tensor(image, spec)[0, :, :, 0] > 128
    rows, columns = np.flatnonzero(tensor.any(1)), np.flatnonzero(tensor.any(0))
    corners = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
    found = place(spec, (width, height)).boxes(corners)[0] * [width, height, width, height]

    pixel = 1.0 * max(width / 64, height / 64, 1.0)  # resampling blurs an edge by about one
    np.testing.assert_allclose(found, [left, top, left + side, top + side], atol=pixel)


def test_a_region_of_the_image_is_told_in_shares_of_all_of_it() -> None:
    image = np.zeros((100, 200), np.uint8)
    part, region = cut(image, (0.5, 0.25, 1.0, 0.75))
    spec = ImageInput(width=10, height=10)

    placement = place(spec, (part.shape[1], part.shape[0]), region)

    assert part.shape == (50, 100)
    assert region == (0.5, 0.25, 1.0, 0.75)
    whole = np.array([[0, 0, 10, 10], [5, 5, 20, 20]], np.float32)
    np.testing.assert_allclose(
        placement.boxes(whole), [[0.5, 0.25, 1.0, 0.75], [0.75, 0.5, 1.0, 0.75]]
    )
