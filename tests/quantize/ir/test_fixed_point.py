"""Factors and requantizing, judged by exact arithmetic on fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantize.errors import ScaleRangeError
from quantize.ir.fixed_point import (
    MAX_FACTOR,
    Requant,
    divide_by_power_of_two,
    quantize_factor,
    requantize,
    requantize_once,
)

factors = st.floats(2.0**-40, MAX_FACTOR, allow_nan=False)
accumulators = st.integers(-(2**31), 2**31 - 1)


def _half_away(value: Fraction) -> int:
    return int(math.copysign(1, value)) * math.floor(abs(value) + Fraction(1, 2))


def _requantize(accumulator: int, requant: Requant) -> int:
    arrays = (np.array([number], np.int64) for number in (requant.multiplier, requant.shift))
    return int(requantize(np.array([accumulator]), *arrays)[0])


@given(factors)
def test_a_factor_is_met_to_31_bits(factor: float) -> None:
    requant = quantize_factor(factor)

    meant = Fraction(requant.multiplier) * Fraction(2) ** (requant.shift - 31)
    if factor < 2.0**-32:
        assert requant == Requant(0, 0)
    else:
        assert abs(meant - Fraction(factor)) <= Fraction(factor) / 2**31
        assert 2**30 <= requant.multiplier < 2**31
        assert -31 <= requant.shift <= 30


def test_a_mantissa_that_rounds_to_1_moves_the_shift() -> None:
    assert quantize_factor(1.0 - 2.0**-40) == Requant(2**30, 1)


def test_a_midpoint_mantissa_rounds_away_from_zero() -> None:
    assert quantize_factor(0.5 + 2.0**-32).multiplier == 2**30 + 1


@pytest.mark.parametrize("factor", [0.0, -1.0, MAX_FACTOR * 2, math.inf, math.nan])
def test_a_factor_out_of_range_is_refused_with_its_value(factor: float) -> None:
    with pytest.raises(ScaleRangeError, match=r"is outside \(0, 2\*\*29\]"):
        quantize_factor(factor)


@given(accumulators, st.floats(2.0**-31, 0.999))
def test_requantizing_rounds_twice_as_defined(accumulator: int, factor: float) -> None:
    requant = quantize_factor(factor)

    high = math.floor(
        Fraction(accumulator * 2 ** max(requant.shift, 0) * requant.multiplier, 2**31)
        + Fraction(1, 2)
    )
    expected = _half_away(Fraction(high, 2 ** max(-requant.shift, 0)))
    assert _requantize(accumulator, requant) == expected


@given(accumulators, st.floats(2.0**-31, 0.999))
def test_requantizing_is_within_one_of_exact(accumulator: int, factor: float) -> None:
    requant = quantize_factor(factor)

    exact = Fraction(accumulator) * requant.multiplier * Fraction(2) ** (requant.shift - 31)
    assert abs(_requantize(accumulator, requant) - exact) <= 1


@given(st.integers(-(2**31), 2**31 - 2), st.floats(2.0**-31, 0.999))
def test_requantizing_keeps_the_order(accumulator: int, factor: float) -> None:
    requant = quantize_factor(factor)

    assert _requantize(accumulator, requant) <= _requantize(accumulator + 1, requant)


@given(st.integers(-(2**40), 2**40), st.integers(0, 31))
def test_dividing_rounds_half_away_from_zero(value: int, exponent: int) -> None:
    quotient = divide_by_power_of_two(np.array([value]), exponent)[0]

    assert quotient == _half_away(Fraction(value, 2**exponent))


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (-1, -1), (3, 2), (-3, -2), (2, 1)])
def test_midpoint_rounds_away_from_zero(value: int, expected: int) -> None:
    assert divide_by_power_of_two(np.array([value]), 1)[0] == expected


@given(accumulators, factors)
def test_requantizing_once_is_the_exact_product_rounded_half_up(
    accumulator: int, factor: float
) -> None:
    requant = quantize_factor(factor)
    arrays = (np.array([number], np.int64) for number in (requant.multiplier, requant.shift))

    found = int(requantize_once(np.array([accumulator]), *arrays)[0])

    exact = accumulator * Fraction(requant.multiplier) * Fraction(2) ** (requant.shift - 31)
    assert found == math.floor(exact + Fraction(1, 2))
