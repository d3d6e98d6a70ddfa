"""TFLite operators as operations of ours.

Constants that are only parameters (shapes, axes, paddings, permutations) become fields here.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

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
from quantize.ir.shapes import same_padding
from quantize.load.tflite_file import FileOperator, FileTensor, TFLiteFile
from quantize.load.tflite_moving import MOVING_READERS
from quantize.load.tflite_rows import read_batch_matmul, read_dense_rows
from quantize.load.tflite_view import Operations, OperatorError, Result, as_operations
from quantize.load.tflite_view import OperatorView as _View

_ACTIVATIONS = {
    schema.ActivationFunctionType.NONE: Activation.NONE,
    schema.ActivationFunctionType.RELU: Activation.RELU,
    schema.ActivationFunctionType.RELU6: Activation.RELU6,
}
_FILL_TYPES: dict[str, np.dtype[Any]] = {
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "FLOAT32": np.dtype("<f4"),
}
_LOWEST_CODES = {"INT8": -128, "INT16": -32768}
_RELU = "train with RELU, RELU6 or HARD_SWISH in its place"
_SEQUENCE = "unroll it, or train a convolution over the window"
_ADVICE = {
    "ABS": "say it as MAXIMUM(x, NEG(x))",
    "ARG_MIN": "end the model before it, or take ARG_MAX of NEG",
    "DIV": "multiply by the reciprocal of the constant",
    "ELU": _RELU,
    "GELU": _RELU,
    "REDUCE_MAX": "MAX_POOL_2D over the whole image is the nearest",
    "RELU_N1_TO_1": "MINIMUM and MAXIMUM with constants are the nearest",
    "SELECT": "MINIMUM or MAXIMUM is the nearest",
    "SELECT_V2": "MINIMUM or MAXIMUM is the nearest",
    "SUM": "MEAN times a constant is the nearest",
    "TOPK_V2": "end the model before it; the decoder on the device does that",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _SEQUENCE,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _SEQUENCE,
}
_DEFAULT_ADVICE = "leave it out of the model or run it before or after"


def read_operations(file: TFLiteFile, operator: FileOperator) -> Operations:
    """Return what the operator means.

    Raises:
        OperatorError: It is of a kind, or has an option, that we do not support.
    """
    reader = _READERS.get(operator.kind)
    if reader is None:
        raise OperatorError(f"is not supported; {_ADVICE.get(operator.kind, _DEFAULT_ADVICE)}")
    view = _View(file, operator)
    try:
        return as_operations(reader(view))
    except AttributeError as error:  # options of another operator's type
        raise OperatorError("has the options of another operator") from error


def _activation(view: _View) -> Activation:
    number = view.options.fusedActivationFunction
    if number not in _ACTIVATIONS:
        raise OperatorError(f"fuses activation {number}, supported are none, RELU, RELU6")
    return _ACTIVATIONS[number]


def _stride(view: _View) -> tuple[int, int]:
    return _positive("stride", view.options.strideH, view.options.strideW)


def _dilation(view: _View) -> tuple[int, int]:
    return _positive("dilation", view.options.dilationHFactor, view.options.dilationWFactor)


def _positive(what: str, height: int, width: int) -> tuple[int, int]:
    if min(height, width) < 1:
        raise OperatorError(f"has {what} {(height, width)}, expected at least 1")
    return height, width


def _padding(view: _View, kernel: tuple[int, int], dilation: tuple[int, int]) -> Padding:
    match view.options.padding:
        case schema.Padding.VALID:
            return Padding()
        case schema.Padding.SAME:
            _, height, width, _ = view.image()
            return same_padding((height, width), kernel, _stride(view), dilation)
        case number:
            raise OperatorError(f"has padding {number}, expected SAME or VALID")


def _kernel(view: _View) -> tuple[int, int]:
    shape = view.tensor(1).shape
    if len(shape) != 4:
        raise OperatorError(f"has a weight of shape {shape}, expected 4 axes")
    return shape[1], shape[2]


def _bias(view: _View) -> str | None:
    return view.name(2) if view.has(2) else None


def _conv(view: _View) -> Operation:
    kernel, dilation = _kernel(view), _dilation(view)
    if view.tensor(1).shape[3] != view.image()[3]:
        raise OperatorError("is a grouped convolution; export it as one convolution per group")
    return Conv2D(
        view.name(0),
        view.name(1),
        _bias(view),
        view.output.name,
        _stride(view),
        dilation,
        _padding(view, kernel, dilation),
        _activation(view),
    )


def _depthwise(view: _View) -> Operation:
    kernel, dilation = _kernel(view), _dilation(view)
    return DepthwiseConv2D(
        view.name(0),
        view.name(1),
        _bias(view),
        view.output.name,
        _stride(view),
        dilation,
        _padding(view, kernel, dilation),
        _activation(view),
    )


def _transpose_conv(view: _View) -> Operation:
    """Read TRANSPOSE_CONV, whose inputs are the output's shape, the weight, the image, the bias."""
    target, kernel = view.integers(0), _kernel(view)
    if len(target) != 4 or target != view.output.shape:
        raise OperatorError(f"gives shape {view.output.shape}, declared {target}")
    size, stride = (target[1], target[2]), _stride(view)
    same = same_padding(size, kernel, stride, (1, 1))
    is_valid = view.options.padding == schema.Padding.VALID
    return TransposeConv2D(
        view.name(2),
        view.name(1),
        view.name(3) if view.has(3) else None,
        view.output.name,
        stride,
        (0, 0) if is_valid else (same.top, same.left),
        size,
        _activation(view),
    )


