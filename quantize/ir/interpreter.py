"""The definition of every operation: slow, obvious, in integers; in float32 where it was kept so.

An IntGraph means what this module computes, in the arithmetic profile that the graph names
(docs/numerics.md). LiteRT's reference kernels judge it; then it judges our C and our emitters.
"""

from typing import assert_never

import numpy as np

from quantize.errors import DataError
from quantize.ir.codes import Codes, Values, centre, finish, rescaled
from quantize.ir.curves import curve_codes, row_function_codes
from quantize.ir.float_executor import execute_float_operation
from quantize.ir.graph import Array, DType, IntGraph
from quantize.ir.hard_swish import hard_swish_codes, hard_swish_params
from quantize.ir.integer_params import (
    add_left_shift,
    add_params,
    code_bounds,
    code_limits,
    leaky_requants,
    mean_requant,
    mul_requant,
    prelu_requants,
    quant_of,
    rescale_requant,
    scale_of,
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
from quantize.ir.products import (
    conv_codes,
    depthwise_codes,
    fully_connected_codes,
    transpose_conv_codes,
    windows_of,
)
from quantize.ir.widths import width


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
            result = conv_codes(operation, graph, values)
        case DepthwiseConv2D():
            result = depthwise_codes(operation, graph, values)
        case TransposeConv2D():
            result = transpose_conv_codes(operation, graph, values)
        case FullyConnected():
            result = fully_connected_codes(operation, graph, values)
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
            result = curve_codes(operation, graph, values)
        case LogSoftmax() | L2Normalization():
            result = row_function_codes(operation, graph, values)
        case HardSwish() | LeakyRelu() | Prelu():
            result = _rectified(operation, graph, values)
        case Activate():
            bounds = code_bounds(operation.activation, quant_of(graph, operation.output))
            result = np.clip(_in_another_scale(operation, graph, values), *bounds)
        case Quantize():
            is_real = graph.tensors[operation.input].dtype is DType.FLOAT32
            result = (_quantized if is_real else _in_another_scale)(operation, graph, values)
        case Dequantize() | ArgMax():  # pragma: no cover - they make no codes
            raise AssertionError(operation)
        case _:
            assert_never(operation)
    return result


def _real(operation: Dequantize, graph: IntGraph, values: Values) -> Array:
    """Source: TFLite `Dequantize` (tflite/kernels/internal/reference/dequantize.h)."""
    real = centre(operation.input, graph, values) * scale_of(graph, operation.input)
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


def _sum(operation: Add | Sub, graph: IntGraph, values: Values) -> Codes:
    params = add_params(operation, graph)
    shift = add_left_shift(operation, graph)
    left = rescaled(graph, centre(operation.left, graph, values) << shift, params.left)
    right = rescaled(graph, centre(operation.right, graph, values) << shift, params.right)
    total = left - right if isinstance(operation, Sub) else left + right
    return finish(rescaled(graph, total, params.output), operation, graph)


def _mul(operation: Mul, graph: IntGraph, values: Values) -> Codes:
    left, right = (centre(n, graph, values) for n in (operation.left, operation.right))
    return finish(rescaled(graph, left * right, mul_requant(operation, graph)), operation, graph)


def _pool(operation: AveragePool2D | MaxPool2D, graph: IntGraph, values: Values) -> Codes:
    codes = values[operation.input].astype(np.int64)
    window = (operation.padding, operation.kernel, operation.stride)
    if isinstance(operation, MaxPool2D):
        least, _ = code_limits(width(operation, graph))
        pooled: Codes = windows_of(codes, *window, fill=least).max((-2, -1))
    else:  # sums of raw codes over the count of valid cells, rounded half away from 0
        total = windows_of(codes, *window).sum((-2, -1))
        count = windows_of(np.ones_like(codes), *window).sum((-2, -1))
        pooled = np.sign(total) * ((np.abs(total) + count // 2) // count)
    quant, dtype = quant_of(graph, operation.output), width(operation, graph)
    return np.clip(pooled, *code_bounds(operation.activation, quant, dtype))


def _mean(operation: Mean, graph: IntGraph, values: Values) -> Codes:
    centred = centre(operation.input, graph, values)
    total = centred.sum(operation.axes, keepdims=operation.keep_dims)
    scaled = rescaled(graph, total, mean_requant(operation, graph))
    return scaled + quant_of(graph, operation.output).zero_point


def _pad(operation: Pad, graph: IntGraph, values: Values) -> Array:
    zero = quant_of(graph, operation.input).zero_point
    least, _ = code_limits(width(operation, graph))
    fill = zero if operation.fill is PadFill.ZERO else least
    return np.pad(values[operation.input], operation.amounts, constant_values=fill)


def _in_another_scale(operation: Activate | Quantize, graph: IntGraph, values: Values) -> Codes:
    centred = centre(operation.input, graph, values)
    if isinstance(operation, Activate) and operation.activation is Activation.RELU6:
        return centred + quant_of(graph, operation.output).zero_point  # scales are equal
    scaled = rescaled(graph, centred, rescale_requant(operation, graph))
    return scaled + quant_of(graph, operation.output).zero_point


def _rectified(operation: HardSwish | LeakyRelu | Prelu, graph: IntGraph, values: Values) -> Codes:
    """Source: TFLite `HardSwish`, `QuantizeLeakyRelu`, `Prelu` (kernels/internal/reference)."""
    centred = centre(operation.input, graph, values)
    output = quant_of(graph, operation.output)
    if isinstance(operation, HardSwish):
        scales = scale_of(graph, operation.input), output.scale[0]
        return hard_swish_codes(centred, hard_swish_params(*scales)) + output.zero_point
    if isinstance(operation, LeakyRelu):
        below, (identity, slope) = centred, leaky_requants(operation, graph)
    else:
        below = centred * centre(operation.slope, graph, values)
        identity, slope = prelu_requants(operation, graph)
    chosen = np.where(
        centred >= 0, rescaled(graph, centred, identity), rescaled(graph, below, slope)
    )
    return chosen + output.zero_point
