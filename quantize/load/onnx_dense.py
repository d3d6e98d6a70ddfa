"""Matrix products with a constant: fully connected layers, and 1 x 1 convolutions."""

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import Conv2D, FullyConnected
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_layout import (
    View,
    arranged_view,
    plain_view,
    reshaped,
    source_positions,
    transposed,
)
from quantize.load.onnx_node import Node, UnsupportedNodeError


def load_gemm(node: Node, builder: GraphBuilder) -> View:
    """Read Gemm of rows (1, I) with a constant matrix."""
    view, matrix, bias = node.view(0), node.constant(1), node.optional_constant(2)
    if node.integer("transA", 0) or len(view.shape) != 2:
        raise UnsupportedNodeError(f"input of shape {view.shape}; only untransposed rows (1, I)")
    weight = matrix if node.integer("transB", 0) else matrix.T
    scaled = weight.astype(np.float64) * node.number("alpha", 1.0)
    offset = None
    if bias is not None:
        offset = _row(bias, len(weight)).astype(np.float64) * node.number("beta", 1.0)
    return connect(view, scaled, offset, node.output, builder)


def load_matmul(node: Node, builder: GraphBuilder) -> View:
    """Read MatMul with one constant matrix; of several rows it becomes a 1 x 1 convolution."""
    if isinstance(node.operand(0), View):
        return _times(node.view(0), _one_matrix(node.constant(1)), node.output, builder)
    view, matrix = node.view(1), _one_matrix(node.constant(0))
    if len(view.shape) < 3:
        raise UnsupportedNodeError(f"{matrix.shape} times {view.shape} mixes the batch (axis 0)")
    turned = (*range(len(view.shape) - 2), len(view.shape) - 1, len(view.shape) - 2)
    return transposed(_times(transposed(view, turned), matrix.T, node.output, builder), turned)


def _one_matrix(values: Array) -> Array:
    """Return the constant without the axes of size 1 in front."""
    if values.ndim < 2 or int(np.prod(values.shape[:-2], dtype=np.int64)) != 1:
        raise UnsupportedNodeError(f"a constant of shape {values.shape}; only one matrix")
    return values.reshape(values.shape[-2:])


def _times(view: View, matrix: Array, output: str, builder: GraphBuilder) -> View:
    if len(view.shape) < 2 or view.shape[-1] != matrix.shape[0]:
        raise UnsupportedNodeError(f"{view.shape} times {matrix.shape}: the sizes do not meet")
    if int(np.prod(view.shape[:-1], dtype=np.int64)) > 1:
        return _pointwise(view, matrix, output, builder)
    rows = reshaped(view, (1, view.shape[-1]))
    assert rows is not None  # axes of size 1 always go
    result = connect(rows, matrix.T, None, output, builder)
    return arranged_view(
        result.tensor,
        (*view.shape[:-1], matrix.shape[1]),
        range(1, len(view.shape)),
        result.stored,
    )


def connect(
    view: View, weight: Array, bias: Array | None, output: str, builder: GraphBuilder
) -> View:
    """Return the view of rows (1, I) through a layer (O, I).

    However the rows are stored: the columns of the weight are put in that order.
    """
    if view.shape[1] != weight.shape[1]:
        raise UnsupportedNodeError(f"input {view.shape} does not meet weight {weight.shape}")
    columns = weight[:, source_positions(view)]
    weight_name = builder.add_constant(f"{output}/weight", columns)
    bias_name = None if bias is None else builder.add_constant(f"{output}/bias", bias)
    name = builder.fresh_name(output)
    rows = view.tensor if len(view.stored) > 1 else builder.reshape(view.tensor, view.shape)
    shape = builder.add(FullyConnected(rows, weight_name, bias_name, name))
    return plain_view(name, shape)


def _pointwise(view: View, matrix: Array, output: str, builder: GraphBuilder) -> View:
    rank = len(view.shape)
    rows = int(np.prod(view.shape[1:-2], dtype=np.int64))
    image = builder.arrange(view, range(1, rank), (1, rows, *view.shape[-2:]))
    weight = builder.add_constant(f"{output}/weight", matrix.T[:, None, None, :])
    name = builder.fresh_name(output)
    stored = builder.add(Conv2D(image, weight, None, name))
    inner = plain_view(name, stored)
    result = reshaped(inner, (*view.shape[:-1], matrix.shape[1]))
    assert result is not None  # the axes that were merged come apart again
    return result


def _row(values: Array, count: int) -> Array:
    if values.size not in {1, count} or values.shape[-1:] not in {(), (1,), (count,)}:
        raise UnsupportedNodeError(f"bias of shape {values.shape}, expected ({count},)")
    return np.broadcast_to(values.ravel(), (count,))
