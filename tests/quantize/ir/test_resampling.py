"""Places of resized images, against exact fractions and ONNX Runtime."""

from fractions import Fraction
from math import floor

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize.ir.moving_ops import ResizeMode
from quantize.ir.resampling import (
    bilinear_places,
    interpolate,
    is_inside,
    nearest_indices,
    onnx_nearest_indices,
    onnx_says_the_same,
)
from tests.onnx_models import integers, node, onnx_bytes

sizes = st.integers(1, 40)


def exact_place(x: int, size: int, wanted: int, mode: ResizeMode) -> Fraction:
    if mode is ResizeMode.ALIGN_CORNERS:
        return Fraction(x * (size - 1), max(wanted - 1, 1))
    if mode is ResizeMode.HALF_PIXEL:
        return Fraction(2 * x + 1, 2) * size / wanted - Fraction(1, 2)
    return Fraction(x * size, wanted)


@given(sizes, sizes, st.sampled_from(ResizeMode))
def test_bilinear_places_are_the_exact_ones_rounded_to_a_shared_ratio(
    size: int, wanted: int, mode: ResizeMode
) -> None:
    if wanted == 1 and mode is ResizeMode.ALIGN_CORNERS:
        return
    places = bilinear_places(size, wanted, mode)
    found = places.low + places.fraction / 1024

    exact = [float(exact_place(x, size, wanted, mode)) for x in range(wanted)]

    assert np.abs(found - exact).max() <= (wanted + 1) / 2048


@given(sizes, sizes, st.sampled_from(ResizeMode))
def test_a_nearest_resize_that_onnx_says_too_copies_what_exact_arithmetic_says(
    size: int, wanted: int, mode: ResizeMode
) -> None:
    if not onnx_says_the_same(size, wanted, mode):
        return
    offset = Fraction(0) if mode is ResizeMode.ASYMMETRIC else Fraction(1, 2)
    exact = [floor(exact_place(x, size, wanted, mode) + offset) for x in range(wanted)]

    assert nearest_indices(size, wanted, mode).tolist() == np.clip(exact, 0, size - 1).tolist()


@pytest.mark.parametrize("mode", [ResizeMode.ASYMMETRIC, ResizeMode.HALF_PIXEL])
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_whole_factors_can_always_be_said(factor: int, mode: ResizeMode) -> None:
    assert all(onnx_says_the_same(size, size * factor, mode) for size in range(1, 65))
    assert all(is_inside(size, size * factor, mode) for size in range(1, 65))


def test_an_enlargement_that_leaves_the_image_in_fixed_point_is_told() -> None:
    assert not is_inside(1, 89, ResizeMode.ASYMMETRIC)
    assert is_inside(1, 16, ResizeMode.ASYMMETRIC)


@pytest.mark.ort
@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("mode", [*ResizeMode, "pytorch_half_pixel"])
def test_nearest_indices_of_onnx_are_onnxruntimes(mode: str, rounding: str) -> None:
    attributes = {"coordinate_transformation_mode": str(mode), "nearest_mode": rounding}
    for size in (1, 2, 3, 5, 8):
        row = np.arange(size, dtype=np.float32).reshape(1, 1, 1, size)
        for wanted in (1, 2, 3, 4, 6, 7, 16):
            resize = node("Resize", "x - - t", **attributes)
            target = {"t": integers(1, 1, 1, wanted)}
            data = onnx_bytes([resize], {"x": [1, 1, 1, size]}, target)
            session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
            (found,) = session.run(None, {"x": row})
            indices = onnx_nearest_indices(size, wanted, str(mode), rounding)
            assert indices is not None
            assert indices.tolist() == found.ravel().astype(int).tolist(), (size, wanted)


def test_an_unknown_mode_has_no_indices() -> None:
    assert onnx_nearest_indices(2, 4, "tf_crop_and_resize", "floor") is None
    assert onnx_nearest_indices(2, 4, "asymmetric", "simple") is None


def test_interpolating_keeps_a_plane_inside_the_image() -> None:
    rows, columns = np.mgrid[0:4, 0:3].astype(np.float32)
    image = (2 * rows - columns).reshape(1, 4, 3, 1)

    large = interpolate(image, (7, 5), ResizeMode.ALIGN_CORNERS)

    wanted_rows, wanted_columns = np.mgrid[0:7, 0:5] / 2
    np.testing.assert_allclose(large[0, :, :, 0], 2 * wanted_rows - wanted_columns, atol=1e-6)
