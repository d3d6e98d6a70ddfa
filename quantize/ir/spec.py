"""What is legal at a stage: the only maker of FloatGraph and IntGraph.

A graph that passed is trusted from there on: emitters and exporters check nothing again.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from quantize.errors import GraphError
from quantize.ir.graph import (
    Array,
    DType,
    FloatGraph,
    Graph,
    IntGraph,
    Profile,
    QuantParams,
    TensorType,
)
from quantize.ir.hard_swish import hard_swish_fault
from quantize.ir.integer_params import weighted_requants
from quantize.ir.moving_ops import ResizeBilinear, ResizeNearest, Slice
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    ArgMax,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    MaxPool2D,
    Mean,
    Mul,
    Operation,
    Padding,
    Prelu,
    Quantize,
    Softmax,
    Sub,
    Tanh,
    TransposeConv2D,
    input_names,
)
from quantize.ir.resampling import is_inside, onnx_says_the_same
from quantize.ir.shapes import infer_shape, same_padding
from quantize.ir.spreading import is_same, is_valid
from quantize.ir.widths import check_types, width

SOFTMAX_OUTPUT = QuantParams((1 / 256,), -128)
LOGISTIC_OUTPUT = QuantParams((1 / 256,), -128)
LOG_SOFTMAX_OUTPUT = QuantParams((1 / 16,), 127)
L2_OUTPUT = QuantParams((1 / 128,), 0)
LEAST_LOG_SOFTMAX_SCALE = 2.0**-25  # below, the reference shifts beyond its words
TANH_OUTPUT = QuantParams((1 / 128,), 0)
WIDE_CURVE_OUTPUT = QuantParams((1 / 32768,), 0)  # of softmax, logistic and tanh in int16
MOST_WIDE_SHIFT = 7  # of a factor, to the left, beside int16 activations
MOST_CURVE_SCALE = 2.0  # above, the multiplier of logistic and tanh in int16 is beyond 16 bits
MOST_SOFTMAX_FACTOR = 2.0  # above, differences of codes in int16 overflow
LARGEST_SLICED_RANK = 5  # of TFLite's STRIDED_SLICE
WEIGHTED = (Conv2D, DepthwiseConv2D, TransposeConv2D, FullyConnected)


def check_float(graph: Graph) -> FloatGraph:
    """Return the graph as a FloatGraph: sound, every tensor float32 and finite.

    Raises:
        GraphError: Names the first tensor or operation that breaks a rule.
    """
    _check_structure(graph)
    for name, tensor in graph.tensors.items():
        if tensor.dtype is not DType.FLOAT32 or tensor.quant is not None:
            raise GraphError(f"{name}: {tensor.dtype} in a float graph, allowed is float32")
    for name, values in graph.constants.items():
        if not np.isfinite(values).all():
            raise GraphError(f"{name}: a constant holds NaN or Inf")
    for operation in graph.operations:
        if isinstance(operation, Quantize | Dequantize | ArgMax):
            raise GraphError(f"{operation.output}: {type(operation).__name__} in a float graph")
    return FloatGraph(*_facts(graph))


def check_integer(graph: Graph, profile: Profile = Profile.TFLM) -> IntGraph:
    """Return the graph as an IntGraph: sound, every type and scale where the kernels want it.

    Raises:
        GraphError: Names the first tensor or operation that breaks a rule.
    """
    _check_structure(graph)
    check_types(graph)
    indices = _check_indices(graph)
    for name, tensor in graph.tensors.items():
        if tensor.dtype is not DType.FLOAT32 and name not in indices:
            _check_quantized(name, tensor)
        elif tensor.quant is not None:
            raise GraphError(f"{name}: {tensor.dtype} with a scale, which has none")
    for operation in graph.operations:
        _check_integer_operation(operation, graph)
    _check_constants_are_read(graph)
    for name in graph.inputs:
        if graph.tensors[name].dtype in {DType.INT32, DType.INT64}:
            raise GraphError(f"{name}: an input of {graph.tensors[name].dtype}")
    return IntGraph(*_facts(graph), profile)


_Facts: TypeAlias = tuple[
    str,
    tuple[str, ...],
    tuple[str, ...],
    Mapping[str, TensorType],
    Mapping[str, Array],
    tuple[Operation, ...],
]


def _facts(graph: Graph) -> _Facts:
    return (
        graph.name,
        graph.inputs,
        graph.outputs,
        graph.tensors,
        graph.constants,
        graph.operations,
    )


def _check_structure(graph: Graph) -> None:
    _check_constants(graph)
    known = {*graph.inputs, *graph.constants}
    if len(known) != len(graph.inputs) + len(graph.constants):
        raise GraphError(f"{graph.name}: an input is named twice or is a constant")
    for operation in graph.operations:
        _check_operation(operation, graph, known)
        known.add(operation.output)
    if not graph.inputs or not graph.outputs:
        raise GraphError(f"{graph.name}: no input or no output")
    for name in graph.outputs:
        if name not in known or name in graph.constants:
            raise GraphError(f"{name}: an output that no operation makes")
    if stray := sorted(set(graph.tensors) - known):
        raise GraphError(f"{stray[0]}: a tensor that nothing makes or reads")


def _check_constants(graph: Graph) -> None:
    for name in (*graph.inputs, *graph.constants):
        if name not in graph.tensors:
            raise GraphError(f"{name}: no tensor of that name")
    for name, values in graph.constants.items():
        tensor = graph.tensors[name]
        if values.shape != tensor.shape or values.dtype != np.dtype(tensor.dtype.value):
            raise GraphError(
                f"{name}: constant is {values.dtype}{values.shape}, "
                f"declared {tensor.dtype}{tensor.shape}"
            )


def _check_operation(operation: Operation, graph: Graph, known: set[str]) -> None:
    for name in input_names(operation):
        if name not in known:
            raise GraphError(f"{operation.output}: reads {name!r} before anything makes it")
    if operation.output in known:
        raise GraphError(f"{operation.output}: made twice")
    if operation.output not in graph.tensors:
        raise GraphError(f"{operation.output}: no tensor of that name")
    declared = graph.tensors[operation.output].shape
    shapes = {name: graph.tensors[name].shape for name in input_names(operation)}
    inferred = infer_shape(operation, shapes, declared)
    if inferred != declared:
        raise GraphError(f"{operation.output}: shape {inferred}, declared {declared}")
    if not declared or declared[0] != 1:
        raise GraphError(f"{operation.output}: shape {declared}; axis 0 is the batch, 1 in a graph")


def _check_constants_are_read(graph: Graph) -> None:
    read = {name for operation in graph.operations for name in input_names(operation)}
    if unread := sorted(set(graph.constants) - read):
        raise GraphError(f"{unread[0]}: a constant that nothing reads")


def _check_indices(graph: Graph) -> set[str]:
    """Return what is an index: made by ArgMax, so an output; by its type nothing can read it."""
    indices = {op.output for op in graph.operations if isinstance(op, ArgMax)}
    if inner := sorted(indices - set(graph.outputs)):
        raise GraphError(f"{inner[0]}: an index (ArgMax) that is no output")
    return indices


def _check_quantized(name: str, tensor: TensorType) -> None:
    quant = tensor.quant
    if quant is None:
        raise GraphError(f"{name}: {tensor.dtype} without scale in an integer graph")
    if not all(_is_float32_scale(scale) for scale in quant.scale):
        raise GraphError(f"{name}: a scale is not a positive float32")
    channels = 1 if quant.axis is None else _channels(name, tensor, quant.axis)
    if len(quant.scale) != channels:
        raise GraphError(f"{name}: {len(quant.scale)} scales, expected {channels}")
    low, high = (-128, 127) if tensor.dtype is DType.INT8 and quant.axis is None else (0, 0)
    if not low <= quant.zero_point <= high:
        raise GraphError(f"{name}: zero point {quant.zero_point} of {tensor.dtype}")


def _is_float32_scale(scale: float) -> bool:
    return 0.0 < scale < float("inf") and float(np.float32(scale)) == scale


def _channels(name: str, tensor: TensorType, axis: int) -> int:
    if not 0 <= axis < len(tensor.shape):
        raise GraphError(f"{name}: channel axis {axis} of shape {tensor.shape}")
    return tensor.shape[axis]


def _check_integer_operation(operation: Operation, graph: Graph) -> None:
    if isinstance(operation, Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D):
        _check_padding(operation, graph)
    if isinstance(operation, TransposeConv2D):
        _check_crop(operation, graph)
    if isinstance(operation, Slice | ResizeNearest | ResizeBilinear):
        _check_sayable(operation, graph)
    if isinstance(operation, (*WEIGHTED, Prelu)):
        _check_constants_of(operation, graph)
    if isinstance(operation, Dequantize | ArgMax):
        _check_activations(operation, graph)
    elif width(operation, graph) is not DType.FLOAT32:
        _check_scales(operation, graph)


def _check_scales(operation: Operation, graph: Graph) -> None:
    is_wide = width(operation, graph) is DType.INT16
    match operation:
        case TransposeConv2D():
            _check_weighted(operation, graph)
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            _check_weighted(operation, graph)
        case Softmax(beta=beta):
            if float(np.float32(beta)) != beta:
                raise GraphError(f"{operation.output}: beta {beta!r} is not a float32")
            if is_wide:
                _check_curve_input(operation, graph, MOST_SOFTMAX_FACTOR / beta)
            _check_fixed_output(
                operation.output, graph, WIDE_CURVE_OUTPUT if is_wide else SOFTMAX_OUTPUT
            )
        case LogSoftmax():
            quant = graph.tensors[operation.input].quant
            if quant and min(quant.scale) < LEAST_LOG_SOFTMAX_SCALE:
                raise GraphError(f"{operation.output}: input scale {quant.scale[0]!r} below 2**-25")
            _check_fixed_output(operation.output, graph, LOG_SOFTMAX_OUTPUT)
        case L2Normalization():
            _check_fixed_output(operation.output, graph, L2_OUTPUT)
        case Logistic() | Tanh() if is_wide:
            _check_curve_input(operation, graph, MOST_CURVE_SCALE)
            _check_fixed_output(operation.output, graph, WIDE_CURVE_OUTPUT)
        case Logistic():
            _check_fixed_output(operation.output, graph, LOGISTIC_OUTPUT)
        case Tanh():
            _check_fixed_output(operation.output, graph, TANH_OUTPUT)
        case Activate(activation=Activation.RELU6):  # TFLite Micro clamps without rescaling
            _check_same_scale(operation, graph)
        case Add() | Sub() | Mul() | Mean() | Activate() | Quantize():
            _check_activations(operation, graph)
        case HardSwish() | LeakyRelu() | Prelu():
            _check_rectifier(operation, graph)
        case _:
            _check_same_scale(operation, graph)


def _check_activations(operation: Operation, graph: Graph) -> None:
    for name in (*input_names(operation), operation.output):
        tensor = graph.tensors[name]
        if tensor.quant is not None and tensor.quant.axis is not None:
            raise GraphError(f"{name}: a scale per channel, expected one")


def _check_rectifier(operation: HardSwish | LeakyRelu | Prelu, graph: Graph) -> None:
    _check_activations(operation, graph)
    match operation:
        case HardSwish():
            read, made = graph.tensors[operation.input].quant, graph.tensors[operation.output].quant
            if read and made and (fault := hard_swish_fault(read.scale[0], made.scale[0])):
                raise GraphError(f"{operation.output}: {fault}")
        case LeakyRelu(alpha=alpha):
            if not _is_float32_scale(alpha):
                raise GraphError(f"{operation.output}: alpha {alpha!r} is not a positive float32")
        case Prelu():
            pass


def _check_constants_of(operation: Operation, graph: Graph) -> None:
    for kind in ("weight", "bias", "slope"):
        name = getattr(operation, kind, None)
        if name is not None and name not in graph.constants:
            raise GraphError(f"{name}: a {kind} is a constant")


def _check_weighted(
    operation: Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected, graph: Graph
) -> None:
    weight = graph.tensors[operation.weight]
    axis = 3 if isinstance(operation, DepthwiseConv2D) else 0
    if weight.quant is None or weight.quant.axis not in {None, axis} or weight.quant.zero_point:
        raise GraphError(
            f"{operation.weight}: quantized along another axis than {axis}, or with zero"
        )
    if width(operation, graph) is DType.INT16:
        shift = max(requant.shift for requant in weighted_requants(operation, graph))
        if shift > MOST_WIDE_SHIFT:
            raise GraphError(f"{operation.output}: a shift of {shift}, at most {MOST_WIDE_SHIFT}")


def _check_curve_input(operation: Softmax | Logistic | Tanh, graph: Graph, most: float) -> None:
    quant = graph.tensors[operation.input].quant
    if quant and quant.scale[0] > most:
        raise GraphError(f"{operation.output}: input scale {quant.scale[0]!r}, at most {most!r}")


def _check_fixed_output(name: str, graph: Graph, expected: QuantParams) -> None:
    if graph.tensors[name].quant != expected:
        raise GraphError(f"{name}: {graph.tensors[name].quant}, this operation has {expected}")


def _check_same_scale(operation: Operation, graph: Graph) -> None:
    names: Sequence[str] = (*input_names(operation), operation.output)
    if len({graph.tensors[name].quant for name in names}) != 1:
        raise GraphError(f"{operation.output}: {type(operation).__name__} changes the scale")


def _check_sayable(operation: Slice | ResizeNearest | ResizeBilinear, graph: Graph) -> None:
    """Refuse what TFLite has no words or no bits for, or what its and ONNX's kernels see unlike."""
    shape, name = graph.tensors[operation.input].shape, operation.output
    if isinstance(operation, Slice):
        if len(shape) > LARGEST_SLICED_RANK:
            raise GraphError(f"{name}: slices {len(shape)} axes, at most {LARGEST_SLICED_RANK}")
        return
    is_sayable = is_inside if isinstance(operation, ResizeBilinear) else onnx_says_the_same
    for size, wanted in zip(shape[1:3], operation.size, strict=True):
        if not is_sayable(size, wanted, operation.mode):
            raise GraphError(
                f"{name}: {size} pixels resized to {wanted} ({operation.mode}) fall between two "
                "pixels where float32 cannot tell them apart; choose a whole ratio"
            )


def _check_crop(operation: TransposeConv2D, graph: Graph) -> None:
    image, weight = (graph.tensors[name].shape for name in (operation.input, operation.weight))
    if not is_valid(operation, image, weight) and not is_same(operation, image, weight):
        raise GraphError(
            f"{operation.output}: {operation.size} pixels from {operation.crop} on are neither "
            "VALID nor SAME"
        )


def _check_padding(
    operation: Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D, graph: Graph
) -> None:
    _, height, width, _ = graph.tensors[operation.input].shape
    if isinstance(operation, Conv2D | DepthwiseConv2D):
        kernel, dilation = graph.tensors[operation.weight].shape[1:3], operation.dilation
    else:
        kernel, dilation = operation.kernel, (1, 1)
    same = same_padding((height, width), (kernel[0], kernel[1]), operation.stride, dilation)
    if operation.padding not in {Padding(), same}:
        raise GraphError(
            f"{operation.output}: {operation.padding} is neither VALID nor SAME ({same})"
        )
