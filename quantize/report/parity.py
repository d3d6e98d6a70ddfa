"""Parity: the same integers in every executor, and where they answer differently.

The interpreter is the definition. An executor is compared with it twice: operation by operation on
the same inputs (teacher-forced), so that no difference of one hides or feeds that of the next; and
end to end on the logits, with the predictions of the whole network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from quantize.ir.graph import Array, DType, IntGraph
from quantize.ir.interpreter import trace
from quantize.ir.widths import width
from quantize.report.codes import to_reals
from quantize.report.metrics import predictions
from quantize.report.subgraphs import alone, logits_name, with_logits
from quantize.report.task import class_cut

Codes: TypeAlias = Mapping[str, Array]
Runner: TypeAlias = Callable[[Codes], Codes]  # int8 codes in and out, (N, ...) by name
Executor: TypeAlias = Callable[[IntGraph], Runner]
BATCH_SIZE = 4  # every tensor of so many samples is in memory at once


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two arrays of codes are apart."""

    max_lsb: int
    differing_share: float


@dataclass(frozen=True, slots=True)
class OperationParity:
    """One operation on the interpreter's own inputs."""

    name: str
    operation: str
    max_lsb: int
    differing_share: float


@dataclass(frozen=True, slots=True)
class Parity:
    """One executor against the interpreter.

    Attributes:
        max_lsb: End to end, of the logits.
        differing_share: Of the logits' codes.
        changed_predictions: Samples whose greatest output is another; None without classes.
        samples: That ran end to end.
        operation_max_lsb: The greatest of all operations, each on equal inputs.
        operations: Those that differ.
    """

    max_lsb: int
    differing_share: float
    changed_predictions: int | None
    samples: int
    operation_max_lsb: int
    operations: tuple[OperationParity, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the interpreter said.

    Attributes:
        graph: The whole network.
        inputs: Codes (N, ...) by name.
        logits: Codes (N, ...) of `counted_name(graph)`.
        outputs: Codes (N, ...) of the first output.
        traced: Every tensor of the first few samples, by name.
        has_classes: Whether the greatest output is a prediction.
    """

    graph: IntGraph
    inputs: Codes
    logits: Array
    outputs: Array
    traced: Codes
    has_classes: bool


def difference(left: Array, right: Array) -> Difference:
    """Return how far two arrays of codes are apart."""
    distance = np.abs(left.astype(np.int64) - right.astype(np.int64))
    return Difference(int(distance.max(initial=0)), float(np.mean(distance > 0)))


def counted_name(graph: IntGraph) -> str:
    """Return the logits, or the output where the logits were kept in float32: codes are counted."""
    name = logits_name(graph)
    return graph.outputs[0] if graph.tensors[name].dtype is DType.FLOAT32 else name


def interpret(graph: IntGraph, inputs: Codes, *, traced: int, has_classes: bool) -> Reference:
    """Return what the interpreter says to `inputs`, with every tensor of the first `traced`."""
    names = [*graph.inputs, *(operation.output for operation in graph.operations)]
    logits, outputs, kept = [], [], list[Codes]()
    count = len(next(iter(inputs.values())))
    for start in range(0, count, BATCH_SIZE):
        batch = {name: values[start : start + BATCH_SIZE] for name, values in inputs.items()}
        values = trace(graph, batch)
        logits.append(values[counted_name(graph)])
        outputs.append(values[graph.outputs[0]])
        if start < traced:
            kept.append({name: values[name][: traced - start] for name in names})
    return Reference(
        graph=graph,
        inputs=inputs,
        logits=np.concatenate(logits),
        outputs=np.concatenate(outputs),
        traced={name: np.concatenate([part[name] for part in kept]) for name in names},
        has_classes=has_classes,
    )


def compare_executor(reference: Reference, executor: Executor) -> Parity:
    """Return how an executor differs from the interpreter."""
    graph = reference.graph
    name = counted_name(graph)
    answers = executor(with_logits(graph))(reference.inputs)
    outputs = answers[graph.outputs[0]]
    found = difference(answers[name], reference.logits)
    operations = compare_operations(reference, executor)
    return Parity(
        max_lsb=found.max_lsb,
        differing_share=found.differing_share,
        changed_predictions=_changed(reference, outputs) if reference.has_classes else None,
        samples=len(outputs),
        operation_max_lsb=max((entry.max_lsb for entry in operations), default=0),
        operations=tuple(entry for entry in operations if entry.max_lsb),
    )


def compare_operations(reference: Reference, executor: Executor) -> tuple[OperationParity, ...]:
    """Return the difference of each operation that makes codes, on the interpreter's own inputs."""
    graph, traced = reference.graph, reference.traced
    compared = []
    for operation in graph.operations:
        if width(operation, graph) is DType.FLOAT32:  # no codes to count by
            continue
        part = alone(graph, operation)
        inputs = {name: traced[name] for name in part.inputs}
        found = difference(executor(part)(inputs)[operation.output], traced[operation.output])
        compared.append(
            OperationParity(
                name=operation.output,
                operation=type(operation).__name__,
                max_lsb=found.max_lsb,
                differing_share=found.differing_share,
            )
        )
    return tuple(compared)


def _changed(reference: Reference, outputs: Array) -> int:
    graph = reference.graph
    quant, cut = graph.tensors[graph.outputs[0]].quant, class_cut(graph)
    before, after = (
        predictions(to_reals(codes, quant), cut) for codes in (reference.outputs, outputs)
    )
    return int(np.sum(before != after))
