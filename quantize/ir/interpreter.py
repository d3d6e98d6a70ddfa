"""The definition of every operation: slow, obvious, in integers; in float32 where it was kept so.

An IntGraph means what this module computes, in the arithmetic profile that the graph names
(docs/numerics.md). LiteRT's reference kernels judge it; then it judges our C and our emitters.
Sums of products run in float64, which is exact: they stay far below 2**53.
"""

from collections.abc import Mapping
from typing import TypeAlias, assert_never

import numpy as np
import numpy.typing as npt

from quantize.errors import DataError
from quantize.ir import gemmlowp
from quantize.ir.fixed_point import (
    Requant,
    divide_by_power_of_two,
    requantize,
    requantize_once,
    requantize_wide,
)
from quantize.ir.float_executor import execute_float_operation
from quantize.ir.graph import Array, DType, IntGraph, Profile
from quantize.ir.hard_swish import hard_swish_codes, hard_swish_params
from quantize.ir.integer_params import (
    CODE_MAX,
    CODE_MIN,
    SOFTMAX_INTEGER_BITS,
    add_left_shift,
    add_params,
    code_bounds,
    code_limits,
    leaky_requants,
    log_softmax_params,
    logistic_params,
    mean_requant,
    mul_requant,
    prelu_requants,
    quant_of,
    rescale_requant,
    scale_of,
    softmax_params,
    weighted_requants,
)
from quantize.ir.moving import moved_codes
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    Padding,
    PadFill,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
)
from quantize.ir.row_functions import Rescaling, l2_normalized, log_softmax
from quantize.ir.spreading import spread
from quantize.ir.wide_curves import (
    wide_curve_factor,
    wide_logistic,
    wide_softmax,
    wide_softmax_requant,
    wide_tanh,
)
from quantize.ir.widths import width

Values: TypeAlias = Mapping[str, Array]
Codes: TypeAlias = npt.NDArray[np.int64]
Weighted: TypeAlias = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected


def execute(graph: IntGraph, inputs: Values) -> dict[str, Array]:
    """Return the outputs by name, (N, ...), of inputs (N, ...) by name, in the graph's types.

    Raises:
        DataError: An input is missing or has another shape or type than the graph says.
    """
    values = trace(graph, inputs)
    return {name: values[name] for name in graph.outputs}


def trace(graph: IntGraph, inputs: Values) -> dict[str, Array]:
    """Return every tensor by name, constants included; arguments and errors as in `execute`."""
    values = {**graph.constants, **{name: _input(graph, name, inputs) for name in graph.inputs}}
    for operation in graph.operations:
        values[operation.output] = execute_operation(operation, graph, values)
    return values


def _input(graph: IntGraph, name: str, inputs: Values) -> Array:
    if name not in inputs:
        raise DataError(f"{name}: no such input was given, there are {sorted(inputs)}")
    value, tensor = inputs[name], graph.tensors[name]
    if value.dtype != tensor.dtype.value or value.shape[1:] != tensor.shape[1:] or not value.ndim:
        raise DataError(
            f"{name}: {value.dtype}{value.shape}, expected {tensor.dtype}{('N', *tensor.shape[1:])}"
        )
    return value


def execute_operation(operation: Operation, graph: IntGraph, values: Values) -> Array:
    """Return the output (N, ...) of one operation, given the tensors it reads."""
    made = width(operation, graph)
    if isinstance(operation, Dequantize):
        return _real(operation, graph, values)
    if isinstance(operation, ArgMax):  # TFLite `ArgMinMax`: the first of equals
        return np.asarray(values[operation.input].argmax(-1), np.int32)
    if made is DType.FLOAT32:
        return execute_float_operation(operation, graph, values)
    codes = _codes(operation, graph, values)
    return np.clip(codes, *code_limits(made)).astype(made.value)


