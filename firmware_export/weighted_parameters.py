"""Parameters of convolutions and fully connected layers (edge_types.h)."""

import math
from dataclasses import replace

from firmware_export.parameters import (
    Fields,
    Parameters,
    bound_fields,
    image_shape,
    window_fields,
)
from firmware_export.weighted import WeightedArrays, weighted_arrays
from quantize.ir.graph import Array, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected

POINTER_BYTES = 8  # of a 64-bit host, where the same code must run
_NO_PADDING_1X1 = {"kernel_height": 1, "kernel_width": 1, "pad_top": 0, "pad_left": 0}


def conv_parameters(operation: Conv2D | DepthwiseConv2D, graph: IntGraph) -> Parameters:
    """Return those of a convolution, depthwise or not."""
    kernel = graph.tensors[operation.weight].shape[1:3]
    fields: Fields = {
        "input": image_shape(operation.input, graph),
        "output": image_shape(operation.output, graph),
        **window_fields(kernel, operation.stride),
        "dilation_height": operation.dilation[0],
        "dilation_width": operation.dilation[1],
        "pad_top": operation.padding.top,
        "pad_left": operation.padding.left,
        "input_zero_point": quant_of(graph, operation.input).zero_point,
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        **bound_fields(operation.activation, operation.output, graph),
    }
    arrays = _tables(weighted_arrays(operation, graph))
    kind = "depthwise_conv" if isinstance(operation, DepthwiseConv2D) else "conv"
    channels = graph.tensors[operation.input].shape[3]
    taps = math.prod(kernel)
    scratch = taps * channels if kind == "conv" else taps * POINTER_BYTES + channels
    return Parameters(f"edge_{kind}_s8", "edge_conv_t", fields, arrays, scratch_bytes=scratch)


def pointwise_parameters(plain: Parameters) -> Parameters:
    """Return the kernel that reads its input where it lies, `plain` where none does."""
    if plain.kernel != "edge_conv_s8" or not is_pointwise(plain.fields):
        return plain
    return replace(plain, kernel="edge_pointwise_conv_s8", scratch_bytes=0)


def is_pointwise(fields: Fields) -> bool:
    """Tell whether each output pixel reads one input pixel, and none in the padding."""
    if any(fields[name] != value for name, value in _NO_PADDING_1X1.items()):
        return False
    sides = zip(("height", "width"), (0, 1), strict=True)
    return all(_last(fields, side, axis) < _sizes_of(fields, "input")[axis] for side, axis in sides)


def dense_parameters(operation: FullyConnected, graph: IntGraph) -> Parameters:
    """Return those of a fully connected layer."""
    arrays = weighted_arrays(operation, graph)
    fields: Fields = {
        "input_size": arrays.weight.shape[1],
        "output_size": arrays.weight.shape[0],
        "is_per_channel": int(quant_of(graph, operation.weight).axis is not None),
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        **bound_fields(operation.activation, operation.output, graph),
    }
    return Parameters("edge_fully_connected_s8", "edge_fully_connected_t", fields, _tables(arrays))


def _last(fields: Fields, side: str, axis: int) -> int:
    stride = fields[f"stride_{side}"]
    assert isinstance(stride, int)
    return (_sizes_of(fields, "output")[axis] - 1) * stride


def _sizes_of(fields: Fields, name: str) -> list[int]:
    image = fields[name]
    assert isinstance(image, tuple)
    return [size for size in image if isinstance(size, int)]


def _tables(arrays: WeightedArrays) -> dict[str, Array]:
    return {
        "weight": arrays.weight,
        "bias": arrays.bias,
        "multiplier": arrays.multiplier,
        "shift": arrays.shift,
    }
