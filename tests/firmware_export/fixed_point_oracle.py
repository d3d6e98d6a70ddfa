"""Requantization in exact rational arithmetic, written from gemmlowp's definition."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def requantize(accumulator: int, multiplier: int, shift: int) -> int:
    """Return accumulator * multiplier * 2**(shift - 31): half up, then half away from 0."""
    shifted = accumulator * 2 ** max(shift, 0)
    saturated = min(max(shifted, INT32_MIN), INT32_MAX)
    high = math.floor(Fraction(saturated * multiplier, 2**31) + Fraction(1, 2))
    return half_away(Fraction(high, 2 ** max(-shift, 0)))


def half_away(value: Fraction) -> int:
    rounded = math.floor(abs(value) + Fraction(1, 2))
    return rounded if value >= 0 else -rounded


def output_codes(
    accumulator: npt.NDArray[np.int64],
    multiplier: npt.NDArray[Any],
    shift: npt.NDArray[Any],
    zero_point: int,
    bounds: tuple[int, int],
) -> npt.NDArray[np.int8]:
    """Return the int8 outputs of accumulators (..., C); multiplier and shift broadcast."""
    factors = np.broadcast_arrays(accumulator, multiplier, shift)
    scaled = [
        requantize(int(a), int(m), int(s))
        for a, m, s in zip(*(array.ravel() for array in factors), strict=True)
    ]
    codes = np.clip(np.array(scaled, np.int64) + zero_point, *bounds)
    return codes.astype(np.int8).reshape(accumulator.shape)