def _codes(operation: Operation, graph: IntGraph, values: Values) -> Array:
    match operation:
        case Conv2D():
            result = _conv(operation, graph, values)
        case DepthwiseConv2D():
            result = _depthwise(operation, graph, values)
        case TransposeConv2D():
            result = _transpose_conv(operation, graph, values)
        case FullyConnected():
            result = _fully_connected(operation, graph, values)
        case Add() | Sub():
            result = _sum(operation, graph, values)
        case Mul():
            result = _mul(operation, graph, values)
        case Minimum() | Maximum():
            choose = np.minimum if isinstance(operation, Minimum) else np.maximum
            result = choose(values[operation.left], values[operation.right])
        case AveragePool2D() | MaxPool2D():
            result = _pool(operation, graph, values)
        case Mean():
            result = _mean(operation, graph, values)
        case Pad():
            result = _pad(operation, graph, values)
        case Reshape():
            value = values[operation.input]
            result = value.reshape(len(value), *graph.tensors[operation.output].shape[1:])
        case Transpose():
            result = values[operation.input].transpose(operation.permutation)
        case Concat():
            result = np.concatenate([values[name] for name in operation.inputs], operation.axis)
        case (
            Slice()
            | Gather()
            | ResizeNearest()
            | ResizeBilinear()
            | SpaceToDepth()
            | DepthToSpace()
        ):
            result = moved_codes(operation, values[operation.input])
        case Softmax() | Logistic() | Tanh():
            result = _curve(operation, graph, values)
        case LogSoftmax() | L2Normalization():
            result = _row_function(operation, graph, values)
        case HardSwish() | LeakyRelu() | Prelu():
            result = _rectified(operation, graph, values)
        case Activate():
            bounds = code_bounds(operation.activation, quant_of(graph, operation.output))
            result = np.clip(_rescale(operation, graph, values), *bounds)
        case Quantize():
            is_real = graph.tensors[operation.input].dtype is DType.FLOAT32
            result = (_quantized if is_real else _rescale)(operation, graph, values)
        case Dequantize() | ArgMax():  # pragma: no cover - they make no codes
            raise AssertionError(operation)
        case _:
            assert_never(operation)
    return result


def _real(operation: Dequantize, graph: IntGraph, values: Values) -> Array:
    """Source: TFLite `Dequantize` (tflite/kernels/internal/reference/dequantize.h)."""
    real = _centred(operation.input, graph, values) * scale_of(graph, operation.input)
    return real.astype(np.float32)


def _quantized(operation: Quantize, graph: IntGraph, values: Values) -> Codes:
    """Return the codes of reals, rounded half away from 0.

    Source: TFLite `AffineQuantize` (tflite/kernels/internal/reference/quantize.h).
    """
    output = quant_of(graph, operation.output)
    ratio = (values[operation.input] / np.float32(output.scale[0])).astype(np.float64)
    rounded = np.sign(ratio) * np.floor(np.abs(ratio) + 0.5)
    limits = np.iinfo(np.int32)
    codes: Codes = np.clip(rounded, limits.min, limits.max).astype(np.int64)
    return codes + output.zero_point


def _centred(name: str, graph: IntGraph, values: Values) -> Codes:
    """Return quantized - zero_point."""
    return values[name].astype(np.int64) - quant_of(graph, name).zero_point


def _scaled(graph: IntGraph, accumulator: Codes, *requants: Requant) -> Codes:
    multiplier = np.array([requant.multiplier for requant in requants], np.int64)
    shift = np.array([requant.shift for requant in requants], np.int64)
    return _rescaling(graph)(accumulator, multiplier, shift)


def _rescaling(graph: IntGraph) -> Rescaling:
    return requantize_once if graph.profile is Profile.SINGLE else requantize


def _finished(
    scaled: Codes,
    operation: Weighted | Add | Sub | Mul,
    graph: IntGraph,
) -> Codes:
    """Return `scaled` moved to the output's zero point and clamped by the fused activation."""
    output = graph.tensors[operation.output]
    quant = quant_of(graph, operation.output)
    bounds = code_bounds(operation.activation, quant, output.dtype)
    return np.clip(scaled + quant.zero_point, *bounds)


def _requantized(accumulator: Codes, operation: Weighted, graph: IntGraph) -> Codes:
    """Return the output's codes of a sum of products: int16 activations are scaled otherwise."""
    requants = weighted_requants(operation, graph)
    is_wide = width(operation, graph) is DType.INT16
    scaled = (
        _scaled_wide(accumulator, *requants) if is_wide else _scaled(graph, accumulator, *requants)
    )
    return _finished(scaled, operation, graph)


def _scaled_wide(accumulator: Codes, *requants: Requant) -> Codes:
    multiplier = np.array([requant.multiplier for requant in requants], np.int64)
    shift = np.array([requant.shift for requant in requants], np.int64)
    return requantize_wide(accumulator, multiplier, shift)


def _bias(operation: Weighted, values: Values) -> Codes | int:
    return 0 if operation.bias is None else values[operation.bias].astype(np.int64)


