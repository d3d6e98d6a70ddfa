"""What TFLite calls each of our operations: builtin code, version, inputs and options.

Versions are the lowest that say what is used, as TFLite's converter counts them
(tflite/converter/tools/versioning/op_version.cc); one is higher, see `_fully_connected`.
"""

from dataclasses import replace
from typing import Any, assert_never

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.emit.tflite_builtin import Builtin
from quantize.emit.tflite_moving import moving_builtin
from quantize.emit.tflite_tensors import TensorTable
from quantize.ir.graph import DType, IntGraph, QuantParams
from quantize.ir.integer_params import code_limits
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
    input_names,
)
from quantize.ir.spreading import is_valid
from quantize.ir.widths import BIAS_TYPES, width

_CODE = schema.BuiltinOperator
_ACTIVATION_CODES = {
    Activation.NONE: schema.ActivationFunctionType.NONE,
    Activation.RELU: schema.ActivationFunctionType.RELU,
    Activation.RELU6: schema.ActivationFunctionType.RELU6,
}
_LOWEST_FLOAT = np.finfo(np.float32).min
_INT16_VERSIONS = {
    _CODE.CONV_2D: 4,
    _CODE.DEPTHWISE_CONV_2D: 5,
    _CODE.FULLY_CONNECTED: 7,
    _CODE.ADD: 3,
    _CODE.SUB: 5,
    _CODE.MUL: 4,
    _CODE.MINIMUM: 4,
    _CODE.MAXIMUM: 4,
    _CODE.AVERAGE_POOL_2D: 3,
    _CODE.MAX_POOL_2D: 3,
    _CODE.MEAN: 3,
    _CODE.PAD: 3,
    _CODE.TRANSPOSE: 3,
    _CODE.CONCATENATION: 3,
    _CODE.STRIDED_SLICE: 4,
    _CODE.SOFTMAX: 3,
    _CODE.LOGISTIC: 3,
    _CODE.TANH: 3,
    _CODE.QUANTIZE: 2,
    _CODE.DEQUANTIZE: 3,
}
"""The lowest that take int16; a shape or a scale may ask for a higher one."""


def builtin(operation: Operation, graph: IntGraph, table: TensorTable) -> Builtin:
    """Return the operation as TFLite says it; its parameters are put into `table`."""
    said = _builtin(operation, graph, table)
    names = (*input_names(operation), operation.output)
    if all(graph.tensors[name].dtype is not DType.INT16 for name in names):
        return said
    version = max(said.version, _INT16_VERSIONS.get(said.code, 1))
    if isinstance(operation, Add | Sub):
        said.options.potScaleInt16 = False
    return replace(said, version=version)