def _fully_connected(view: _View) -> Result:
    if view.options.weightsFormat:
        raise OperatorError("has shuffled weights; convert again with the default format")
    if len(view.output.shape) != 2:
        return read_dense_rows(view, _activation(view))
    return FullyConnected(
        view.name(0), view.name(1), _bias(view), view.output.name, _activation(view)
    )


def _arithmetic(kind: type[Add] | type[Sub] | type[Mul]) -> Callable[[_View], Operation]:
    def read(view: _View) -> Operation:
        is_wide = view.output.type_name == "INT16"
        if is_wide and kind is not Mul and view.options.potScaleInt16:
            raise OperatorError("has int16 scales that are powers of two; convert it anew")
        return kind(view.name(0), view.name(1), view.output.name, _activation(view))

    return read


def _extremum(kind: type[Minimum] | type[Maximum]) -> Callable[[_View], Operation]:
    return lambda view: kind(view.name(0), view.name(1), view.output.name)


def _leaky_relu(view: _View) -> Operation:
    alpha = float(view.options.alpha)
    if alpha == 0.0:
        return Activate(view.name(0), view.output.name, Activation.RELU)
    if not 0.0 < alpha < math.inf:
        raise OperatorError(f"has alpha {alpha}, expected a positive number")
    return LeakyRelu(view.name(0), view.output.name, alpha)


def _prelu(view: _View) -> Operation:
    if view.tensor(1).content is None:
        raise OperatorError(f"has the computed slope {view.name(1)}; only constants are supported")
    return Prelu(view.name(0), view.name(1), view.output.name)


def _pool(kind: type[AveragePool2D] | type[MaxPool2D]) -> Callable[[_View], Operation]:
    def read(view: _View) -> Operation:
        kernel = _positive("kernel", view.options.filterHeight, view.options.filterWidth)
        padding = _padding(view, kernel, (1, 1))
        return kind(
            view.name(0), view.output.name, kernel, _stride(view), padding, _activation(view)
        )

    return read


def _mean(view: _View) -> Operation:
    rank = len(view.tensor(0).shape)
    axes = sorted({_axis(axis, rank) for axis in view.integers(1)})
    keep_dims = view.operator.options is not None and bool(view.options.keepDims)
    return Mean(view.name(0), view.output.name, tuple(axes), keep_dims)


def _axis(axis: int, rank: int) -> int:
    return axis + rank if axis < 0 else axis


def _pad(view: _View) -> Operation:
    flat = view.integers(1)
    amounts = tuple(zip(flat[::2], flat[1::2], strict=False))
    fill = _fill(view) if view.operator.kind == "PADV2" else PadFill.ZERO
    return Pad(view.name(0), view.output.name, amounts, fill)


