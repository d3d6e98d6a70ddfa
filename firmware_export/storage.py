"""Storage: which tensors may live in one buffer because the one replaces the other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_export.lifetimes import Lifetime, tensor_lifetimes
from quantize.ir.graph import IntGraph
from quantize.ir.ops import (
    Activate,
    Add,
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
    """Buffers, each named by the tensor that is first in it.

    Attributes:
        buffer_of: The buffer of every tensor that is computed or fed.
        lifetimes: Of the buffers.
    """

    buffer_of: Mapping[str, str]
    lifetimes: Mapping[str, Lifetime]


def share_storage(graph: IntGraph) -> Storage:
    """Return the buffers of a graph.

    A Reshape changes no bytes, so its output is its input. A kernel that may run in place writes
    over an input, if that has as many elements and nobody reads its buffer afterwards.
    """
    tensors = tensor_lifetimes(graph)
    buffer_of = {name: name for name in graph.inputs}
    lifetimes = {name: tensors[name] for name in graph.inputs}
    for index, operation in enumerate(graph.operations):
        shared = _reusable(operation, index, graph, Storage(buffer_of, lifetimes))
        buffer = shared or operation.output
        buffer_of[operation.output] = buffer
        own = tensors[operation.output]
        lifetimes[buffer] = lifetimes[buffer].joined(own) if shared else own
    return Storage(buffer_of, lifetimes)


def _reusable(operation: Operation, index: int, graph: IntGraph, so_far: Storage) -> str | None:
    if isinstance(operation, Reshape):
        return so_far.buffer_of.get(operation.input)
    if not isinstance(operation, _IN_PLACE) or _broadcasts(operation, graph):
        return None
    for name in input_names(operation):
        buffer = so_far.buffer_of.get(name)
        if buffer is not None and so_far.lifetimes[buffer].last == index:
            return buffer
    return None


def _broadcasts(operation: Operation, graph: IntGraph) -> bool:
    names = (*input_names(operation), operation.output)
    return len({math.prod(graph.tensors[name].shape) for name in names}) > 1
