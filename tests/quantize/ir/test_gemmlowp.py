"""gemmlowp's fixed-point functions: equal to its C++, near the real functions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize.ir import gemmlowp

# value, then logistic and tanh of it as Q4.27, exp of -|value| as Q5.26: raw numbers that
# gemmlowp's fixedpoint.h (compiled for the host) gave; 151,003 random values agreed as well.
REFERENCE = [
    (0, 1073741824, 0, 2147483647),
    (1, 1073741948, 260, 2147483124),
    (-1, 1073741699, -260, 2147483124),
    (1000, 1073745948, 16236, 2147451157),
    (-1000, 1073737699, -16236, 2147451157),
    (1048576, 1077936196, 16776996, 2114189749),
    (-1048576, 1069547451, -16776996, 2114189749),
    (16789561, 1140812628, 267240748, 1672153938),
    (-16789561, 1006671019, -267240748, 1672153938),
    (134217728, 1569936226, 1635510876, 290630390),
    (-134217728, 577547421, -1635510876, 290630390),
    (402653185, 2045637386, 2136863820, 5323078),
    (-402653185, 101846261, -2136863820, 5323078),
    (1073741817, 2146763492, 2147483164, 242),
    (-1073741817, 720155, -2147483164, 242),
    (2147483647, 2147483406, 2147483647, 0),
    (-2147483647, 241, -2147483647, 0),
    (987654321, 2146116376, 2147481900, 872),
    (-987654321, 1367271, -2147481900, 872),
    (123456, 1074235766, 1975528, 2143536231),
    (-123456, 1073247881, -1975528, 2143536231),
]
Q31 = 2.0**31
raw = st.integers(-(2**31) + 1, 2**31 - 1)


def _of(value: int) -> np.ndarray:
    return np.array([value], np.int64)


@pytest.mark.parametrize(("value", "logistic", "tanh", "exp"), REFERENCE)
def test_curves_equal_the_reference_to_the_last_bit(
    value: int, logistic: int, tanh: int, exp: int
) -> None:
    assert gemmlowp.logistic(_of(value)) == logistic
    assert gemmlowp.tanh(_of(value)) == tanh
    assert gemmlowp.exp_on_negative_values(_of(-abs(value)), 5) == exp


@given(raw)
def test_logistic_is_near_the_real_one(value: int) -> None:
    real = 1 / (1 + np.exp(-value / 2**27))

    assert abs(gemmlowp.logistic(_of(value))[0] / Q31 - real) < 1e-6


@given(raw)
def test_tanh_is_near_the_real_one_and_odd(value: int) -> None:
    result = gemmlowp.tanh(_of(value))[0]

    assert abs(result / Q31 - np.tanh(value / 2**27)) < 1e-6
    assert gemmlowp.tanh(_of(-value))[0] == -result


@given(st.integers(-(2**31) + 1, 0), st.integers(0, 5))
def test_exp_is_near_the_real_one(value: int, integer_bits: int) -> None:
    real = np.exp(value / 2.0 ** (31 - integer_bits))

    assert abs(gemmlowp.exp_on_negative_values(_of(value), integer_bits)[0] / Q31 - real) < 1e-6


@given(st.integers(2**12, 2**31 - 1))
def test_reciprocal_is_near_the_real_one(value: int) -> None:
    mantissa, bits_over_unit = gemmlowp.reciprocal(_of(value), 12)

    computed = mantissa[0] / Q31 / 2.0 ** bits_over_unit[0]
    assert computed == pytest.approx(2.0**19 / value, rel=1e-6)


def test_a_product_saturates_where_it_cannot_be_said() -> None:
    assert gemmlowp.multiply(_of(-(2**31)), -(2**31)) == 2**31 - 1
