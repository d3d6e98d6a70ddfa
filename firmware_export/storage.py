"""Storage: which tensors may live in one buffer because the one replaces the other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_export.lifetimes import Lifetime, tensor_lifetimes
from quantize.ir.graph import IntGraph
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import (
    Activate,
    Add,
    Concat,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    Minimum,
    Mul,
    Operation,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    input_names,
)

_IN_PLACE = (  # edge_kernels.h says so
    *(Add, Sub, Mul, Minimum, Maximum, Prelu),
    *(
        Softmax,
        LogSoftmax,
        L2Normalization,
        Activate,
        Logistic,
        Tanh,
        HardSwish,
        LeakyRelu,
        Quantize,
    ),
)


@dataclass(frozen=True, slots=True)
class Storage:
    """Buffers, each named by the tensor that fills it.

    Attributes:
        buffer_of: The buffer of every tensor that is computed or fed.
        lifetimes: Of the buffers.
        starts: Where a tensor starts in its buffer, in bytes, if not at 0.
    """

    buffer_of: Mapping[str, str]
    lifetimes: Mapping[str, Lifetime]
    starts: Mapping[str, int]

    def start_of(self, name: str) -> int:
        """Return where a tensor starts in its buffer, in bytes."""
        return self.starts.get(name, 0)


def share_storage(graph: IntGraph) -> Storage:
    """Return the buffers of a graph.

    A Reshape changes no bytes, so its output is its input; a Slice of whole rows is a part of its
    input; what a Concat puts one behind the other is written there in the first place. A kernel
    that may run in place writes over an input, if that has as many bytes and nobody reads its
    buffer afterwards.
    """
    tensors = tensor_lifetimes(graph)
    parts = _parts(graph)
    buffer_of = {name: name for name in graph.inputs}
    lifetimes = {name: tensors[name] for name in graph.inputs}
    starts: dict[str, int] = {}
    for index, operation in enumerate(graph.operations):
        output, own = operation.output, tensors[operation.output]
        so_far = Storage(buffer_of, lifetimes, starts)
        place = parts.get(output) or _reusable(operation, index, graph, so_far)
        buffer, starts[output] = place or (output, 0)
        buffer_of[output] = buffer
        lifetimes[buffer] = lifetimes[buffer].joined(own) if buffer in lifetimes else own
    return Storage(buffer_of, lifetimes, {name: at for name, at in starts.items() if at})


def _parts(graph: IntGraph) -> dict[str, tuple[str, int]]:
    """Return the buffer and the place of what can be computed where a Concat wants it."""
    computed = {
        operation.output
        for operation in graph.operations
        if not isinstance(operation, Reshape | Slice | Concat)
    }
    found: dict[str, tuple[str, int]] = {}
    for operation in graph.operations:
        if not isinstance(operation, Concat) or not _is_outermost(operation.axis, operation, graph):
            continue
        start = 0
        for name in operation.inputs:
            is_free = name in computed and name not in graph.outputs and name not in found
            if is_free and operation.inputs.count(name) == 1:
                found[name] = (operation.output, start)
            start += graph.tensors[name].size_bytes
    return found


def _is_outermost(axis: int, operation: Concat | Slice, graph: IntGraph) -> bool:
    """Tell whether what differs along the axis lies one behind the other."""
    return math.prod(graph.tensors[operation.output].shape[:axis]) == 1


def _reusable(
    operation: Operation, index: int, graph: IntGraph, so_far: Storage
) -> tuple[str, int] | None:
    """Return the buffer and the place in it that hold the output without more memory."""
    if isinstance(operation, Reshape):
        return _place(operation.input, 0, so_far)
    if isinstance(operation, Slice):
        first = _first_byte(operation, graph)
        return None if first is None else _place(operation.input, first, so_far)
    if not isinstance(operation, _IN_PLACE) or _differ_in_size(operation, graph):
        return None
    for name in input_names(operation):
        buffer = so_far.buffer_of.get(name)
        if buffer is not None and so_far.lifetimes[buffer].last == index:
            return _place(name, 0, so_far)
    return None


def _place(name: str, distance: int, so_far: Storage) -> tuple[str, int] | None:
    buffer = so_far.buffer_of.get(name)
    return None if buffer is None else (buffer, so_far.start_of(name) + distance)


def _first_byte(operation: Slice, graph: IntGraph) -> int | None:
    """Return where the slice starts in its input; None where its values lie scattered there."""
    shape = graph.tensors[operation.input].shape
    cut = [axis for axis, size in enumerate(operation.sizes) if size != shape[axis]]
    if not cut:
        return 0 if all(step == 1 for step in operation.steps) else None
    axis = cut[0]
    is_whole = len(cut) == 1 and all(step == 1 for step in operation.steps)
    if not is_whole or not _is_outermost(axis, operation, graph):
        return None
    row = math.prod(shape[axis + 1 :])
    return operation.starts[axis] * row * graph.tensors[operation.input].item_bytes


def _differ_in_size(operation: Operation, graph: IntGraph) -> bool:
    names = (*input_names(operation), operation.output)
    return len({graph.tensors[name].size_bytes for name in names}) > 1
