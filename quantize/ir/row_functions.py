"""Functions of whole rows in fixed point: the logarithm of softmax, and rows of length 1.

Raw numbers as in `gemmlowp`; the roundings are those of the reference kernels that are named.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir import gemmlowp
from quantize.ir.fixed_point import divide_by_power_of_two, requantize
from quantize.ir.integer_params import CODE_MAX, CODE_MIN, SOFTMAX_INTEGER_BITS, LogSoftmaxParams

Raw: TypeAlias = npt.NDArray[np.int64]
Rescaling: TypeAlias = Callable[[Raw, Raw, Raw], Raw]  # accumulators, multipliers, shifts

_SQRT_HALF = 1518500250  # Q0.31, as all that follow
_FOURTH_ROOT_OF_HALF = 1805811301
_LOG_2 = 1488522236
_ALPHA_N, _ALPHA_D, _ALPHA_I, _ALPHA_F = 117049297, 127690142, 1057819769, 638450708
_QUARTER_Q6 = 1 << 23
_SUM_BITS = 12  # sums of exp are Q12.19
_ONE_Q3 = 1 << 28
_LENGTH_BITS = 7  # rows of length 1 have scale 1/128


def log_softmax(codes: Raw, params: LogSoftmaxParams, rescale: Rescaling = requantize) -> Raw:
    """Return the output's codes of rows along the last axis.

    Source: TFLite `LogSoftmaxQuantized` (kernels/internal/reference/log_softmax.h).
    """
    difference = codes - codes.max(-1, keepdims=True)
    is_counted = difference >= -params.curve.radius
    requant = params.curve.requant
    multiplier, shift = np.int64(requant.multiplier), np.int64(requant.shift)
    argument = rescale(np.where(is_counted, difference, 0), np.array(multiplier), np.array(shift))
    exp = gemmlowp.exp_on_negative_values(argument, SOFTMAX_INTEGER_BITS)
    in_q12 = np.where(is_counted, divide_by_power_of_two(exp, _SUM_BITS), 0)
    log_sum = log_of_sum(in_q12.sum(-1, keepdims=True))
    least = rescale(
        log_sum + gemmlowp.INT32_MIN,
        np.array(params.reverse.multiplier, np.int64),
        np.array(params.reverse.shift, np.int64),
    )
    least = np.maximum(-params.curve.radius - 1, least)
    value = divide_by_power_of_two(argument - log_sum, 22) + CODE_MAX
    return np.where(difference > least, np.clip(value, CODE_MIN, CODE_MAX), CODE_MIN)


def log_of_sum(value: Raw) -> Raw:
    """Return log(value) as Q5.26 of a Q12.19 value of at least 1.

    Source: TFLite `log_x_for_x_greater_than_or_equal_to_1` (kernels/internal/common.h).
    """
    zeros = _leading_zeros(value)
    r_a = _shifted(gemmlowp.multiply(_shifted(value, zeros - 1), _SQRT_HALF), 1)
    headroom = _leading_zeros(gemmlowp.multiply(value, _SQRT_HALF)) - 1
    r_b = _shifted(value, headroom)
    power_a = gemmlowp.saturate(_shifted(_SUM_BITS - zeros, 25) + _QUARTER_Q6)
    power_b = gemmlowp.saturate(_shifted(_SUM_BITS - headroom, 25) - _QUARTER_Q6)
    in_powers = gemmlowp.multiply(np.maximum(power_a, power_b), _LOG_2)
    return _shifted(in_powers + _log_near_one(np.minimum(r_a, r_b)), 1)


def _log_near_one(r: Raw) -> Raw:
    """Return the rest of the logarithm as Q6.25, a quotient of polynomials around 0.5 ** 0.25."""
    q = 2 * (r - _FOURTH_ROOT_OF_HALF)
    p = gemmlowp.half_sum(r, _FOURTH_ROOT_OF_HALF)
    square = gemmlowp.multiply(q, q)
    cubic = gemmlowp.multiply(gemmlowp.multiply(q, square), _ALPHA_N)
    numerator = gemmlowp.multiply(q, r) + cubic
    inner = _ALPHA_I + q + gemmlowp.multiply(square, _ALPHA_D)
    denominator = gemmlowp.multiply(p, inner) + gemmlowp.multiply(q, _ALPHA_F)
    reciprocal = gemmlowp.one_over_one_plus(denominator)
    return gemmlowp.multiply(divide_by_power_of_two(numerator, 6), reciprocal)


def l2_normalized(centred: Raw, rescale: Rescaling = requantize) -> Raw:
    """Return the output's codes of rows along the last axis, zero points taken off.

    Source: TFLite `L2Normalization` (kernels/internal/reference/integer_ops/l2normalization.h).
    """
    multiplier, shift = inverse_square_root((centred**2).sum(-1, keepdims=True))
    return rescale(centred, multiplier, shift + _LENGTH_BITS)


def inverse_square_root(value: Raw) -> tuple[Raw, Raw]:
    """Return 1 / sqrt(value) of integers as multiplier and shift; of 0 that of 1.

    Source: TFLite `GetInvSqrtQuantizedMultiplierExp` (kernels/internal/common.h).
    """
    right = np.full(value.shape, 11, np.int64)
    scaled = np.maximum(value, 2)
    while (is_large := scaled >= 1 << 29).any():
        scaled, right = np.where(is_large, scaled // 4, scaled), right + is_large
    pairs = (_leading_zeros(scaled) - 1) // 2 - 1
    root = _newton(scaled << (2 * pairs))
    right = right - pairs
    multiplier = np.where(right < 0, root << np.maximum(-right, 0), root)
    is_one = value <= 1
    shift = np.where(is_one, 0, -np.maximum(right, 0))
    return np.where(is_one, gemmlowp.INT32_MAX, multiplier), shift


def _newton(value: Raw) -> Raw:
    """Return 1 / sqrt of values in [2**27, 2**29), five steps in Q3.28."""
    half = divide_by_power_of_two(value >> 1, 1)
    x = np.full(value.shape, _ONE_Q3, np.int64)
    for _ in range(5):
        cube = _shifted(gemmlowp.multiply(gemmlowp.multiply(x, x), x), 6)
        lead = gemmlowp.multiply(x, _ONE_Q3 + _ONE_Q3 // 2)
        x = _shifted(lead - gemmlowp.multiply(half, cube), 3)
    return gemmlowp.multiply(x, _SQRT_HALF)


def _leading_zeros(value: Raw) -> Raw:
    return 32 - np.frexp(value.astype(np.float64))[1].astype(np.int64)


def _shifted(value: Raw, bits: Raw | int) -> Raw:
    return gemmlowp.saturate(value << bits)