def _builtin(operation: Operation, graph: IntGraph, table: TensorTable) -> Builtin:
    inputs = tuple(table.index(name) for name in input_names(operation))
    match operation:
        case Conv2D():
            bias = _zero_bias(operation, graph, table)
            return Builtin(_CODE.CONV_2D, 3, (*inputs, *bias), _conv_options(operation))
        case DepthwiseConv2D():
            options = _depthwise_options(operation, graph)
            bias = _zero_bias(operation, graph, table)
            return Builtin(_CODE.DEPTHWISE_CONV_2D, 3, (*inputs, *bias), options)
        case TransposeConv2D():
            return _transpose_conv(operation, graph, table)
        case FullyConnected():
            return _fully_connected(operation, graph, inputs)
        case Add():
            return Builtin(_CODE.ADD, 2, inputs, _fused(schema.AddOptionsT(), operation.activation))
        case Mul():
            options = _fused(schema.MulOptionsT(), operation.activation)
            return Builtin(_CODE.MUL, _mul_version(operation, graph), inputs, options)
        case Sub():
            return Builtin(_CODE.SUB, 2, inputs, _fused(schema.SubOptionsT(), operation.activation))
        case Minimum() | Maximum():
            code = _CODE.MINIMUM if isinstance(operation, Minimum) else _CODE.MAXIMUM
            return Builtin(code, 2, inputs, schema.MaximumMinimumOptionsT())
        case AveragePool2D():
            return Builtin(_CODE.AVERAGE_POOL_2D, 2, inputs, _pool_options(operation))
        case MaxPool2D():
            return Builtin(_CODE.MAX_POOL_2D, 2, inputs, _pool_options(operation))
        case Mean():
            options = schema.ReducerOptionsT(keepDims=operation.keep_dims)
            return Builtin(_CODE.MEAN, 2, (*inputs, table.parameter(operation.axes)), options)
        case Pad():
            return _pad(operation, graph, table)
        case Reshape():
            shape = (-1, *graph.tensors[operation.output].shape[1:])  # any batch
            return Builtin(_CODE.RESHAPE, 1, (*inputs, table.parameter(shape)))
        case Transpose():
            return _transpose(operation, inputs, table)
        case Concat():
            options = schema.ConcatenationOptionsT(axis=operation.axis)
            return Builtin(_CODE.CONCATENATION, 2, inputs, options)
        case (
            Slice()
            | Gather()
            | ResizeNearest()
            | ResizeBilinear()
            | SpaceToDepth()
            | DepthToSpace()
        ):
            return moving_builtin(operation, table)
        case Softmax():
            return Builtin(_CODE.SOFTMAX, 2, inputs, schema.SoftmaxOptionsT(beta=operation.beta))
        case LogSoftmax():
            return Builtin(_CODE.LOG_SOFTMAX, 2, inputs, schema.LogSoftmaxOptionsT())
        case L2Normalization():
            return Builtin(_CODE.L2_NORMALIZATION, 2, inputs, schema.L2NormOptionsT())
        case Logistic():
            return Builtin(_CODE.LOGISTIC, 2, inputs)
        case Tanh():
            return Builtin(_CODE.TANH, 2, inputs)
        case HardSwish():
            return Builtin(_CODE.HARD_SWISH, 1, inputs, schema.HardSwishOptionsT())
        case LeakyRelu():
            options = schema.LeakyReluOptionsT(alpha=operation.alpha)
            return Builtin(_CODE.LEAKY_RELU, 2, inputs, options)
        case Prelu():
            return Builtin(_CODE.PRELU, 1, inputs)
        case Activate():
            is_relu = operation.activation is Activation.RELU
            return Builtin(_CODE.RELU if is_relu else _CODE.RELU6, 2, inputs)
        case ArgMax():
            axis = table.constant(np.array(-1, np.int32), None)
            options = schema.ArgMaxOptionsT(outputType=schema.TensorType.INT32)
            return Builtin(_CODE.ARG_MAX, 2, (*inputs, axis), options)
        case Quantize():
            return Builtin(_CODE.QUANTIZE, 1, inputs)
        case Dequantize():
            return Builtin(_CODE.DEQUANTIZE, 2, inputs)
        case _:
            assert_never(operation)


def _transpose(operation: Transpose, inputs: tuple[int, ...], table: TensorTable) -> Builtin:
    version = {5: 4, 6: 6}.get(len(operation.permutation), 2)  # by rank
    return Builtin(_CODE.TRANSPOSE, version, (*inputs, table.parameter(operation.permutation)))


def _fused(options: Any, activation: Activation) -> Any:
    options.fusedActivationFunction = _ACTIVATION_CODES[activation]
    return options


def _window(options: Any, operation: Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D) -> Any:
    """Return `options` with padding, stride and activation filled in.

    check_integer has seen to it that a padding is all 0 or exactly SAME.
    """
    is_valid = operation.padding == Padding()
    options.padding = schema.Padding.VALID if is_valid else schema.Padding.SAME
    options.strideH, options.strideW = operation.stride
    return _fused(options, operation.activation)


def _conv_options(operation: Conv2D) -> Any:
    options = _window(schema.Conv2DOptionsT(), operation)
    options.dilationHFactor, options.dilationWFactor = operation.dilation
    return options


def needs_bias(operation: Operation, graph: IntGraph) -> bool:
    """Tell whether an operation has no bias where LiteRT demands one.

    Its CONV_2D refuses the file, XNNPACK's float DEPTHWISE_CONV_2D reads where nothing is.
    """
    match operation:
        case Conv2D(bias=None):
            return True
        case DepthwiseConv2D(bias=None):
            return width(operation, graph) is DType.FLOAT32
        case _:
            return False


