"""Functions of fixed-point numbers: exp, reciprocal, logistic, tanh on int32 values.

Values are int64 arrays that hold int32 raw numbers; a "Qm.n" number is raw / 2**n, with m integer
bits, n = 31 - m. The formulas are those of gemmlowp's fixedpoint.h, which TFLite's reference
softmax, logistic and tanh call; each function names its counterpart there.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.fixed_point import divide_by_power_of_two

Raw: TypeAlias = npt.NDArray[np.int64]

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
_ONE_Q0 = INT32_MAX  # Q0.31 cannot hold 1.0; this is the nearest
_EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8), Q0.31
_THIRD = 715827883  # 1/3, Q0.31
_48_OVER_17 = 1515870810  # Q2.29
_MINUS_32_OVER_17 = -1010580540  # Q2.29
_EXP_OF_MINUS_POWERS = {  # exponent e -> exp(-2**e), Q0.31
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}


def multiply(left: Raw, right: Raw | int) -> Raw:
    """Return the product of two raw values over 2**31, rounded half up, saturated.

    Source: gemmlowp `SaturatingRoundingDoublingHighMul`; its half away from 0 and our half up
    meet, because the truncating division there pulls negative ties up.
    """
    product: Raw = (left * right + 2**30) >> 31
    return np.minimum(product, INT32_MAX)


def exp_on_negative_values(value: Raw, integer_bits: int) -> Raw:
    """Return exp(value) as Q0.31 of a non-positive Q(integer_bits) value, integer_bits <= 5.

    Source: gemmlowp `exp_on_negative_values`.
    """
    fractional_bits = 31 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    in_quarter = (value & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_0(in_quarter << integer_bits)
    remainder = in_quarter - value
    for exponent, factor in _EXP_OF_MINUS_POWERS.items():
        if integer_bits > exponent:
            bit = 1 << (fractional_bits + exponent)
            result = np.where(remainder & bit, multiply(result, factor), result)
    return np.where(value == 0, _ONE_Q0, result)


def _exp_between_minus_quarter_and_0(value: Raw) -> Raw:
    x = value + (1 << 28)  # Taylor's series around -1/8
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4_over_4 = divide_by_power_of_two(multiply(x2, x2), 2)
    tail = divide_by_power_of_two(multiply(x4_over_4 + x3, _THIRD) + x2, 1)
    return _EXP_MINUS_EIGHTH + multiply(x + tail, _EXP_MINUS_EIGHTH)


def one_over_one_plus(value: Raw) -> Raw:
    """Return 1 / (1 + value) as Q0.31 of a Q0.31 value in [0, 1].

    Source: gemmlowp `one_over_one_plus_x_for_x_in_0_1`.
    """
    return saturate(_two_over_one_plus(value) << 1)


def _two_over_one_plus(value: Raw) -> Raw:
    """Return 2 / (1 + value) as Q2.29, by three steps of Newton and Raphson."""
    half_denominator = half_sum(value, _ONE_Q0)
    x = _48_OVER_17 + multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, x)
        x = x + saturate(multiply(x, error) << 2)
    return x


def half_sum(left: Raw, right: int) -> Raw:
    """Return (left + right) / 2, rounded half away from 0.

    Source: gemmlowp `RoundingHalfSum`.
    """
    total = left + right
    return (total + (total >= 0)) >> 1  # half away from 0, for the non-negative sums met here


def logistic(value: Raw) -> Raw:
    """Return 1 / (1 + exp(-value)) as Q0.31 of a Q4.27 value.

    Source: gemmlowp `logistic`.
    """
    positive = one_over_one_plus(exp_on_negative_values(-np.abs(value), 4))
    result = np.where(value > 0, positive, _ONE_Q0 - positive)
    return np.where(value == 0, 1 << 30, result)


def tanh(value: Raw) -> Raw:
    """Return the hyperbolic tangent as Q0.31 of a Q4.27 value.

    Source: gemmlowp `tanh`: (1 - e) / (1 + e) with e = exp(-2 |value|), read as Q5.26.
    """
    e = exp_on_negative_values(-np.abs(value), 5)
    positive = saturate((_two_over_one_plus(e) - (1 << 29)) << 2)
    return np.where(value == 0, 0, np.where(value < 0, -positive, positive))


def reciprocal(value: Raw, integer_bits: int) -> tuple[Raw, Raw]:
    """Return 1 / value of a positive Q(integer_bits) value as (Q0.31 mantissa, bits over unit).

    Source: TFLite `GetReciprocal` (tflite/kernels/internal/common.h).
    """
    headroom = 32 - np.frexp(value.astype(np.float64))[1].astype(np.int64)  # leading zeros
    mantissa = one_over_one_plus((value << headroom) - 2**31)
    return mantissa, integer_bits - headroom


def saturate(value: Raw) -> Raw:
    """Return `value` clipped to int32."""
    clipped: npt.NDArray[Any] = np.clip(value, INT32_MIN, INT32_MAX)
    return clipped
