"""Parameters: what each kernel's const struct holds, field by field (edge_types.h)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_export.axes import Axis, broadcast_axes, mean_axes, pad_axes, transpose_axes
from firmware_export.c_text import Initial
from firmware_export.errors import FirmwareExportError
from quantize.ir.fixed_point import Requant
from quantize.ir.graph import Array, IntGraph
from quantize.ir.integer_params import (
    CODE_MAX,
    CODE_MIN,
    add_params,
    code_bounds,
    code_limits,
    log_softmax_params,
    mean_requant,
    mul_requant,
    prelu_requants,
    quant_of,
    rescale_requant,
    softmax_params,
)
from quantize.ir.interpreter import execute_operation
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
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
    Pad,
    PadFill,
    Pair,
    Prelu,
    Quantize,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    input_names,
)
from quantize.ir.shapes import Shape

Fields = Mapping[str, Initial]
LONGEST_ROW = 32767  # sums of squares are int32
LONGEST_EXP_ROW = 4095  # sums of exp are Q12.19
UNIT = Requant(1 << 30, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """One kernel and its constants.

    Attributes:
        kernel: The C function.
        struct: The type of its parameters.
        fields: What the struct holds, but for what it points to.
        arrays: The constant arrays that it points to, by field.
        broadcast: The struct that it points to, where inputs have unlike shapes.
        scratch_bytes: Memory that the kernel takes as an argument before its output, 0 for none.
    """

    kernel: str
    struct: str
    fields: Fields
    arrays: Mapping[str, Array] = field(default_factory=dict)
    broadcast: Fields | None = None
    scratch_bytes: int = 0


def image_shape(name: str, graph: IntGraph) -> Shape:
    """Return (height, width, channels) of a tensor of one sample."""
    return graph.tensors[name].shape[1:]


def window_fields(kernel: Sequence[int], stride: tuple[int, int]) -> dict[str, Initial]:
    """Return the fields of a window and its steps, (height, width) each."""
    return {
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride_height": stride[0],
        "stride_width": stride[1],
    }


def bound_fields(activation: Activation, output: str, graph: IntGraph) -> dict[str, Initial]:
    """Return the fields of the codes that an activation holds its output to."""
    low, high = code_bounds(activation, quant_of(graph, output), graph.tensors[output].dtype)
    return {"activation_min": low, "activation_max": high}


def add_parameters(operation: Add | Sub, graph: IntGraph) -> Parameters:
    """Return those of a sum or a difference.

    Raises:
        FirmwareExportError: A factor is above 1, which the kernel's shifts cannot say.
    """
    params = add_params(operation, graph)
    if max(params.left.shift, params.right.shift, params.output.shift) > 0:
        raise FirmwareExportError("the output's scale is too small beside the inputs'")
    fields: Fields = {
        **_pair(operation, graph),
        "left": _requant(params.left),
        "right": _requant(params.right),
        "output": _requant(params.output),
    }
    kernel = "edge_sub_s8" if isinstance(operation, Sub) else "edge_add_s8"
    return Parameters(kernel, "edge_add_t", fields, broadcast=_broadcast(operation, graph))


def mul_parameters(operation: Mul, graph: IntGraph) -> Parameters:
    """Return those of a product."""
    fields: Fields = {
        **_pair(operation, graph),
        "output": _requant(mul_requant(operation, graph)),
    }
    return Parameters("edge_mul_s8", "edge_mul_t", fields, broadcast=_broadcast(operation, graph))


def extremum_parameters(operation: Minimum | Maximum, graph: IntGraph) -> Parameters:
    """Return those of the lesser or the greater of two tensors."""
    kernel = "edge_minimum_s8" if isinstance(operation, Minimum) else "edge_maximum_s8"
    fields: Fields = {"size": _count(operation.output, graph)}
    return Parameters(kernel, "edge_extremum_t", fields, broadcast=_broadcast(operation, graph))


def prelu_parameters(operation: Prelu, graph: IntGraph) -> Parameters:
    """Return those of a clamp with a constant slope below 0."""
    above, below = prelu_requants(operation, graph)
    fields: Fields = {
        "size": _count(operation.output, graph),
        "input_zero_point": quant_of(graph, operation.input).zero_point,
        "slope_zero_point": quant_of(graph, operation.slope).zero_point,
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        "above": _requant(above),
        "below": _requant(below),
    }
    broadcast = _broadcast(operation, graph)
    return Parameters("edge_prelu_s8", "edge_prelu_t", fields, broadcast=broadcast)


def pool_parameters(operation: AveragePool2D | MaxPool2D, graph: IntGraph) -> Parameters:
    """Return those of a pooling."""
    fields: Fields = {
        "input": image_shape(operation.input, graph),
        "output": image_shape(operation.output, graph),
        **window_fields(operation.kernel, operation.stride),
        "pad_top": operation.padding.top,
        "pad_left": operation.padding.left,
        **bound_fields(operation.activation, operation.output, graph),
    }
    kind = "max_pool" if isinstance(operation, MaxPool2D) else "average_pool"
    return Parameters(f"edge_{kind}_s8", "edge_pool_t", fields)


def mean_parameters(operation: Mean, graph: IntGraph) -> Parameters:
    """Return those of a mean."""
    kept, reduced = mean_axes(graph.tensors[operation.input].shape, operation.axes)
    fields: Fields = {
        "kept_axes": len(kept),
        **({"kept_size": _sizes(kept), "kept_stride": _strides(kept, 0)} if kept else {}),
        "reduced_axes": len(reduced),
        "reduced_size": _sizes(reduced),
        "reduced_stride": _strides(reduced, 0),
        "input_zero_point": quant_of(graph, operation.input).zero_point,
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        "requant": _requant(mean_requant(operation, graph)),
    }
    return Parameters("edge_mean_s8", "edge_mean_t", fields)


def pad_parameters(operation: Pad, graph: IntGraph) -> Parameters:
    """Return those of a pad."""
    axes = pad_axes(graph.tensors[operation.input].shape, operation.amounts)
    zero_point = quant_of(graph, operation.input).zero_point
    least, _ = code_limits(graph.tensors[operation.input].dtype)
    fields: Fields = {
        "axes": len(axes),
        "size": [axis.size for axis in axes],
        "before": [axis.before for axis in axes],
        "after": [axis.after for axis in axes],
        "value": zero_point if operation.fill is PadFill.ZERO else least,
    }
    return Parameters("edge_pad_s8", "edge_pad_t", fields)


def transpose_parameters(operation: Transpose, graph: IntGraph) -> Parameters:
    """Return those of a transpose."""
    axes = transpose_axes(graph.tensors[operation.input].shape, operation.permutation)
    fields: Fields = {"axes": len(axes), "size": _sizes(axes), "input_stride": _strides(axes, 0)}
    return Parameters("edge_transpose_s8", "edge_transpose_t", fields)


def concat_parameters(operation: Concat, graph: IntGraph) -> tuple[Parameters, ...]:
    """Return those of a concatenation, one for each input."""
    shapes = [graph.tensors[name].shape for name in operation.inputs]
    output_row = math.prod(graph.tensors[operation.output].shape[operation.axis :])
    parts, offset = [], 0
    for shape in shapes:
        row = math.prod(shape[operation.axis :])
        fields: Fields = {
            "rows": math.prod(shape[: operation.axis]),
            "input_row": row,
            "output_row": output_row,
            "offset": offset,
        }
        parts.append(Parameters("edge_concat_s8", "edge_concat_t", fields))
        offset += row
    return tuple(parts)


def arg_max_parameters(operation: ArgMax, graph: IntGraph) -> Parameters:
    """Return those of the index of the greatest."""
    rows, depth = _rows(operation.input, graph)
    return Parameters("edge_arg_max_s8", "edge_arg_max_t", {"rows": rows, "depth": depth})


def softmax_parameters(operation: Softmax, graph: IntGraph) -> Parameters:
    """Return those of a softmax.

    Raises:
        FirmwareExportError: beta * scale is so small that the kernel cannot say it, or a sum of
            exp might not fit.
    """
    params = softmax_params(operation, graph)
    if params.requant.shift < 0:
        raise FirmwareExportError("beta * input scale is below 2**-27")
    rows, depth = _exp_rows(operation.input, graph)
    fields: Fields = {
        "rows": rows,
        "depth": depth,
        "multiplier": params.requant.multiplier,
        "left_shift": params.requant.shift,
        "diff_min": -params.radius,
    }
    return Parameters("edge_softmax_s8", "edge_softmax_t", fields)


def log_softmax_parameters(operation: LogSoftmax, graph: IntGraph) -> Parameters:
    """Return those of a logarithm of softmax.

    Raises:
        FirmwareExportError: A sum of exp might not fit.
    """
    params = log_softmax_params(operation, graph)
    rows, depth = _exp_rows(operation.input, graph)
    exp: Fields = {
        "rows": rows,
        "depth": depth,
        "multiplier": params.curve.requant.multiplier,
        "left_shift": params.curve.requant.shift,
        "diff_min": -params.curve.radius,
    }
    fields: Fields = {"exp": exp, "reverse": _requant(params.reverse)}
    return Parameters("edge_log_softmax_s8", "edge_log_softmax_t", fields)


def l2_parameters(operation: L2Normalization, graph: IntGraph) -> Parameters:
    """Return those of a normalization of rows.

    Raises:
        FirmwareExportError: A row is so long that its sum of squares does not fit.
    """
    rows, depth = _rows(operation.input, graph)
    if depth > LONGEST_ROW:
        raise FirmwareExportError(f"rows of {depth}, at most {LONGEST_ROW} fit into 32 bits")
    zero_point = quant_of(graph, operation.input).zero_point
    fields: Fields = {"rows": rows, "depth": depth, "input_zero_point": zero_point}
    return Parameters("edge_l2_normalization_s8", "edge_l2_normalization_t", fields)


def lookup_parameters(
    operation: Logistic | Tanh | HardSwish | LeakyRelu, graph: IntGraph
) -> Parameters:
    """Return those of a curve: what the interpreter gives for each of the 256 codes."""
    codes = np.arange(CODE_MIN, CODE_MAX + 1).astype(np.int8).reshape(1, 256)
    table = execute_operation(operation, graph, {operation.input: codes})
    fields: Fields = {"size": _count(operation.input, graph)}
    return Parameters("edge_lookup_s8", "edge_lookup_t", fields, {"table": table})


def rescale_parameters(operation: Activate | Quantize, graph: IntGraph) -> Parameters:
    """Return those of a change of scale, and of a clamp of its own."""
    activation = operation.activation if isinstance(operation, Activate) else Activation.NONE
    is_same = activation is Activation.RELU6  # check_integer demands equal scales
    fields: Fields = {
        "size": _count(operation.input, graph),
        "input_zero_point": quant_of(graph, operation.input).zero_point,
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        **bound_fields(activation, operation.output, graph),
        "requant": _requant(UNIT if is_same else rescale_requant(operation, graph)),
    }
    return Parameters("edge_rescale_s8", "edge_rescale_t", fields)


def _pair(operation: Add | Sub | Mul, graph: IntGraph) -> dict[str, Initial]:
    return {
        "size": _count(operation.output, graph),
        "left_zero_point": quant_of(graph, operation.left).zero_point,
        "right_zero_point": quant_of(graph, operation.right).zero_point,
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        **bound_fields(operation.activation, operation.output, graph),
    }


def _broadcast(operation: Pair | Prelu, graph: IntGraph) -> Fields | None:
    names = (*input_names(operation), operation.output)
    if len({_count(name, graph) for name in names}) == 1:
        return None
    axes = broadcast_axes(*(graph.tensors[name].shape for name in names))
    return {
        "axes": len(axes),
        "size": _sizes(axes),
        "left_stride": _strides(axes, 0),
        "right_stride": _strides(axes, 1),
    }


def _sizes(axes: Sequence[Axis]) -> list[int]:
    return [axis.size for axis in axes]


def _strides(axes: Sequence[Axis], of: int) -> list[int]:
    return [axis.strides[of] for axis in axes]


def _requant(requant: Requant) -> Fields:
    return {"multiplier": requant.multiplier, "shift": requant.shift}


def _exp_rows(name: str, graph: IntGraph) -> tuple[int, int]:
    rows, depth = _rows(name, graph)
    if depth > LONGEST_EXP_ROW:
        raise FirmwareExportError(f"rows of {depth}, sums of at most {LONGEST_EXP_ROW} exp fit")
    return rows, depth


def _rows(name: str, graph: IntGraph) -> tuple[int, int]:
    """Return how many rows a tensor has along its last axis, and how long they are."""
    depth = graph.tensors[name].shape[-1]
    return _count(name, graph) // depth, depth


def _count(name: str, graph: IntGraph) -> int:
    return math.prod(graph.tensors[name].shape)
