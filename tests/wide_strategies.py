"""Hypothesis strategies: legal graphs of one operation each, in int16 or in float32."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from quantize.ir.graph import Array, DType, Graph, IntGraph, QuantParams, TensorType
from quantize.ir.integer_params import quant_of, reals_of
from quantize.ir.ops import Dequantize, Logistic, Quantize, Softmax, Tanh
from quantize.ir.spec import WEIGHTED, WIDE_CURVE_OUTPUT, check_integer
from tests.models import float32, int_graph, quant
from tests.strategies import SINGLE_OPERATION_GRAPHS, activation_quants, scales

FINER = 2.0**-7  # of an int16 scale beside the int8 one it is made of
WIDE_KINDS = (
    "conv",
    "depthwise",
    "fully connected",
    "add",
    "sub",
    "mul",
    "minimum",
    "maximum",
    "average pool",
    "max pool",
    "mean",
    "pad",
    "reshape",
    "transpose",
    "concat",
    "slice",
    "softmax",
    "logistic",
    "tanh",
    "quantize",
)
REAL_KINDS = tuple(kind for kind in SINGLE_OPERATION_GRAPHS if kind not in {"quantize", "arg max"})


def wide_graphs(kind: str) -> st.SearchStrategy[IntGraph]:
    """Return graphs of one operation in int16."""
    return SINGLE_OPERATION_GRAPHS[kind]().map(widened)


def real_graphs(kind: str) -> st.SearchStrategy[IntGraph]:
    """Return graphs of one operation in float32, whose weights are what the integers mean."""
    return SINGLE_OPERATION_GRAPHS[kind]().map(kept_float)


@st.composite
def border_graphs(draw: st.DrawFn) -> IntGraph:
    """Draw an operation that leads from one type to another."""
    narrow = TensorType((1, 64), DType.INT8, draw(activation_quants(2**-6, 1.0)))
    wide = TensorType((1, 64), DType.INT16, QuantParams((draw(scales(2**-13, 2**-7)),)))
    real = TensorType((1, 64))
    pairs = [(narrow, wide), (wide, narrow), (wide, replace(wide, quant=quant(0.01)))]
    pairs += [(real, narrow), (real, wide), (narrow, real), (wide, real)]
    x, y = draw(st.sampled_from(pairs))
    operation = Dequantize("x", "y") if y.quant is None else Quantize("x", "y")
    return int_graph([operation], {"x": x, "y": y}, {}, ["y"])


def widened(graph: IntGraph) -> IntGraph:
    """Return a graph of one operation with all activations in int16."""
    (operation,) = graph.operations
    weight, bias = (getattr(operation, field, None) for field in ("weight", "bias"))
    tensors, constants = dict(graph.tensors), dict(graph.constants)
    for name, kind in graph.tensors.items():
        if name == bias:
            tensors[name] = _wide_bias(kind)
            constants[name] = constants[name].astype(np.int64) * round(1 / FINER)
        elif name != weight:
            tensors[name] = replace(kind, dtype=DType.INT16, quant=_finer(kind.quant))
            if name in constants:
                constants[name] = constants[name].astype(np.int16) * 250
    if isinstance(operation, Softmax | Logistic | Tanh):
        output = tensors[operation.output]
        tensors[operation.output] = replace(output, quant=WIDE_CURVE_OUTPUT)
    return _checked(graph, tensors, constants)


def _finer(quant: QuantParams | None) -> QuantParams:
    assert quant is not None
    return QuantParams((float32(min(quant.scale[0], 1.0) * FINER),))


def _wide_bias(kind: TensorType) -> TensorType:
    assert kind.quant is not None
    finer = tuple(float32(scale * FINER) for scale in kind.quant.scale)
    return TensorType(kind.shape, DType.INT64, QuantParams(finer, 0, kind.quant.axis))


def kept_float(graph: IntGraph) -> IntGraph:
    """Return a graph of one operation in float32."""
    tensors = {name: TensorType(kind.shape) for name, kind in graph.tensors.items()}
    constants = {
        name: reals_of(codes, quant_of(graph, name)) for name, codes in graph.constants.items()
    }
    return _checked(graph, tensors, constants)


def _checked(
    graph: IntGraph, tensors: dict[str, TensorType], constants: dict[str, Array]
) -> IntGraph:
    names = (graph.name, graph.inputs, graph.outputs)
    return check_integer(Graph(*names, tensors, constants, graph.operations), graph.profile)


def is_weighted(graph: IntGraph) -> bool:
    """Tell whether the only operation has weights."""
    return isinstance(graph.operations[0], WEIGHTED)