def _zero_bias(
    operation: Conv2D | DepthwiseConv2D, graph: IntGraph, table: TensorTable
) -> tuple[int, ...]:
    """Return a bias of zeros where LiteRT needs one."""
    if not needs_bias(operation, graph):
        return ()
    made = width(operation, graph)
    channels = graph.tensors[operation.output].shape[3]
    weight, image = graph.tensors[operation.weight].quant, graph.tensors[operation.input].quant
    zeros = np.zeros(channels, BIAS_TYPES[made].value)
    if weight is None or image is None:  # float32
        return (table.constant(zeros, None),)
    scales = tuple(float(np.float32(image.scale[0] * scale)) for scale in weight.scale)
    quant = QuantParams(scales, 0, None if len(scales) == 1 else 0)
    return (table.constant(zeros, quant),)


def _depthwise_options(operation: DepthwiseConv2D, graph: IntGraph) -> Any:
    options = _window(schema.DepthwiseConv2DOptionsT(), operation)
    options.dilationHFactor, options.dilationWFactor = operation.dilation
    channels_out = graph.tensors[operation.weight].shape[3]
    options.depthMultiplier = channels_out // graph.tensors[operation.input].shape[3]
    return options


def _transpose_conv(operation: TransposeConv2D, graph: IntGraph, table: TensorTable) -> Builtin:
    """Return a TRANSPOSE_CONV; check_integer has seen to it that its crop is VALID's or SAME's."""
    shapes = [graph.tensors[name].shape for name in (operation.input, operation.weight)]
    options = schema.TransposeConvOptionsT(
        padding=schema.Padding.VALID if is_valid(operation, *shapes) else schema.Padding.SAME,
        strideH=operation.stride[0],
        strideW=operation.stride[1],
    )
    target = table.parameter(graph.tensors[operation.output].shape)
    names = (operation.weight, operation.input, *filter(None, (operation.bias,)))
    is_clamped = operation.activation is not Activation.NONE
    version = 4 if is_clamped else 3 if operation.bias else 2
    inputs = (target, *(table.index(name) for name in names))
    return Builtin(_CODE.TRANSPOSE_CONV, version, inputs, _fused(options, operation.activation))


def _pool_options(operation: AveragePool2D | MaxPool2D) -> Any:
    options = _window(schema.Pool2DOptionsT(), operation)
    options.filterHeight, options.filterWidth = operation.kernel
    return options


def _fully_connected(
    operation: FullyConnected, graph: IntGraph, inputs: tuple[int, ...]
) -> Builtin:
    """Return a FULLY_CONNECTED.

    Runtimes that predate per-channel weights take such a file at version 4 and compute nonsense;
    version 12, the first that is younger than they are, makes them refuse it.
    """
    weight = graph.tensors[operation.weight].quant
    is_per_channel = weight is not None and len(weight.scale) > 1
    version = 12 if is_per_channel else 6 if operation.bias is None else 4
    options = _fused(schema.FullyConnectedOptionsT(), operation.activation)
    return Builtin(_CODE.FULLY_CONNECTED, version, inputs, options)


def _mul_version(operation: Mul, graph: IntGraph) -> int:
    quants = [graph.tensors[n].quant for n in (operation.left, operation.right, operation.output)]
    scales = [np.float32(quant.scale[0]) for quant in quants if quant is not None]
    if not scales:
        return 1
    left, right, output = scales
    return 3 if left * right / output >= 1.0 else 2


def _pad(operation: Pad, graph: IntGraph, table: TensorTable) -> Builtin:
    version = 4 if len(operation.amounts) > 4 else 2
    inputs = (table.index(operation.input), table.matrix(np.array(operation.amounts)))
    if operation.fill is PadFill.ZERO:
        return Builtin(_CODE.PAD, version, inputs)
    kind = graph.tensors[operation.input]
    is_real = kind.dtype is DType.FLOAT32
    lowest = np.array(_LOWEST_FLOAT if is_real else code_limits(kind.dtype)[0], kind.dtype.value)
    return Builtin(_CODE.PADV2, version, (*inputs, table.constant(lowest, kind.quant)))
