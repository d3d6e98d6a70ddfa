"""Layers: what each operation costs in products, constants and memory."""

import math
from collections.abc import Sequence
from typing import assert_never

from firmware_export.lifetimes import Lifetime
from firmware_export.program import Program
from firmware_export.record import LayerRecord
from firmware_export.weighted import Weighted
from quantize.ir.graph import IntGraph
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
            constants_bytes=_constants_bytes(operation, program),
            live_bytes=sum(_live_buffers(index, program).values()),
            arena_offset=program.offset(operation.output),
        )
        for index, operation in enumerate(program.graph.operations)
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
            | Quantize()
            | Dequantize()
        ):
            return 0
        case _:
            assert_never(operation)


def _constants_bytes(operation: Operation, program: Program) -> int:
    calls = [call for call in program.calls if call.output == operation.output]
    tables = [call.parameters.arrays.values() for call in calls if call.parameters is not None]
    read = (name for name in input_names(operation) if name in program.graph.constants)
    is_weighted = isinstance(operation, Weighted)
    operands = () if is_weighted else read  # weight and bias are among the tables already
    return sum(values.nbytes for arrays in tables for values in arrays) + sum(
        program.size_bytes(name) for name in operands
    )


def _live_buffers(index: int, program: Program) -> dict[str, int]:
    """Return what is in memory while an operation runs, and the bytes of each."""
    now, output = Lifetime(index, index), program.graph.operations[index].output
    lifetimes = program.storage.lifetimes.items()
    alive = {name: program.size_bytes(name) for name, life in lifetimes if life.overlaps(now)}
    calls = (call.parameters for call in program.calls if call.output == output)
    scratch = sum(parameters.scratch_bytes for parameters in calls if parameters is not None)
    return alive | ({f"scratch memory of {output}": scratch} if scratch else {})