def _fill(view: _View) -> PadFill:
    """Return which of our two fills a PADV2 has; -128 is the lowest, also where it is zero."""
    tensor, value = view.tensor(2), _scalar(view.tensor(2))
    zero_points = tensor.quant.zero_points if tensor.quant else ()
    zero = zero_points[0] if zero_points else 0
    lowest = _LOWEST_CODES.get(tensor.type_name, float(np.finfo(np.float32).min))
    if value <= lowest:
        return PadFill.LOWEST
    if value == zero:
        return PadFill.ZERO
    raise OperatorError(f"pads with {value}, supported are zero and the lowest value")


def _scalar(tensor: FileTensor) -> float:
    dtype = _FILL_TYPES.get(tensor.type_name)
    if tensor.content is None or dtype is None or len(tensor.content) != dtype.itemsize:
        raise OperatorError(f"{tensor.name} is no constant number")
    return float(np.frombuffer(tensor.content, dtype)[0])


def _reshape(view: _View) -> Operation:
    return Reshape(view.name(0), view.output.name)


def _transpose(view: _View) -> Operation:
    rank = len(view.tensor(0).shape)
    permutation = tuple(_axis(axis, rank) for axis in view.integers(1))
    return Transpose(view.name(0), view.output.name, permutation)


def _concat(view: _View) -> Operation:
    if _activation(view) is not Activation.NONE:
        raise OperatorError("fuses an activation; put it in front of the concatenation")
    names = tuple(view.name(position) for position in range(len(view.operator.inputs)))
    return Concat(names, view.output.name, _axis(view.options.axis, len(view.tensor(0).shape)))


def _softmax(view: _View) -> Operation:
    beta = float(view.options.beta)
    if not 0.0 < beta < math.inf:
        raise OperatorError(f"has beta {beta}, expected a positive number")
    return Softmax(view.name(0), view.output.name, beta)


def _l2_normalization(view: _View) -> Operation:
    if _activation(view) is not Activation.NONE:
        raise OperatorError("fuses an activation; put it behind the normalization")
    return L2Normalization(view.name(0), view.output.name)


def _arg_max(view: _View) -> Operation:
    rank, axes = len(view.tensor(0).shape), view.integers(1)
    if [_axis(axis, rank) for axis in axes] != [rank - 1]:
        raise OperatorError(f"is along axis {axes} of {rank}, supported is the last")
    return ArgMax(view.name(0), view.output.name)


def _activate(activation: Activation) -> Callable[[_View], Operation]:
    return lambda view: Activate(view.name(0), view.output.name, activation)


_READERS: dict[str, Callable[[_View], Result]] = {
    **MOVING_READERS,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": read_batch_matmul,
    "ADD": _arithmetic(Add),
    "SUB": _arithmetic(Sub),
    "MUL": _arithmetic(Mul),
    "MINIMUM": _extremum(Minimum),
    "MAXIMUM": _extremum(Maximum),
    "AVERAGE_POOL_2D": _pool(AveragePool2D),
    "MAX_POOL_2D": _pool(MaxPool2D),
    "MEAN": _mean,
    "PAD": _pad,
    "PADV2": _pad,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concat,
    "SOFTMAX": _softmax,
    "LOG_SOFTMAX": lambda view: LogSoftmax(view.name(0), view.output.name),
    "L2_NORMALIZATION": _l2_normalization,
    "LOGISTIC": lambda view: Logistic(view.name(0), view.output.name),
    "TANH": lambda view: Tanh(view.name(0), view.output.name),
    "HARD_SWISH": lambda view: HardSwish(view.name(0), view.output.name),
    "LEAKY_RELU": _leaky_relu,
    "PRELU": _prelu,
    "ARG_MAX": _arg_max,
    "RELU": _activate(Activation.RELU),
    "RELU6": _activate(Activation.RELU6),
    "QUANTIZE": lambda view: Quantize(view.name(0), view.output.name),
    "DEQUANTIZE": lambda view: Dequantize(view.name(0), view.output.name),
}
SUPPORTED_OPERATORS = tuple(_READERS)
