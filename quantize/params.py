"""Scales and zero points: from real ranges, and which tensors must share theirs."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from quantize.ir.graph import Graph, QuantParams
from quantize.ir.hard_swish import (
    LEAST_INPUT_SCALE,
    LEAST_RATIO,
    MOST_INPUT_SCALE,
    MOST_RATIO,
)
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import (
    AveragePool2D,
    Concat,
    L2Normalization,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Minimum,
    Operation,
    Pad,
    Reshape,
    Softmax,
    Tanh,
    Transpose,
    input_names,
)
from quantize.ir.spec import (
    L2_OUTPUT,
    LOG_SOFTMAX_OUTPUT,
    LOGISTIC_OUTPUT,
    SOFTMAX_OUTPUT,
    TANH_OUTPUT,
    WIDE_CURVE_OUTPUT,
)

CODE_MIN, CODE_MAX = -128, 127
WIDE_CODE_MAX = 32767
SMALLEST_SCALE = 2.0**-100  # keeps products of three scales far from float32's denormal numbers

MOVING_OPERATIONS = (
    AveragePool2D,
    MaxPool2D,
    Pad,
    Reshape,
    Transpose,
    Concat,
    Slice,
    Gather,
    ResizeNearest,
    ResizeBilinear,
    SpaceToDepth,
    DepthToSpace,
)
EXTREMA = (Minimum, Maximum)
SAME_SCALE_OPERATIONS = (*MOVING_OPERATIONS, *EXTREMA)
_FIXED = {
    Softmax: SOFTMAX_OUTPUT,
    LogSoftmax: LOG_SOFTMAX_OUTPUT,
    L2Normalization: L2_OUTPUT,
    Logistic: LOGISTIC_OUTPUT,
    Tanh: TANH_OUTPUT,
}


def range_params(low: float, high: float) -> QuantParams:
    """Return int8 params whose 256 codes span [low, high] and 0.0, which has a code of its own."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return QuantParams((1.0,), 0)
    scale = as_float32((high - low) / (CODE_MAX - CODE_MIN))
    zero_point = int(np.clip(np.rint(CODE_MIN - low / scale), CODE_MIN, CODE_MAX))
    return QuantParams((scale,), zero_point)


def wide_range_params(low: float, high: float) -> QuantParams:
    """Return int16 params, symmetric, whose codes span [low, high]."""
    peak = max(abs(low), abs(high))
    return QuantParams((as_float32(peak / WIDE_CODE_MAX),) if peak else (1.0,))


def as_float32(scale: float) -> float:
    """Return the float32 nearest to a scale, as a Python float, away from 0."""
    return float(np.float32(max(scale, SMALLEST_SCALE)))


def fixed_params(operation: Operation) -> QuantParams | None:
    """Return the params that an operation's output always has, if it is one of those."""
    return _FIXED.get(type(operation))


def hard_swish_params(read: QuantParams, made: QuantParams) -> tuple[QuantParams, QuantParams]:
    """Return the params nearest to a hard swish's input's and output's that its 16 bits can say.

    A scale that has to change changes around the same reals; half of the greatest ratio is kept,
    where the fixed point still has a bit more than the output.
    """
    read = _rescaled(read, float(np.clip(read.scale[0], LEAST_INPUT_SCALE, MOST_INPUT_SCALE)))
    least, most = read.scale[0] / (MOST_RATIO / 2), read.scale[0] / LEAST_RATIO
    return read, _rescaled(made, float(np.clip(made.scale[0], least, most)))


def _rescaled(quant: QuantParams, scale: float) -> QuantParams:
    """Return params of a scale whose codes lie around the same reals, with 0 among them."""
    if scale == quant.scale[0]:
        return quant
    middle = (-0.5 - quant.zero_point) * quant.scale[0]
    zero_point = int(np.clip(np.rint(-0.5 - middle / scale), CODE_MIN, CODE_MAX))
    return QuantParams((as_float32(scale),), zero_point)


