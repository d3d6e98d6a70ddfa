"""A lone product or sum per channel becomes a depthwise convolution of 1 x 1.

A batch normalization that no convolution could take in is left as such. As an operation on two
tensors its constant would have one scale for all channels; as a depthwise convolution it has a
weight scale per channel and an int32 bias.
"""

from dataclasses import replace

import numpy as np

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Add, DepthwiseConv2D, Mul, Operation
from quantize.passes.editing import as_float32, fresh_name, rebuild


def scale_as_depthwise(graph: FloatGraph) -> FloatGraph:
    """Return the graph with products and sums of an image with a constant per channel converted.

    Of several behind one another only the first: the next round folds the others into it.
    """
    constants: dict[str, Array] = {}
    converted: set[str] = set()
    operations: list[Operation] = []
    for operation in graph.operations:
        image = _image(operation, graph)
        if image is None or image in converted or not isinstance(operation, Add | Mul):
            operations.append(operation)
        else:
            operations.append(_convert(operation, image, graph, constants))
            converted.add(operation.output)
    return rebuild(graph, operations, constants)


def _image(operation: Operation, graph: FloatGraph) -> str | None:
    """Return the image that a product or sum changes by one value per channel, None for others."""
    if not isinstance(operation, Add | Mul):
        return None
    image, constant = _sides(operation, graph)
    is_fitting = image not in graph.constants and constant in graph.constants
    return image if is_fitting and _is_per_channel(image, constant, graph) else None


def _sides(operation: Add | Mul, graph: FloatGraph) -> tuple[str, str]:
    """Return the operands, a constant behind."""
    sides = operation.left, operation.right
    return (sides[1], sides[0]) if sides[0] in graph.constants else sides


def _convert(
    operation: Add | Mul, image: str, graph: FloatGraph, constants: dict[str, Array]
) -> DepthwiseConv2D:
    """Return the convolution, and put its weight and bias among the constants."""
    values = graph.constants[_sides(operation, graph)[1]].reshape(1, 1, 1, -1)
    weight = fresh_name(graph, f"{operation.output}/scale_weight")
    layer = DepthwiseConv2D(image, weight, None, operation.output, activation=operation.activation)
    if isinstance(operation, Mul):
        constants[weight] = as_float32(values)
        return layer
    bias = fresh_name(graph, f"{operation.output}/scale_bias")
    constants[weight], constants[bias] = np.ones_like(values), as_float32(values.ravel())
    return replace(layer, bias=bias)


def _is_per_channel(image: str, constant: str, graph: FloatGraph) -> bool:
    """Tell whether the constant holds one value for each channel of the image."""
    shape, values = graph.tensors[image].shape, graph.constants[constant]
    return len(shape) == 4 and values.size == shape[3] > 1 and values.shape[-1] == shape[3]
