"""What the passes share: a graph with other operations, checked again; who reads and who makes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from quantize.ir.graph import Array, FloatGraph, Graph, TensorType
from quantize.ir.ops import Operation, input_names, rename_tensors
from quantize.ir.shapes import infer_shape
from quantize.ir.spec import check_float


def rebuild(
    graph: FloatGraph,
    operations: Iterable[Operation],
    constants: Mapping[str, Array] | None = None,
) -> FloatGraph:
    """Return the graph with these operations, and `constants` beside or in place of its own.

    Tensors that no operation reads or makes go; shapes that changed are inferred.
    """
    kept = tuple(operations)
    values = {**graph.constants, **(constants or {})}
    read = {name for operation in kept for name in input_names(operation)}
    used = {name: value for name, value in values.items() if name in read}
    tensors = {name: graph.tensors[name] for name in graph.inputs}
    tensors |= {name: TensorType(value.shape) for name, value in used.items()}
    for operation in kept:
        tensors[operation.output] = TensorType(_shape(operation, tensors, graph))
    return check_float(Graph(graph.name, graph.inputs, graph.outputs, tensors, used, kept))


def makers(graph: FloatGraph) -> dict[str, Operation]:
    """Return the operation that makes each tensor."""
    return {operation.output: operation for operation in graph.operations}


def reader_counts(graph: FloatGraph) -> dict[str, int]:
    """Return how often each tensor is read; being an output of the graph counts as well."""
    counts = dict.fromkeys(graph.tensors, 0)
    for name in (*graph.outputs, *(n for op in graph.operations for n in input_names(op))):
        counts[name] += 1
    return counts


def replace_operations(
    operations: Sequence[Operation], changes: Mapping[str, Operation | None]
) -> tuple[Operation, ...]:
    """Return the operations with some, by their output, put in another's place or taken out."""
    changed = (changes.get(operation.output, operation) for operation in operations)
    return tuple(operation for operation in changed if operation is not None)


def fresh_name(graph: FloatGraph, wanted: str) -> str:
    """Return the wanted name, numbered if the graph has it."""
    name, count = wanted, 1
    while name in graph.tensors:
        count += 1
        name = f"{wanted}_{count}"
    return name


def rename_activations(graph: FloatGraph, names: Sequence[str], suffix: str) -> FloatGraph:
    """Return the graph with a suffix, numbered where that is taken, behind some activations."""
    renamed: dict[str, str] = {}
    for name in names:
        renamed[name] = fresh_name(graph, f"{name}{suffix}")
    tensors = {renamed.get(name, name): tensor for name, tensor in graph.tensors.items()}
    operations = tuple(rename_tensors(operation, renamed) for operation in graph.operations)
    return replace(graph, tensors=tensors, operations=operations)


def as_float32(values: Array) -> Array:
    """Return the values rounded once to float32, in memory order."""
    return np.ascontiguousarray(values, np.float32)


def _shape(
    operation: Operation, tensors: Mapping[str, TensorType], graph: FloatGraph
) -> tuple[int, ...]:
    shapes = {name: tensors[name].shape for name in input_names(operation)}
    known = graph.tensors.get(operation.output)
    return infer_shape(operation, shapes, known.shape if known else None)
