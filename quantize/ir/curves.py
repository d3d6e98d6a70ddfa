"""Curves of codes: softmax, logistic, tanh, and functions of whole rows."""

import numpy as np

from quantize.ir import gemmlowp
from quantize.ir.codes import Codes, Values, centre, rescaled, rescaling
from quantize.ir.fixed_point import divide_by_power_of_two
from quantize.ir.graph import DType, IntGraph, Profile
from quantize.ir.integer_params import (
    CODE_MAX,
    CODE_MIN,
    SOFTMAX_INTEGER_BITS,
    log_softmax_params,
    logistic_params,
    quant_of,
    scale_of,
    softmax_params,
)
from quantize.ir.ops import L2Normalization, Logistic, LogSoftmax, Softmax, Tanh
from quantize.ir.row_functions import l2_normalized, log_softmax
from quantize.ir.wide_curves import (
    LOGISTIC_POWERS,
    TANH_POWERS,
    wide_curve_factor,
    wide_logistic,
    wide_softmax,
    wide_softmax_requant,
    wide_tanh,
)
from quantize.ir.widths import width


def curve_codes(operation: Softmax | Logistic | Tanh, graph: IntGraph, values: Values) -> Codes:
    """Return the output's codes of a curve."""
    if width(operation, graph) is DType.INT16:
        return _wide_curve(operation, graph, values)
    if isinstance(operation, Softmax):
        return _softmax(operation, graph, values)
    return _s_curve(operation, graph, values)


def _softmax(operation: Softmax, graph: IntGraph, values: Values) -> Codes:
    """Source: TFLite `reference_ops::Softmax` (tflite/kernels/internal/reference/softmax.h)."""
    params = softmax_params(operation, graph)
    codes = values[operation.input].astype(np.int64)
    difference = codes - codes.max(-1, keepdims=True)
    is_counted = difference >= -params.radius
    argument = rescaled(graph, np.where(is_counted, difference, 0), params.requant)
    exp = gemmlowp.exp_on_negative_values(argument, SOFTMAX_INTEGER_BITS)  # Q0.31
    in_q12 = np.where(is_counted, divide_by_power_of_two(exp, 12), 0)
    mantissa, bits = gemmlowp.reciprocal(in_q12.sum(-1, keepdims=True), 12)
    product = gemmlowp.multiply(mantissa, exp)
    return np.where(is_counted, divide_by_power_of_two(product, bits + 23) - 128, CODE_MIN)


def _wide_curve(operation: Softmax | Logistic | Tanh, graph: IntGraph, values: Values) -> Codes:
    codes, scale = values[operation.input].astype(np.int64), scale_of(graph, operation.input)
    match operation:
        case Softmax(beta=beta):
            return wide_softmax(codes, wide_softmax_requant(scale, beta), rescaling(graph))
        case Logistic():
            return wide_logistic(codes, wide_curve_factor(scale, LOGISTIC_POWERS))
        case Tanh():
            return wide_tanh(codes, wide_curve_factor(scale, TANH_POWERS))


def _s_curve(operation: Logistic | Tanh, graph: IntGraph, values: Values) -> Codes:
    """Source: TFLite `Logistic`, `Tanh` (tflite/kernels/internal/reference/integer_ops)."""
    if graph.profile is Profile.LITERT:
        return _curve_table(operation, graph)[values[operation.input].astype(np.int64) - CODE_MIN]
    params = logistic_params(operation, graph)
    centred = centre(operation.input, graph, values)
    is_inside = np.abs(centred) < params.radius
    argument = rescaled(graph, np.where(is_inside, centred, 0), params.requant)
    if isinstance(operation, Logistic):
        inside = divide_by_power_of_two(gemmlowp.logistic(argument), 23) - 128
    else:
        inside = divide_by_power_of_two(gemmlowp.tanh(argument), 24)
    return np.where(is_inside, inside, np.where(centred < 0, CODE_MIN, CODE_MAX))


def _curve_table(operation: Logistic | Tanh, graph: IntGraph) -> Codes:
    """Return the output code of every input code, worked out in float32, rounded half away from 0.

    The function itself is rounded once from double, as a good C library's float32 one is.

    Source: LiteRT `LUTPopulate` (tflite/kernels/internal/reference/integer_ops/lut.h) and the
    Prepare functions of tflite/kernels/activations.cc that fill it.
    """
    x, y = quant_of(graph, operation.input), quant_of(graph, operation.output)
    codes = np.arange(CODE_MIN, CODE_MAX + 1) - x.zero_point
    real = (codes.astype(np.float32) * np.float32(x.scale[0])).astype(np.float64)
    if isinstance(operation, Logistic):
        with np.errstate(over="ignore"):  # exp of a large argument is infinite, 1 / infinity is 0
            exp = np.exp(-real).astype(np.float32)
        curve = np.float32(1) / (np.float32(1) + exp)
    else:
        curve = np.tanh(real).astype(np.float32)
    scaled = (curve * (np.float32(1) / np.float32(y.scale[0]))).astype(np.float64)
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)
    table: Codes = rounded.astype(np.int64) + y.zero_point
    return table


def row_function_codes(
    operation: LogSoftmax | L2Normalization, graph: IntGraph, values: Values
) -> Codes:
    """Return the output's codes of a function of whole rows."""
    if isinstance(operation, L2Normalization):
        return l2_normalized(centre(operation.input, graph, values), rescaling(graph))
    codes = values[operation.input].astype(np.int64)
    return log_softmax(codes, log_softmax_params(operation, graph), rescaling(graph))
