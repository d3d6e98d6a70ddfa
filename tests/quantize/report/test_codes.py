import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.ir.graph import TensorType
from quantize.report.codes import to_codes, to_reals
from tests.models import int8, quant


@settings(max_examples=50)
@given(st.floats(1e-6, 1e3), st.integers(-128, 127))
def test_codes_survive_the_way_to_reals_and_back(scale: float, zero_point: int) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    params = quant(scale, zero_point)

    assert np.array_equal(to_codes(to_reals(codes, params), int8((256,), params)), codes)


@settings(max_examples=50)
@given(st.floats(-100, 100), st.floats(0.01, 2.0))
def test_a_real_inside_the_range_is_off_by_half_a_step_at_most(value: float, scale: float) -> None:
    params = quant(scale)
    inside = np.clip(np.float32([value]), -128 * params.scale[0], 127 * params.scale[0])

    error = np.abs(to_reals(to_codes(inside, int8((1,), params)), params) - inside)

    assert error[0] <= params.scale[0] * 0.5001


def test_ties_go_to_even() -> None:
    assert to_codes(np.array([0.5, 1.5, -0.5]), int8((3,), quant(1.0))).tolist() == [0, 2, 0]


def test_float32_is_its_own_code() -> None:
    values = np.array([0.25, -3.0], np.float32)

    assert to_codes(values, TensorType((2,))).tolist() == values.tolist()
    assert to_reals(values, None).tolist() == values.tolist()
