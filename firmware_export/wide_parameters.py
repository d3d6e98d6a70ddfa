"""Parameters of kernels with activations of int16: the tables of int8 ones, for other kernels.

They all are of the generic tier. What only moves values moves each as two bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from firmware_export.axes import MAX_AXES
from firmware_export.c_text import Initial
from firmware_export.errors import FirmwareExportError
from firmware_export.parameters import Fields, Parameters
from quantize.ir.graph import Array, DType, IntGraph
from quantize.ir.integer_params import scale_of
from quantize.ir.ops import Logistic, Operation, Quantize, Softmax, Tanh, input_names
from quantize.ir.wide_curves import (
    LOGISTIC_POWERS,
    TANH_POWERS,
    exp_table,
    logistic_table,
    reciprocal_table,
    wide_curve_factor,
    wide_softmax_requant,
)

BYTES = 2
MOST_SUMMED = 1 << 15  # sums of so many int16 fit into int32
MOST_TAPS = 256  # EDGE_BLOCK_S16: and of so many products with int8
_TYPED = {
    "edge_conv_s8": "edge_conv_s16",
    "edge_pointwise_conv_s8": "edge_conv_s16",
    "edge_depthwise_conv_s8": "edge_depthwise_conv_s16",
    "edge_fully_connected_s8": "edge_fully_connected_s16",
    "edge_add_s8": "edge_add_s16",
    "edge_sub_s8": "edge_sub_s16",
    "edge_mul_s8": "edge_mul_s16",
    "edge_minimum_s8": "edge_minimum_s16",
    "edge_maximum_s8": "edge_maximum_s16",
    "edge_average_pool_s8": "edge_average_pool_s16",
    "edge_max_pool_s8": "edge_max_pool_s16",
    "edge_mean_s8": "edge_mean_s16",
    "edge_pad_s8": "edge_pad_s16",
}
_RESCALES = {
    (DType.INT8, DType.INT16): "edge_rescale_s8_s16",
    (DType.INT16, DType.INT8): "edge_rescale_s16_s8",
    (DType.INT16, DType.INT16): "edge_rescale_s16",
}


def is_wide(operation: Operation, graph: IntGraph) -> bool:
    """Tell whether an operation reads or makes activations of int16."""
    names = (*input_names(operation), operation.output)
    return any(graph.tensors[name].dtype is DType.INT16 for name in names)


def wide_parameters(plain: Parameters, operation: Operation, graph: IntGraph) -> Parameters:
    """Return those of an operation in int16, given the generic kernel's that int8 would take.

    Raises:
        FirmwareExportError: A sum might not fit, or no kernel takes so many axes.
    """
    if isinstance(operation, Quantize):
        types = (graph.tensors[operation.input].dtype, graph.tensors[operation.output].dtype)
        return replace(plain, kernel=_RESCALES[types])
    match plain.kernel:
        case "edge_concat_s8":
            return _in_bytes(plain, ("input_row", "output_row", "offset"))
        case "edge_transpose_s8" | "edge_slice_s8":
            return _in_bytes(_along_bytes(plain), ("first",))
        case "edge_mean_s8" | "edge_average_pool_s8":
            _check_sum(plain.fields)
        case "edge_depthwise_conv_s8" if _window(plain.fields) > MOST_TAPS:
            raise FirmwareExportError(f"{_window(plain.fields)} taps, at most {MOST_TAPS}")
        case _:
            pass
    return replace(plain, kernel=_TYPED[plain.kernel], scratch_bytes=0)


def wide_curve_parameters(operation: Softmax | Logistic | Tanh, graph: IntGraph) -> Parameters:
    """Return those of a curve of int16.

    Raises:
        FirmwareExportError: A softmax's row is so long that its sum might not fit.
    """
    scale = scale_of(graph, operation.input)
    shape = graph.tensors[operation.input].shape
    size = math.prod(shape)
    if isinstance(operation, Softmax):
        if shape[-1] > MOST_SUMMED:
            raise FirmwareExportError(f"rows of {shape[-1]}, sums of at most {MOST_SUMMED} fit")
        requant = wide_softmax_requant(scale, operation.beta)
        fields: Fields = {
            "rows": size // shape[-1],
            "depth": shape[-1],
            "requant": {"multiplier": requant.multiplier, "shift": requant.shift},
        }
        tables = {"exp": _int16(exp_table()), "reciprocal": _int16(reciprocal_table())}
        return Parameters("edge_softmax_s16", "edge_softmax_s16_t", fields, tables)
    is_tanh = isinstance(operation, Tanh)
    factor = wide_curve_factor(scale, TANH_POWERS if is_tanh else LOGISTIC_POWERS)
    fields = {"size": size, "multiplier": factor.multiplier, "shift": factor.shift}
    table = {"table": _int16(logistic_table() - (1 << 15))}
    kernel = "edge_tanh_s16" if is_tanh else "edge_logistic_s16"
    return Parameters(kernel, "edge_curve_s16_t", fields, table)


def _int16(values: Array) -> Array:
    return values.astype(np.int16)


def _check_sum(fields: Fields) -> None:
    """Refuse a mean of more values than have a sum in int32."""
    sizes = fields.get("reduced_size")
    count = _window(fields) if sizes is None else math.prod(_integers(sizes))
    if count > MOST_SUMMED:
        raise FirmwareExportError(f"a mean of {count}, sums of at most {MOST_SUMMED} int16 fit")


def _window(fields: Fields) -> int:
    return math.prod(_integers([fields["kernel_height"], fields["kernel_width"]]))


def _in_bytes(plain: Parameters, names: tuple[str, ...]) -> Parameters:
    counts = {name: plain.fields[name] for name in names if name in plain.fields}
    sizes = dict(zip(counts, _integers(list(counts.values())), strict=True))
    doubled: Fields = {name: BYTES * size for name, size in sizes.items()}
    return replace(plain, fields={**plain.fields, **doubled})


def _along_bytes(plain: Parameters) -> Parameters:
    """Return a walk over elements as one over their bytes."""
    sizes = _integers(plain.fields["size"])
    strides = [BYTES * stride for stride in _integers(plain.fields["input_stride"])]
    if strides[-1] == BYTES:
        sizes, strides = [*sizes[:-1], BYTES * sizes[-1]], [*strides[:-1], 1]
    else:
        sizes, strides = [*sizes, BYTES], [*strides, 1]
    if len(sizes) > MAX_AXES:
        raise FirmwareExportError(f"{len(sizes)} axes, bytes included, at most {MAX_AXES}")
    walk: Fields = {"axes": len(sizes), "size": sizes, "input_stride": strides}
    return replace(plain, fields={**plain.fields, **walk})


def _integers(values: Initial) -> list[int]:
    assert isinstance(values, Sequence)
    return [value for value in values if isinstance(value, int)]
