"""Which channels can only be taken away together, through residual sums and depthwise layers.

Source of grouping by dependency: Fang et al., "DepGraph: Towards Any Structural Pruning" (2023).
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from quantize.accuracy.channel_groups import ChannelGroups, groups_of_one
from quantize.errors import RecipeError
from quantize.ir.graph import FloatGraph
from quantize.ir.moving_ops import ResizeBilinear, ResizeNearest
from quantize.ir.ops import (
    Activate,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    LeakyRelu,
    Logistic,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    Prelu,
    Reshape,
    Sub,
    Tanh,
    TransposeConv2D,
    input_names,
)

Dense: TypeAlias = Conv2D | TransposeConv2D | FullyConnected
ByChannel: TypeAlias = (
    Add | Sub | Mul | Minimum | Maximum | Activate | HardSwish | LeakyRelu | Prelu | Logistic | Tanh
)
_Windowed: TypeAlias = AveragePool2D | MaxPool2D | ResizeNearest | ResizeBilinear


def prunable_groups(graph: FloatGraph, kept: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the tensors whose channels can be taken away, those that go together in a group.

    Args:
        graph: Any float graph.
        kept: Names of layers that stay whole, with all that is coupled to them.

    Raises:
        RecipeError: `kept` names no layer.
    """
    groups = groups_of_one(graph)
    uses = Counter(name for operation in graph.operations for name in input_names(operation))
    for operation in graph.operations:
        _constrain(operation, graph, groups, uses)
    for name in kept:
        if name not in groups.parent:
            known = ", ".join(groups.parent)
            raise RecipeError(f"prune_keep: {name!r} is no layer, known are {known}")
        groups.close(name)
    makers = {op.output for op in graph.operations if isinstance(op, Dense)}
    return tuple(group for group in groups.open() if makers.intersection(group))


def _constrain(
    operation: Operation, graph: FloatGraph, groups: ChannelGroups, uses: Counter[str]
) -> None:
    constants = [name for name in input_names(operation) if name in graph.constants]
    computed = [name for name in input_names(operation) if name not in graph.constants]
    if any(uses[name] > 1 for name in constants) or not _keeps_channels(operation, graph):
        for name in (*computed, operation.output):
            groups.close(name)
    elif not isinstance(operation, Dense):
        channels = graph.tensors[operation.output].shape[-1]
        for name in computed:
            if graph.tensors[name].shape[-1] == channels:
                groups.join(name, operation.output)


def _keeps_channels(operation: Operation, graph: FloatGraph) -> bool:
    """Tell whether channel c of the output needs channel c of each input alone, or is dense."""
    shapes = [graph.tensors[name].shape for name in input_names(operation)]
    channels = graph.tensors[operation.output].shape[-1]
    match operation:
        case Conv2D() | TransposeConv2D() | FullyConnected():
            return True
        case DepthwiseConv2D() | Reshape():
            return shapes[0][-1] == channels
        case Pad():
            return operation.amounts[-1] == (0, 0)
        case Mean():
            return len(shapes[0]) - 1 not in operation.axes
        case _ if isinstance(operation, ByChannel):
            return all(shape[-1:] in {(), (1,), (channels,)} for shape in shapes)
        case _:
            return isinstance(operation, _Windowed)
