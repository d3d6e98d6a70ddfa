"""Scales and zero points: from real ranges, and which tensors must share theirs."""

from collections.abc import Mapping, Sequence

import numpy as np

from quantize.ir.graph import Graph, QuantParams
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
    Logistic,
    MaxPool2D,
    Operation,
    Pad,
    Reshape,
    Softmax,
    Tanh,
    Transpose,
)
from quantize.ir.spec import LOGISTIC_OUTPUT, SOFTMAX_OUTPUT, TANH_OUTPUT

CODE_MIN, CODE_MAX = -128, 127
SMALLEST_SCALE = 2.0**-100  # keeps products of three scales far from float32's denormal numbers

SAME_SCALE_OPERATIONS = (
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
_FIXED = {Softmax: SOFTMAX_OUTPUT, Logistic: LOGISTIC_OUTPUT, Tanh: TANH_OUTPUT}


def range_params(low: float, high: float) -> QuantParams:
    """Return int8 params whose 256 codes span [low, high] and 0.0, which has a code of its own."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return QuantParams((1.0,), 0)
    scale = as_float32((high - low) / (CODE_MAX - CODE_MIN))
    zero_point = int(np.clip(np.rint(CODE_MIN - low / scale), CODE_MIN, CODE_MAX))
    return QuantParams((scale,), zero_point)


def as_float32(scale: float) -> float:
    """Return the float32 nearest to a scale, as a Python float, away from 0."""
    return float(np.float32(max(scale, SMALLEST_SCALE)))


def fixed_params(operation: Operation) -> QuantParams | None:
    """Return the params that an operation's output always has, if it is one of those."""
    return _FIXED.get(type(operation))


def share_groups(graph: Graph, *, join_concats: bool = True) -> tuple[tuple[str, ...], ...]:
    """Return the activations in groups that have one scale each, sorted in the graph's order.

    Pools, resizes and what only moves values keep their input's scale. So does Concat, but for
    inputs whose scale is fixed, which `lower` requantizes; with `join_concats` False it requantizes
    all.
    """
    activations = [*graph.inputs, *(operation.output for operation in graph.operations)]
    parent = {name: name for name in activations}
    unary = [op for op in graph.operations if isinstance(op, SAME_SCALE_OPERATIONS)]
    for operation in unary:
        if not isinstance(operation, Concat) and operation.input in parent:
            parent[_root(parent, operation.output)] = _root(parent, operation.input)
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
    """Return the members whose values are new: all others hold values of these, or zeros."""
    derived = {op.output for op in graph.operations if isinstance(op, SAME_SCALE_OPERATIONS)}
    sources = tuple(name for name in group if name not in derived)
    return sources or tuple(group[:1])


def group_fixed_params(graph: Graph, group: Sequence[str]) -> QuantParams | None:
    """Return the params that the operations of a group dictate, if they do."""
    members = set(group)
    for operation in graph.operations:
        if operation.output in members and (fixed := fixed_params(operation)):
            return fixed
    return None
