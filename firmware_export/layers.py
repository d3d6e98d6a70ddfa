"""Layers: what each operation costs in products, constants and memory."""

import math
from collections.abc import Iterator, Sequence
from typing import assert_never

from firmware_export.arena import saved_bytes
from firmware_export.lifetimes import Lifetime
from firmware_export.program import Program
from firmware_export.record import LayerRecord
from firmware_export.source_text import is_large
from firmware_export.weighted import Weighted
from quantize.ir.graph import Array, IntGraph
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import (
    Activate,
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
    input_names,
)


def layer_records(program: Program) -> list[LayerRecord]:
    """Return one record an operation, in order."""
    return [
        LayerRecord(
            name=operation.output,
            operation=type(operation).__name__,
            output_shape=program.graph.tensors[operation.output].shape,
            macs=multiply_accumulates(operation, program.graph),
            calls=sum(call.output == operation.output for call in program.calls),
            constants_bytes=constants,
            live_bytes=sum(_live_buffers(index, program).values()),
            arena_offset=program.offset(operation.output),
        )
        for index, (operation, constants) in enumerate(
            zip(program.graph.operations, _constants_bytes(program), strict=True)
        )
    ]


def peak_buffers(program: Program, layers: Sequence[LayerRecord]) -> dict[str, int]:
    """Return what is alive while the layer with most live bytes runs, and the bytes of each."""
    if not layers:
        return {}
    index = max(range(len(layers)), key=lambda position: layers[position].live_bytes)
    return _live_buffers(index, program)


def multiply_accumulates(operation: Operation, graph: IntGraph) -> int:
    """Return the products of weights and activations that an operation sums up."""
    match operation:
        case Conv2D():
            weight = graph.tensors[operation.weight].shape
            return math.prod(graph.tensors[operation.output].shape) * math.prod(weight[1:])
        case DepthwiseConv2D():
            weight = graph.tensors[operation.weight].shape
            return math.prod(graph.tensors[operation.output].shape) * math.prod(weight[1:3])
        case TransposeConv2D():
            pixels = math.prod(graph.tensors[operation.input].shape[:3])
            return pixels * math.prod(graph.tensors[operation.weight].shape)
        case FullyConnected():
            return math.prod(graph.tensors[operation.weight].shape)
        case (
            Add()
            | Sub()
            | Mul()
            | Minimum()
            | Maximum()
            | AveragePool2D()
            | MaxPool2D()
            | Mean()
            | Pad()
            | Reshape()
            | Transpose()
            | Concat()
            | Slice()
            | Gather()
            | ResizeNearest()
            | ResizeBilinear()
            | SpaceToDepth()
            | DepthToSpace()
            | Softmax()
            | LogSoftmax()
            | L2Normalization()
            | Logistic()
            | Tanh()
            | HardSwish()
            | LeakyRelu()
            | Prelu()
            | Activate()
            | ArgMax()
            | Quantize()
            | Dequantize()
        ):
            return 0
        case _:
            assert_never(operation)


def external_bytes(program: Program) -> int:
    """Return the bytes of the tables that go to external flash; equal ones are there once."""
    threshold, seen = program.memory.external_from_bytes, set[tuple[str, bytes]]()
    return sum(
        _unseen_bytes(values, seen)
        for operation in program.graph.operations
        for values in _constants(operation, program)
        if is_large(values, threshold)
    )


def _constants_bytes(program: Program) -> list[int]:
    """Return the bytes of constants of each operation; what several read counts at the first."""
    seen: set[tuple[str, bytes]] = set()
    return [
        sum(_unseen_bytes(values, seen) for values in _constants(operation, program))
        for operation in program.graph.operations
    ]


def _unseen_bytes(values: Array, seen: set[tuple[str, bytes]]) -> int:
    key = (str(values.dtype), values.tobytes())
    if key in seen:
        return 0
    seen.add(key)
    return int(values.nbytes)


def _constants(operation: Operation, program: Program) -> Iterator[Array]:
    for call in program.calls:
        if call.output == operation.output and call.parameters is not None:
            yield from call.parameters.arrays.values()
    if not isinstance(operation, Weighted):  # whose weight and bias are among the tables already
        names = input_names(operation)
        yield from (program.graph.constants[n] for n in names if n in program.graph.constants)


def _live_buffers(index: int, program: Program) -> dict[str, int]:
    """Return what is in memory while an operation runs, and the bytes of each.

    Of a buffer that lies partly under one that is written meanwhile, the rest.
    """
    now, output = Lifetime(index, index), program.graph.operations[index].output
    lifetimes = program.storage.lifetimes.items()
    sizes = {name: program.size_bytes(name) for name, life in lifetimes if life.overlaps(now)}
    alive = dict(sizes)
    for (written, read), lead in program.leads.items():
        if written in sizes and read in sizes:
            alive[read] = max(alive[read] - saved_bytes(sizes[written], sizes[read], lead), 0)
    calls = (call.parameters for call in program.calls if call.output == output)
    scratch = sum(parameters.scratch_bytes for parameters in calls if parameters is not None)
    return alive | ({f"scratch memory of {output}": scratch} if scratch else {})
