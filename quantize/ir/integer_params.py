"""The integers an operation computes with, worked out of the scales around it.

The interpreter and the C exporter both read them here, so that no factor is rounded twice. Each
function follows the Prepare function of the TFLite kernel that it names.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.fixed_point import Requant, quantize_factor
from quantize.ir.graph import Array, DType, Graph, IntGraph, Profile, QuantParams
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    MaxPool2D,
    Mean,
    Mul,
    Prelu,
    Quantize,
    Softmax,
    Sub,
    Tanh,
    TransposeConv2D,
)

CODE_MIN, CODE_MAX = -128, 127
ADD_LEFT_SHIFT, WIDE_ADD_LEFT_SHIFT = 20, 15  # of int8, of int16
SOFTMAX_INTEGER_BITS = 5
LOGISTIC_INTEGER_BITS = 4

Activated: TypeAlias = (
    Conv2D
    | DepthwiseConv2D
    | TransposeConv2D
    | FullyConnected
    | Add
    | Sub
    | Mul
    | AveragePool2D
    | MaxPool2D
    | Activate
)


@dataclass(frozen=True, slots=True)
class AddParams:
    """Both inputs are shifted left by 20, scaled to twice the larger scale, added, scaled back.

    int16 is shifted by 15. A difference has the same three factors.
    """

    left: Requant
    right: Requant
    output: Requant


@dataclass(frozen=True, slots=True)
class CurveParams:
    """How a code becomes the fixed-point argument of exp, logistic or tanh.

    Attributes:
        requant: Scales (code - zero_point) to Q5.26 (softmax) or Q4.27 (logistic, tanh).
        radius: Codes at least this far from the zero point saturate (logistic, tanh), or count as
            exp(...) = 0 (softmax).
    """

    requant: Requant
    radius: int


@dataclass(frozen=True, slots=True)
class LogSoftmaxParams:
    """How a difference of codes becomes Q5.26, and `reverse`, how Q5.26 becomes one again."""

    curve: CurveParams
    reverse: Requant


def quant_of(graph: Graph, name: str) -> QuantParams:
    """Return the QuantParams of a tensor that a checked graph says is quantized."""
    quant = graph.tensors[name].quant
    assert quant is not None, name  # check_integer has seen to it
    return quant


def scale_of(graph: Graph, name: str) -> float:
    """Return the scale of a per-tensor quantized tensor."""
    return quant_of(graph, name).scale[0]


def reals_of(codes: Array, quant: QuantParams | None) -> npt.NDArray[np.float32]:
    """Return what the codes of a constant mean, per tensor or per channel."""
    if quant is None:
        return np.asarray(codes, np.float32)
    scale = np.array(quant.scale, np.float64)
    if quant.axis is not None:
        scale = scale.reshape([-1 if axis == quant.axis else 1 for axis in range(codes.ndim)])
    return np.asarray((codes.astype(np.float64) - quant.zero_point) * scale, np.float32)


def code_limits(dtype: DType) -> tuple[int, int]:
    """Return the least and the greatest code of an integer type."""
    limits = np.iinfo(dtype.value)
    return int(limits.min), int(limits.max)


def code_bounds(
    activation: Activation, output: QuantParams, dtype: DType = DType.INT8
) -> tuple[int, int]:
    """Return the least and greatest output code that a fused activation leaves.

    Source: TFLite `CalculateActivationRangeQuantized` (tflite/kernels/kernel_util.cc).
    """
    least, most = code_limits(dtype)
    if activation is Activation.NONE:
        return least, most
    low = max(least, output.zero_point)
    if activation is Activation.RELU:
        return low, most
    six = math.floor(float(np.float32(6.0) / np.float32(output.scale[0])) + 0.5)
    return low, min(most, output.zero_point + six)


def weighted_requants(
    operation: Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected, graph: Graph
) -> tuple[Requant, ...]:
    """Return one Requant per output channel, or a single one where the weight has one scale.

    Source: TFLite `PopulateConvolutionQuantizationParams`; a fully connected weight with one scale
    takes `GetQuantizedConvolutionMultipler`, whose product is rounded to float32.
    """
    x, y = scale_of(graph, operation.input), scale_of(graph, operation.output)
    weight = quant_of(graph, operation.weight)
    if isinstance(operation, FullyConnected) and weight.axis is None:
        product = float(np.float32(x) * np.float32(weight.scale[0]))
        return (quantize_factor(product / y),)
    return tuple(quantize_factor(x * scale / y) for scale in weight.scale)


def add_left_shift(operation: Add | Sub, graph: Graph) -> int:
    """Return how far both inputs of a sum are shifted left before they are scaled."""
    is_wide = graph.tensors[operation.output].dtype is DType.INT16
    return WIDE_ADD_LEFT_SHIFT if is_wide else ADD_LEFT_SHIFT


def add_params(operation: Add | Sub, graph: IntGraph) -> AddParams:
    """Return the three factors of a sum or a difference.

    Source: TFLite `Prepare` of add (tflite/kernels/add.cc) and of sub, in double; TFLite Micro's
    `CalculateOpDataSub` (tensorflow/lite/micro/kernels/sub_common.cc) divides in float32.
    """
    if isinstance(operation, Sub) and graph.profile is not Profile.LITERT:
        return _sub_params_in_float32(operation, graph)
    left, right = scale_of(graph, operation.left), scale_of(graph, operation.right)
    twice_max = 2 * max(left, right)
    shift = add_left_shift(operation, graph)
    output = twice_max / (2**shift * scale_of(graph, operation.output))
    return AddParams(
        quantize_factor(left / twice_max),
        quantize_factor(right / twice_max),
        quantize_factor(output),
    )


def _sub_params_in_float32(operation: Sub, graph: IntGraph) -> AddParams:
    left, right, output = (
        np.float32(scale_of(graph, name))
        for name in (operation.left, operation.right, operation.output)
    )
    twice_max = np.float32(2.0) * max(left, right)
    shift = add_left_shift(operation, graph)
    factors = (left / twice_max, right / twice_max, twice_max / (2**shift * output))
    return AddParams(*(quantize_factor(float(factor)) for factor in factors))


def leaky_requants(operation: LeakyRelu, graph: Graph) -> tuple[Requant, Requant]:
    """Return the factors of values from 0 on and of those below, all divided in float32.

    Source: TFLite Micro `CalculateOpDataLeakyRelu` (micro/kernels/leaky_relu_common.cc).
    """
    x, y = (np.float32(scale_of(graph, name)) for name in (operation.input, operation.output))
    below = x * np.float32(operation.alpha) / y
    return quantize_factor(float(x / y)), quantize_factor(float(below))


def prelu_requants(operation: Prelu, graph: IntGraph) -> tuple[Requant, Requant]:
    """Return the factors of values from 0 on, and of products of a value below and its slope.

    Source: TFLite Micro `CalculatePreluParams` (micro/kernels/prelu_common.cc), in double; in
    profile `litert` LiteRT's `PreluPrepare` (tflite/kernels/activations.cc), in float32.
    """
    names = (operation.input, operation.slope, operation.output)
    x, slope, y = (scale_of(graph, name) for name in names)
    if graph.profile is Profile.LITERT:
        narrow = (np.float32(x), np.float32(slope), np.float32(y))
        above, below = narrow[0] / narrow[2], narrow[0] * narrow[1] / narrow[2]
        return quantize_factor(float(above)), quantize_factor(float(below))
    return quantize_factor(x / y), quantize_factor(x * slope / y)


def mul_requant(operation: Mul, graph: IntGraph) -> Requant:
    """Return the factor of a product.

    Source: TFLite Micro `CalculateOpDataMul` (tensorflow/lite/micro/kernels/mul_common.cc), in
    double; in profile `litert` LiteRT's `Prepare` (tflite/kernels/mul.cc), in float32.
    """
    if graph.profile is Profile.LITERT:
        left, right, output = (
            np.float32(scale_of(graph, name))
            for name in (operation.left, operation.right, operation.output)
        )
        return quantize_factor(float(left * right / output))
    product = scale_of(graph, operation.left) * scale_of(graph, operation.right)
    return quantize_factor(product / scale_of(graph, operation.output))


def rescale_requant(operation: Activate | Quantize, graph: Graph) -> Requant:
    """Return the factor from the input's scale to the output's.

    Source: TFLite `ReluPrepare`, which divides in float32, and `Prepare` of quantize, in double.
    """
    x, y = scale_of(graph, operation.input), scale_of(graph, operation.output)
    if isinstance(operation, Activate):
        return quantize_factor(float(np.float32(x) / np.float32(y)))
    return quantize_factor(x / y)


def mean_requant(operation: Mean, graph: Graph) -> Requant:
    """Return the factor from a sum of codes to the mean's code: 1 / count is folded in.

    Source: TFLite `QuantizedMeanOrSum` (tflite/kernels/internal/reference/reduce.h).
    """
    requant = quantize_factor(scale_of(graph, operation.input) / scale_of(graph, operation.output))
    shape = graph.tensors[operation.input].shape
    count = math.prod(shape[axis] for axis in operation.axes)
    shift = min(count.bit_length() - 1, 32, 31 + requant.shift)
    return Requant((requant.multiplier << shift) // count, requant.shift - shift)


def softmax_params(operation: Softmax, graph: Graph) -> CurveParams:
    """Return how a difference of codes becomes Q5.26.

    Source: TFLite `PreprocessSoftmaxScaling` (tflite/kernels/internal/quantization_util.cc).
    """
    beta = float(np.float32(operation.beta))
    factor = beta * scale_of(graph, operation.input) * 2 ** (31 - SOFTMAX_INTEGER_BITS)
    return _curve_params(min(factor, 2.0**31 - 1), SOFTMAX_INTEGER_BITS)


def log_softmax_params(operation: LogSoftmax, graph: Graph) -> LogSoftmaxParams:
    """Return how differences of codes become Q5.26 and back.

    Source: TFLite `PreprocessLogSoftmaxScalingExp` (kernels/internal/quantization_util.cc).
    """
    factor = scale_of(graph, operation.input) * 2 ** (31 - SOFTMAX_INTEGER_BITS)
    curve = _curve_params(min(factor, 2.0**31 - 1), SOFTMAX_INTEGER_BITS)
    reverse = 2.0 ** (31 - curve.requant.shift) / curve.requant.multiplier
    return LogSoftmaxParams(curve, quantize_factor(reverse))


def logistic_params(operation: Logistic | Tanh, graph: Graph) -> CurveParams:
    """Return how (code - zero_point) becomes Q4.27.

    Source: TFLite Micro `CalculateArithmeticOpDataLogistic` and `...Tanh`.
    """
    factor = scale_of(graph, operation.input) * 2 ** (31 - LOGISTIC_INTEGER_BITS)
    return _curve_params(factor, LOGISTIC_INTEGER_BITS)


def _curve_params(factor: float, integer_bits: int) -> CurveParams:
    requant = quantize_curve_factor(factor)
    largest = ((1 << integer_bits) - 1) * (1 << (31 - integer_bits))
    return CurveParams(requant, math.floor(largest / 2.0**requant.shift))


def quantize_curve_factor(factor: float) -> Requant:
    """Return a factor up to 2**31 as multiplier and shift; the product stays below 2**31."""
    mantissa, shift = math.frexp(factor)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    return Requant(multiplier, shift)