def fixed_wide_params(graph: Graph, group: Sequence[str]) -> QuantParams | None:
    """Return the int16 params that the operations of a group dictate, if they do."""
    members = set(group)
    is_curve = any(
        operation.output in members and isinstance(operation, Softmax | Logistic | Tanh)
        for operation in graph.operations
    )
    return WIDE_CURVE_OUTPUT if is_curve else None


def wide_params(graph: Graph, ends: Mapping[str, tuple[float, float]]) -> dict[str, QuantParams]:
    """Return the int16 params of every activation: 65536 codes need no range but the whole one.

    Args:
        graph: Float.
        ends: The least and the greatest value of every activation.
    """
    params: dict[str, QuantParams] = {}
    for group in share_groups(graph):
        sources = [ends[name] for name in group_sources(graph, group)]
        widest = min(low for low, _ in sources), max(high for _, high in sources)
        quant = fixed_wide_params(graph, group) or wide_range_params(*widest)
        params |= dict.fromkeys(group, quant)
    return params


def share_groups(graph: Graph, *, join_concats: bool = True) -> tuple[tuple[str, ...], ...]:
    """Return the activations in groups that have one scale each, sorted in the graph's order.

    Pools, resizes and what only moves values keep their input's scale. So does Concat, but for
    inputs whose scale is fixed, which `lower` requantizes; with `join_concats` False it requantizes
    all.
    Minimum and Maximum choose for those inputs that nothing else reads; others are requantized.
    """
    activations = [*graph.inputs, *(operation.output for operation in graph.operations)]
    parent = {name: name for name in activations}
    moving = [op for op in graph.operations if isinstance(op, MOVING_OPERATIONS)]
    for operation in moving:
        if not isinstance(operation, Concat) and operation.input in parent:
            parent[_root(parent, operation.output)] = _root(parent, operation.input)
    for name, extremum in _cut_by_extrema(graph).items():
        parent[_root(parent, name)] = _root(parent, extremum)
    if join_concats:
        _join_concats(graph, parent)
    groups: dict[str, list[str]] = {}
    for name in activations:
        groups.setdefault(_root(parent, name), []).append(name)
    return tuple(tuple(group) for group in groups.values())


def _join_concats(graph: Graph, parent: dict[str, str]) -> None:
    fixed = {_root(parent, op.output) for op in graph.operations if fixed_params(op)}
    for operation in graph.operations:
        if isinstance(operation, Concat):
            for name in operation.inputs:
                if name in parent and _root(parent, name) not in fixed:
                    parent[_root(parent, operation.output)] = _root(parent, name)


def _root(parent: Mapping[str, str], name: str) -> str:
    while parent[name] != name:
        name = parent[name]
    return name


def group_sources(graph: Graph, group: Sequence[str]) -> tuple[str, ...]:
    """Return the members whose values are new: all others hold values of these, or zeros.

    What only a Minimum or Maximum reads is left out: a range that cuts it as they do is the best.
    """
    derived = {op.output for op in graph.operations if isinstance(op, MOVING_OPERATIONS)}
    derived |= set(_cut_by_extrema(graph))
    sources = tuple(name for name in group if name not in derived)
    return sources or tuple(group[:1])


def _cut_by_extrema(graph: Graph) -> dict[str, str]:
    """Return the Minimum or Maximum behind each tensor of free scale that nothing else reads."""
    reads = Counter(name for op in graph.operations for name in input_names(op))
    free = {
        operation.output
        for operation in graph.operations
        if not isinstance(operation, MOVING_OPERATIONS) and fixed_params(operation) is None
    }
    return {
        name: operation.output
        for operation in graph.operations
        if isinstance(operation, EXTREMA)
        for name in (operation.left, operation.right)
        if name in free and name not in graph.outputs and reads[name] == 1
    }


def group_fixed_params(graph: Graph, group: Sequence[str]) -> QuantParams | None:
    """Return the params that the operations of a group dictate, if they do."""
    members = set(group)
    for operation in graph.operations:
        if operation.output in members and (fixed := fixed_params(operation)):
            return fixed
    return None