def _windows(
    image: Codes,
    padding: Padding,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
    fill: int = 0,
) -> Codes:
    """Return the windows of (N, H, W, C) as (N, OH, OW, C, KH, KW)."""
    rows, columns = (padding.top, padding.bottom), (padding.left, padding.right)
    padded = np.pad(image, ((0, 0), rows, columns, (0, 0)), constant_values=fill)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    return views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def _conv(operation: Conv2D, graph: IntGraph, values: Values) -> Codes:
    weight = values[operation.weight].astype(np.float64)
    image = _centred(operation.input, graph, values)
    kernel = (weight.shape[1], weight.shape[2])
    windows = _windows(image, operation.padding, kernel, operation.stride, operation.dilation)
    sums = np.einsum("nyxihw,ohwi->nyxo", windows.astype(np.float64), weight, optimize=True)
    accumulator = sums.astype(np.int64) + _bias(operation, values)
    return _requantized(accumulator, operation, graph)


def _depthwise(operation: DepthwiseConv2D, graph: IntGraph, values: Values) -> Codes:
    image = _centred(operation.input, graph, values)
    _, *kernel, channels = values[operation.weight].shape
    weight = values[operation.weight].reshape(*kernel, image.shape[3], -1).astype(np.float64)
    windows = _windows(
        image, operation.padding, (kernel[0], kernel[1]), operation.stride, operation.dilation
    )
    sums = np.einsum("nyxchw,hwcm->nyxcm", windows.astype(np.float64), weight, optimize=True)
    accumulator = sums.astype(np.int64).reshape(*sums.shape[:3], channels)
    accumulator = accumulator + _bias(operation, values)
    return _requantized(accumulator, operation, graph)


def _transpose_conv(operation: TransposeConv2D, graph: IntGraph, values: Values) -> Codes:
    image = _centred(operation.input, graph, values).astype(np.float64)
    sums = spread(operation, image, values[operation.weight].astype(np.float64))
    accumulator = sums.astype(np.int64) + _bias(operation, values)
    return _requantized(accumulator, operation, graph)


def _fully_connected(operation: FullyConnected, graph: IntGraph, values: Values) -> Codes:
    rows = _centred(operation.input, graph, values)
    rows = rows.reshape(len(rows), -1)
    sums = rows.astype(np.float64) @ values[operation.weight].T.astype(np.float64)
    accumulator = sums.astype(np.int64) + _bias(operation, values)
    if graph.profile is Profile.LITERT:
        return _finished(_scaled_once(accumulator, operation, graph), operation, graph)
    return _requantized(accumulator, operation, graph)


def _scaled_once(accumulator: Codes, operation: FullyConnected, graph: IntGraph) -> Codes:
    """Return accumulator times the real factor in double, rounded once, half away from 0.

    Source: LiteRT's reference fully connected since 2.20 (tensorflow issue 119412).
    """
    weight = quant_of(graph, operation.weight)
    x, y = scale_of(graph, operation.input), scale_of(graph, operation.output)
    if weight.axis is None:
        factors = np.array([float(np.float32(x) * np.float32(weight.scale[0])) / y])
    else:
        factors = np.array([x * scale / y for scale in weight.scale])
    real = accumulator * factors
    rounded: Codes = (np.sign(real) * np.floor(np.abs(real) + 0.5)).astype(np.int64)
    return rounded


def _sum(operation: Add | Sub, graph: IntGraph, values: Values) -> Codes:
    params = add_params(operation, graph)
    shift = add_left_shift(operation, graph)
    left = _scaled(graph, _centred(operation.left, graph, values) << shift, params.left)
    right = _scaled(graph, _centred(operation.right, graph, values) << shift, params.right)
    total = left - right if isinstance(operation, Sub) else left + right
    return _finished(_scaled(graph, total, params.output), operation, graph)


def _mul(operation: Mul, graph: IntGraph, values: Values) -> Codes:
    left, right = (_centred(n, graph, values) for n in (operation.left, operation.right))
    return _finished(_scaled(graph, left * right, mul_requant(operation, graph)), operation, graph)


