"""A Pad goes into the padding of the convolution or max pool behind it."""

from dataclasses import replace
from typing import assert_never

from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Conv2D, DepthwiseConv2D, MaxPool2D, Operation, Pad, Padding, PadFill
from quantize.passes.drop_dead import drop_dead
from quantize.passes.editing import makers, rebuild

Padded = Conv2D | DepthwiseConv2D | MaxPool2D


def fuse_pad(graph: FloatGraph) -> FloatGraph:
    """Return the graph with each Pad of rows and columns inside the windows that read it.

    Zeros go into convolutions, lowest values into max pools; others stay a Pad.
    """
    made = makers(graph)
    return drop_dead(rebuild(graph, (_fused(op, made) for op in graph.operations)))


def _fused(operation: Operation, made: dict[str, Operation]) -> Operation:
    if not isinstance(operation, Padded):
        return operation
    pad = made.get(operation.input)
    if not isinstance(pad, Pad) or pad.fill is not _own_fill(operation) or pad.amounts[3] != (0, 0):
        return operation
    own, (rows, columns) = operation.padding, pad.amounts[1:3]
    both = Padding(
        own.top + rows[0], own.bottom + rows[1], own.left + columns[0], own.right + columns[1]
    )
    return _fused(replace(operation, input=pad.input, padding=both), made)


def _own_fill(operation: Padded) -> PadFill:
    match operation:
        case Conv2D() | DepthwiseConv2D():
            return PadFill.ZERO
        case MaxPool2D():
            return PadFill.LOWEST
        case _:
            assert_never(operation)
