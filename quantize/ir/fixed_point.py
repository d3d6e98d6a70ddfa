"""Fixed point: how a real factor becomes an integer multiplier, and what multiplying means."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quantize.errors import ScaleRangeError

INT32_MAX = 2**31 - 1
MAX_FACTOR = 2.0**29
MIN_SHIFT = -31
WIDE_ACCUMULATOR_MAX = 2**47 - 1  # of what requantize_wide takes
_MOST_REDUCED = 2**15 - 1


@dataclass(frozen=True, slots=True)
class Requant:
    """A real factor as `multiplier * 2**(shift - 31)`.

    Attributes:
        multiplier: Q0.31 mantissa, in [2**30, 2**31 - 1], or 0 for a factor too small to matter.
        shift: Power of two, in [-31, 30]; positive shifts left (the TFLite convention).
    """

    multiplier: int
    shift: int


def quantize_factor(factor: float) -> Requant:
    """Return the nearest Requant to `factor`, which is input_scale * weight_scale / output_scale.

    Raises:
        ScaleRangeError: `factor` is not in (0, 2**29].

    Source: TFLite `QuantizeMultiplier` (tflite/kernels/internal/quantization_util.cc).
    """
    if not 0.0 < factor <= MAX_FACTOR:
        raise ScaleRangeError(f"factor {factor!r} is outside (0, 2**29]")
    mantissa, shift = math.frexp(factor)
    multiplier = math.floor(mantissa * 2**31 + 0.5)  # as std::round: Python's round() ties to even
    if multiplier > INT32_MAX:
        multiplier, shift = multiplier // 2, shift + 1
    return Requant(multiplier, shift) if shift >= MIN_SHIFT else Requant(0, 0)


def requantize(
    accumulator: npt.NDArray[Any], multiplier: npt.NDArray[np.int64], shift: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return `accumulator` (int32) times the factor, rounded twice: half up, then half away from 0.

    `multiplier` and `shift` broadcast against `accumulator` (per channel: the last axis).

    Source: CMSIS-NN `arm_nn_requantize`, its default branch (double rounding).
    """
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = ((accumulator.astype(np.int64) << left) * multiplier + 2**30) >> 31
    return divide_by_power_of_two(high, right)


def requantize_once(
    accumulator: npt.NDArray[Any], multiplier: npt.NDArray[np.int64], shift: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return `accumulator` (int32) times the factor, rounded once, half up; as `requantize` else.

    Source: CMSIS-NN `arm_nn_requantize` with CMSIS_NN_USE_SINGLE_ROUNDING; TFLite's
    `MultiplyByQuantizedMultiplier` with TFLITE_SINGLE_ROUNDING.
    """
    right = 31 - np.asarray(shift, np.int64)
    half = np.int64(1) << (right - 1)
    scaled: npt.NDArray[np.int64] = (accumulator.astype(np.int64) * multiplier + half) >> right
    return scaled


def requantize_wide(
    accumulator: npt.NDArray[np.int64],
    multiplier: npt.NDArray[np.int64],
    shift: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return `accumulator` (below 2**47) times the factor in 16 bits, rounded once, half up.

    It is what operations with int16 activations do. The arguments broadcast as in `requantize`.

    Source: TFLite `MultiplyByQuantizedMultiplier` of int64 (kernels/internal/common.cc), CMSIS-NN
    `arm_nn_requantize_s64`.
    """
    exponent = 15 - shift
    half = np.int64(1) << (exponent - 1)
    scaled: npt.NDArray[np.int64] = accumulator * reduced(multiplier) + half
    return scaled >> exponent


def reduced(multiplier: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a multiplier of 32 bits in 16, rounded half up; source as of `requantize_wide`."""
    in_16_bits: npt.NDArray[np.int64] = np.minimum((multiplier + (1 << 15)) >> 16, _MOST_REDUCED)
    return in_16_bits


def divide_by_power_of_two(
    value: npt.NDArray[np.int64], exponent: npt.NDArray[np.int64] | int
) -> npt.NDArray[np.int64]:
    """Return value / 2**exponent, rounded half away from 0.

    Source: gemmlowp `RoundingDivideByPOT` (fixedpoint/fixedpoint.h).
    """
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return (value + half - ((value < 0) & (np.asarray(exponent) > 0))) >> exponent
