"""Storage: which tensors may live in one buffer because the one replaces the other."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_export.lifetimes import Lifetime, tensor_lifetimes
from quantize.ir.graph import IntGraph
from quantize.ir.ops import Activate, Add, Logistic, Mul, Operation, Quantize, Reshape, Tanh

_IN_PLACE = (Activate, Logistic, Tanh, Quantize)  # each output element reads its own input only


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

    A Reshape changes no bytes, so its output is its input. An elementwise operation writes over
    an input of the same shape and element type, if nobody reads that buffer afterwards.
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
    for name in _replaceable(operation):
        buffer = so_far.buffer_of.get(name)
        same = graph.tensors[name].shape == graph.tensors[operation.output].shape
        same &= graph.tensors[name].dtype == graph.tensors[operation.output].dtype
        if buffer is not None and same and so_far.lifetimes[buffer].last == index:
            return buffer
    return None


def _replaceable(operation: Operation) -> tuple[str, ...]:
    if isinstance(operation, Add | Mul):
        return (operation.left, operation.right)
    return (operation.input,) if isinstance(operation, _IN_PLACE) else ()
