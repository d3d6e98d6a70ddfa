"""Softmax, logistic and tanh of int16 codes: tables with a line between their entries.

All codes are of scale 1/32768 on the way out and have no zero point.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.fixed_point import Requant, quantize_factor
from quantize.ir.graph import DType
from quantize.ir.integer_params import code_limits
from quantize.ir.row_functions import Rescaling

Codes: TypeAlias = npt.NDArray[np.int64]
_Reals: TypeAlias = npt.NDArray[np.float64]

_LEAST, _MOST = code_limits(DType.INT16)
_STEPS = 512  # of a table over all codes
_CURVE_ENTRIES = 256  # of the logistic's table: 24 for each unit, up to 10.6
LOGISTIC_POWERS, TANH_POWERS = (-12,), (-12, -11)
_EXP_RANGE = 10.0  # exp of less than -10 counts as 0


def wide_curve_factor(scale: float, powers: tuple[int, ...]) -> Requant:
    """Return the factor to 1/12288 as multiplier / 2**shift, cut off to 15 bits.

    A scale that is nearly a power of two of `powers` counts as that power.

    Source: TFLite `SigmoidPrepare` and `TanhPrepare` (tflite/kernels/activations.cc).
    """
    power = _nearly_power_of_two(scale)
    if power in powers:
        return Requant(3 << (power + 12), 0)
    multiplier, shift = scale * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return Requant(int(multiplier), shift)


def _nearly_power_of_two(scale: float) -> int | None:
    """Return the logarithm where it is a whole number to 0.001, that is 0.07 % of the scale.

    Source: TFLite `CheckedLog2` (tflite/kernels/internal/quantization_util.cc), in float32.
    """
    logarithm = np.log(np.float32(scale)) * (np.float32(1.0) / np.log(np.float32(2.0)))
    whole = round(float(logarithm))
    return whole if abs(logarithm - np.float32(whole)) < np.float32(1e-3) else None


def wide_logistic(codes: Codes, factor: Requant) -> Codes:
    """Return the logistic of int16 codes.

    Source: TFLite `Logistic` of int16 (kernels/internal/reference/integer_ops/logistic.h).
    """
    argument = _scaled(codes, factor)
    curve = _interpolated(np.abs(argument), 9, 0x7FFF << 10)
    mirrored: Codes = np.where(argument >= 0, curve + (1 << 9), (1 << 25) - curve + (1 << 9) - 1)
    return mirrored >> 10


def wide_tanh(codes: Codes, factor: Requant) -> Codes:
    """Return the hyperbolic tangent of int16 codes, as 2 * logistic(2 * x) - 1.

    Source: TFLite `Tanh` of int16 (kernels/internal/reference/integer_ops/tanh.h).
    """
    argument = _scaled(codes, factor)
    curve = _interpolated(np.abs(argument), 8, 0xFFFF << 8)
    mirrored: Codes = np.where(
        argument >= 0, curve - (1 << 23) + (1 << 7), -curve + (1 << 23) + (1 << 7) - 1
    )
    return mirrored >> 8


def _scaled(codes: Codes, factor: Requant) -> Codes:
    half = (1 << factor.shift) >> 1
    scaled: Codes = codes * factor.multiplier + half
    return scaled >> factor.shift


def _interpolated(magnitude: Codes, bits: int, saturated: int) -> Codes:
    """Return the logistic as Q16 shifted left by `bits`, `magnitude` having so many below 1/24."""
    table = logistic_table()
    index = np.minimum(magnitude >> bits, _CURVE_ENTRIES - 2)
    low, high = table[index], table[index + 1]
    line = (low << bits) + (magnitude & ((1 << bits) - 1)) * (high - low)
    result: Codes = np.where(magnitude >> bits >= _CURVE_ENTRIES - 1, saturated, line)
    return result


@cache
def logistic_table() -> Codes:
    """Return the logistic of i / 24 in Q16, (256,), raised by half of what lines lie below it."""
    halves = 65536.0 / (1.0 + np.exp(-np.arange(2 * _CURVE_ENTRIES + 1) / 48.0))
    values, between = halves[:-1:2], halves[1::2]
    raised = values + (between - (values + halves[2::2]) / 2.0) / 2.0
    table = np.floor(raised + 0.5).astype(np.int64)
    table[-1] = 0xFFFF
    return table


def wide_softmax_requant(scale: float, beta: float) -> Requant:
    """Return the factor from differences of codes to steps of 10 / 65535.

    Source: TFLite `SoftmaxPrepare` (tflite/kernels/activations.cc).
    """
    return quantize_factor(scale * float(np.float32(beta)) / (_EXP_RANGE / 65535.0))


def wide_softmax(codes: Codes, requant: Requant, rescale: Rescaling) -> Codes:
    """Return the softmax of int16 codes along the last axis.

    Source: TFLite `SoftmaxInt16` (tflite/kernels/internal/reference/softmax.h).
    """
    difference = codes - codes.max(-1, keepdims=True)
    multiplier, shift = np.array(requant.multiplier), np.array(requant.shift)
    argument = rescale(difference, multiplier, shift) + _MOST
    powers = _looked_up(np.clip(argument, _LEAST, _MOST), exp_table())  # Q15
    total = powers.sum(-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # leading zeros
    shifted = ((total << (headroom - 1)) + (1 << 13)) >> 14
    mantissa = np.clip(shifted - ((1 << 15) + (1 << 16)), _LEAST, _MOST)
    reciprocal = _looked_up(mantissa, reciprocal_table())
    right = 31 - headroom
    share = (powers * reciprocal + (np.int64(1) << (right - 1))) >> right
    clipped: Codes = np.clip(share, 0, _MOST)
    return clipped


def _looked_up(codes: Codes, table: Codes) -> Codes:
    """Source: TFLite `LUTLookup` of int16 (tflite/kernels/internal/common.h)."""
    index, rest = _STEPS // 2 + (codes >> 7), codes & 0x7F
    low, high = table[index], table[index + 1]
    result: Codes = low + (((high - low) * rest + 64) >> 7)
    return result


@cache
def exp_table() -> Codes:
    """Return exp over [-10, 0] in Q15, (513,)."""
    return _table(np.exp, _EXP_RANGE / 65535.0, _MOST)


@cache
def reciprocal_table() -> Codes:
    """Return 1 / (1 + x) over [0, 1] in Q15, (513,)."""
    return _table(lambda value: 1.0 / (1.0 + value), 1.0 / 65535.0, _LEAST)


def _table(curve: Callable[[_Reals], _Reals], scale: float, zero_point: int) -> Codes:
    """Return a curve in Q15 at 513 places; each is moved so that lines err to both sides.

    Source: TFLite `LUTPopulateInt16` (tflite/kernels/internal/common.h), in double.
    """
    low, high = scale * (_LEAST - zero_point), scale * (_MOST - zero_point)
    step = (high - low) / _STEPS
    places = np.arange(_STEPS, dtype=np.float64) * step + low
    stretch = 65536.0 / 2.0  # of [-1, 1] to all codes
    values, between, after = (
        curve(moved) * stretch for moved in (places, places + step / 2.0, places + step)
    )
    samples = _round(values)
    errors = _round((after + samples) / 2.0) - _round(between)
    table = np.append(samples - _round(errors / 2.0), _round(curve(np.array([high])) * stretch))
    clipped: Codes = np.clip(table, _LEAST, _MOST).astype(np.int64)
    return clipped


def _round(values: _Reals) -> _Reals:
    rounded: _Reals = np.sign(values) * np.floor(np.abs(values) + 0.5)
    return rounded