def _pool(operation: AveragePool2D | MaxPool2D, graph: IntGraph, values: Values) -> Codes:
    codes = values[operation.input].astype(np.int64)
    window = (operation.padding, operation.kernel, operation.stride)
    if isinstance(operation, MaxPool2D):
        least, _ = code_limits(width(operation, graph))
        pooled: Codes = _windows(codes, *window, fill=least).max((-2, -1))
    else:  # sums of raw codes over the count of valid cells, rounded half away from 0
        total = _windows(codes, *window).sum((-2, -1))
        count = _windows(np.ones_like(codes), *window).sum((-2, -1))
        pooled = np.sign(total) * ((np.abs(total) + count // 2) // count)
    quant, dtype = quant_of(graph, operation.output), width(operation, graph)
    return np.clip(pooled, *code_bounds(operation.activation, quant, dtype))


def _mean(operation: Mean, graph: IntGraph, values: Values) -> Codes:
    centred = _centred(operation.input, graph, values)
    total = centred.sum(operation.axes, keepdims=operation.keep_dims)
    scaled = _scaled(graph, total, mean_requant(operation, graph))
    return scaled + quant_of(graph, operation.output).zero_point


def _pad(operation: Pad, graph: IntGraph, values: Values) -> Array:
    zero = quant_of(graph, operation.input).zero_point
    least, _ = code_limits(width(operation, graph))
    fill = zero if operation.fill is PadFill.ZERO else least
    return np.pad(values[operation.input], operation.amounts, constant_values=fill)


def _rescale(operation: Activate | Quantize, graph: IntGraph, values: Values) -> Codes:
    centred = _centred(operation.input, graph, values)
    if isinstance(operation, Activate) and operation.activation is Activation.RELU6:
        return centred + quant_of(graph, operation.output).zero_point  # scales are equal
    scaled = _scaled(graph, centred, rescale_requant(operation, graph))
    return scaled + quant_of(graph, operation.output).zero_point


def _rectified(operation: HardSwish | LeakyRelu | Prelu, graph: IntGraph, values: Values) -> Codes:
    """Source: TFLite `HardSwish`, `QuantizeLeakyRelu`, `Prelu` (kernels/internal/reference)."""
    centred = _centred(operation.input, graph, values)
    output = quant_of(graph, operation.output)
    if isinstance(operation, HardSwish):
        scales = scale_of(graph, operation.input), output.scale[0]
        return hard_swish_codes(centred, hard_swish_params(*scales)) + output.zero_point
    if isinstance(operation, LeakyRelu):
        below, (identity, slope) = centred, leaky_requants(operation, graph)
    else:
        below = centred * _centred(operation.slope, graph, values)
        identity, slope = prelu_requants(operation, graph)
    chosen = np.where(centred >= 0, _scaled(graph, centred, identity), _scaled(graph, below, slope))
    return chosen + output.zero_point


def _softmax(operation: Softmax, graph: IntGraph, values: Values) -> Codes:
    """Source: TFLite `reference_ops::Softmax` (tflite/kernels/internal/reference/softmax.h)."""
    params = softmax_params(operation, graph)
    codes = values[operation.input].astype(np.int64)
    difference = codes - codes.max(-1, keepdims=True)
    is_counted = difference >= -params.radius
    argument = _scaled(graph, np.where(is_counted, difference, 0), params.requant)
    exp = gemmlowp.exp_on_negative_values(argument, SOFTMAX_INTEGER_BITS)  # Q0.31
    in_q12 = np.where(is_counted, divide_by_power_of_two(exp, 12), 0)
    mantissa, bits = gemmlowp.reciprocal(in_q12.sum(-1, keepdims=True), 12)
    product = gemmlowp.multiply(mantissa, exp)
    return np.where(is_counted, divide_by_power_of_two(product, bits + 23) - 128, CODE_MIN)


def _curve(operation: Softmax | Logistic | Tanh, graph: IntGraph, values: Values) -> Codes:
    if width(operation, graph) is DType.INT16:
        return _wide_curve(operation, graph, values)
    if isinstance(operation, Softmax):
        return _softmax(operation, graph, values)
    return _s_curve(operation, graph, values)


def _wide_curve(operation: Softmax | Logistic | Tanh, graph: IntGraph, values: Values) -> Codes:
    codes, scale = values[operation.input].astype(np.int64), scale_of(graph, operation.input)
    match operation:
        case Softmax(beta=beta):
            return wide_softmax(codes, wide_softmax_requant(scale, beta), _rescaling(graph))
        case Logistic():
            return wide_logistic(codes, wide_curve_factor(scale))
        case Tanh():
            return wide_tanh(codes, wide_curve_factor(scale))


def _row_function(
    operation: LogSoftmax | L2Normalization, graph: IntGraph, values: Values
) -> Codes:
    if isinstance(operation, L2Normalization):
        return l2_normalized(_centred(operation.input, graph, values), _rescaling(graph))
    codes = values[operation.input].astype(np.int64)
    return log_softmax(codes, log_softmax_params(operation, graph), _rescaling(graph))


def _s_curve(operation: Logistic | Tanh, graph: IntGraph, values: Values) -> Codes:
    """Source: TFLite `Logistic`, `Tanh` (tflite/kernels/internal/reference/integer_ops)."""
    if graph.profile is Profile.LITERT:
        return _curve_table(operation, graph)[values[operation.input].astype(np.int64) - CODE_MIN]
    params = logistic_params(operation, graph)
    centred = _centred(operation.input, graph, values)
    is_inside = np.abs(centred) < params.radius
    argument = _scaled(graph, np.where(is_inside, centred, 0), params.requant)
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
