"""Inspect: what a model file holds, and everything that stands in the way of quantizing it."""

from dataclasses import dataclass
from pathlib import Path

from quantize.errors import UnsupportedModelError
from quantize.ir.graph import IntGraph
from quantize.load.open import open_model
from quantize.passes.simplify import simplify
from quantize.report.costs import (
    OperationCost,
    constant_bytes,
    largest_activation_bytes,
    operation_costs,
    total_macs,
)


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the model, channels last, batch 1 first."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        name: The file's.
        format: onnx or tflite; None where the model could not be loaded.
        file_bytes: Of the file.
        is_int8: Quantized already.
        is_supported: Nothing stands in the way.
        problems: What does: node, operation, what is not supported, what to do.
        inputs: Of the model.
        outputs: Of the model.
        macs: Multiply-accumulates of one inference.
        constant_bytes: Weights and biases as they stand.
        largest_activation_bytes: What the hungriest operation reads and writes.
        operations: After our rewrites, in the order they run.
    """

    name: str
    format: str | None
    file_bytes: int
    is_int8: bool
    is_supported: bool
    problems: tuple[str, ...]
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    macs: int = 0
    constant_bytes: int = 0
    largest_activation_bytes: int = 0
    operations: tuple[OperationCost, ...] = ()


def inspect_model(path: Path) -> Inspection:
    """Return what the model holds; unsupported things are findings, not errors.

    Raises:
        ModelError: The file cannot be read at all.
    """
    try:
        opened = open_model(path)
    except UnsupportedModelError as error:
        return Inspection(
            name=path.stem,
            format=None,
            file_bytes=path.stat().st_size,
            is_int8=False,
            is_supported=False,
            problems=error.problems,
        )
    is_int8 = isinstance(opened.content, IntGraph)
    graph = (
        opened.content if isinstance(opened.content, IntGraph) else simplify(opened.content.graph)
    )
    return Inspection(
        name=opened.name,
        format=opened.format.value,
        file_bytes=len(opened.data),
        is_int8=is_int8,
        is_supported=True,
        problems=(),
        inputs=tuple(Port(name, graph.tensors[name].shape) for name in graph.inputs),
        outputs=tuple(Port(name, graph.tensors[name].shape) for name in graph.outputs),
        macs=total_macs(graph),
        constant_bytes=constant_bytes(graph),
        largest_activation_bytes=largest_activation_bytes(graph),
        operations=operation_costs(graph),
    )
