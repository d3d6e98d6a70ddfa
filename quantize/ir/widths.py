"""Which types may meet in an operation of an integer graph.

An operation computes in the type of what it makes: int8, int16 (weights stay int8), or float32.
Only Quantize and Dequantize lead from one type to another, and ArgMax out of all of them: to int32.
"""

from collections.abc import Iterator

import numpy as np

from quantize.errors import GraphError
from quantize.ir.fixed_point import INT32_MAX
from quantize.ir.graph import DType, Graph
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import (
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    Logistic,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    input_names,
)

INT16_OPERATIONS = (
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Add,
    Sub,
    Mul,
    Minimum,
    Maximum,
    AveragePool2D,
    MaxPool2D,
    Mean,
    Pad,
    Reshape,
    Transpose,
    Concat,
    Slice,
    Softmax,
    Logistic,
    Tanh,
    Quantize,
)
"""Those that TFLite has kernels for in int16, and of which a test compares every code."""

_WEIGHT_TYPES = {
    DType.INT8: DType.INT8,
    DType.INT16: DType.INT8,
    DType.FLOAT32: DType.FLOAT32,
}
BIAS_TYPES = {
    DType.INT8: DType.INT32,
    DType.INT16: DType.INT64,
    DType.FLOAT32: DType.FLOAT32,
}
_READ_BY = {
    Quantize: (DType.INT8, DType.INT16, DType.FLOAT32),
    Dequantize: (DType.INT8, DType.INT16),
    ArgMax: (DType.INT8,),
}
_MADE_BY = {
    Quantize: (DType.INT8, DType.INT16),
    Dequantize: (DType.FLOAT32,),
    ArgMax: (DType.INT32,),
}


def width(operation: Operation, graph: Graph) -> DType:
    """Return the type that an operation computes in: that of its output."""
    return graph.tensors[operation.output].dtype


def check_types(graph: Graph) -> None:
    """Refuse types that no kernel takes together.

    Raises:
        GraphError: Names the first tensor or operation that breaks a rule.
    """
    for operation in graph.operations:
        made = width(operation, graph)
        if made not in _MADE_BY.get(type(operation), _WEIGHT_TYPES):
            raise GraphError(f"{operation.output}: {made} made by {type(operation).__name__}")
        if made is DType.INT16 and not isinstance(operation, INT16_OPERATIONS):
            raise GraphError(f"{operation.output}: {type(operation).__name__} has no int16 kernel")
        for name, allowed in _read_types(operation, made):
            if graph.tensors[name].dtype not in allowed:
                raise GraphError(
                    f"{name}: {graph.tensors[name].dtype} in an integer graph, "
                    f"expected {' or '.join(allowed)} by {operation.output}"
                )
    for name, values in graph.constants.items():
        is_wide = graph.tensors[name].dtype is DType.INT64
        if is_wide and np.abs(values).max(initial=0) > INT32_MAX:
            raise GraphError(f"{name}: a bias beyond int32, which ONNX has no words for")


def _read_types(operation: Operation, made: DType) -> Iterator[tuple[str, tuple[DType, ...]]]:
    """Yield what an operation reads, and which types it may have."""
    special: dict[str | None, DType] = {}
    if made in _WEIGHT_TYPES:
        special[getattr(operation, "weight", None)] = _WEIGHT_TYPES[made]
        special[getattr(operation, "bias", None)] = BIAS_TYPES[made]
    for name in input_names(operation):
        yield name, _READ_BY.get(type(operation), (special.get(name, made),))
