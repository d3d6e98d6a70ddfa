"""What holds for every input: accumulators, multipliers and channels that never move."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.ir.fixed_point import INT32_MAX, requantize
from quantize.ir.graph import DType, IntGraph
from quantize.ir.integer_params import code_bounds, quant_of, weighted_requants
from quantize.ir.ops import (
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Operation,
    TransposeConv2D,
)

_Integers = npt.NDArray[np.int64]
Weighted = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected


@dataclass(frozen=True, slots=True)
class LayerProof:
    """What is proven of one weighted operation.

    Attributes:
        name: Of its output.
        operation: Its kind.
        channels: How many outputs it has.
        worst_accumulator: The greatest magnitude that any channel can reach, for every input and
            every order of the additions, also where a kernel folds the zero point into the bias.
        int32_share: That of int32's greatest value; below 1 nothing can overflow.
        multiplier_low: The least requantizing multiplier of a channel, Q0.31.
        multiplier_high: The greatest.
        shift_low: The least shift; positive is left.
        shift_high: The greatest.
        dead_channels: Those whose output is the same code for every input.
    """

    name: str
    operation: str
    channels: int
    worst_accumulator: int
    int32_share: float
    multiplier_low: int
    multiplier_high: int
    shift_low: int
    shift_high: int
    dead_channels: tuple[int, ...]


def prove(graph: IntGraph) -> tuple[LayerProof, ...]:
    """Return what is proven of each weighted operation in int8, in the order they run."""
    return tuple(
        _proof(operation, graph) for operation in graph.operations if _is_provable(operation, graph)
    )


def accumulator_range(operation: Weighted, graph: IntGraph) -> tuple[_Integers, _Integers]:
    """Return the least and the greatest accumulator of each channel over all inputs, (O,) each."""
    rows, bias = _rows(operation, graph), _bias(operation, graph)
    zero_point = quant_of(graph, operation.input).zero_point
    ends = np.stack([rows * (-128 - zero_point), rows * (127 - zero_point)])
    # a padded cell, or one that a transposed convolution does not reach, adds 0: between both ends
    return bias + ends.min(axis=0).sum(axis=1), bias + ends.max(axis=0).sum(axis=1)


def _is_provable(operation: Operation, graph: IntGraph) -> bool:
    return isinstance(operation, Weighted) and all(
        graph.tensors[name].dtype is DType.INT8 for name in (operation.input, operation.output)
    )


def _proof(operation: Operation, graph: IntGraph) -> LayerProof:
    assert isinstance(operation, Weighted)  # the caller has looked
    rows, bias = _rows(operation, graph), _bias(operation, graph)
    reach = 128 + abs(quant_of(graph, operation.input).zero_point)
    worst = int((np.abs(rows).sum(axis=1) * reach + np.abs(bias)).max())
    requants = weighted_requants(operation, graph)
    multipliers = [requant.multiplier for requant in requants]
    shifts = [requant.shift for requant in requants]
    return LayerProof(
        name=operation.output,
        operation=type(operation).__name__,
        channels=len(rows),
        worst_accumulator=worst,
        int32_share=worst / INT32_MAX,
        multiplier_low=min(multipliers),
        multiplier_high=max(multipliers),
        shift_low=min(shifts),
        shift_high=max(shifts),
        dead_channels=_dead_channels(operation, graph),
    )


def _dead_channels(operation: Weighted, graph: IntGraph) -> tuple[int, ...]:
    """Return the channels whose ends meet in one code; requantizing keeps the order between."""
    requants = weighted_requants(operation, graph)
    multiplier = np.array([requant.multiplier for requant in requants], np.int64)
    shift = np.array([requant.shift for requant in requants], np.int64)
    output = quant_of(graph, operation.output)
    bounds = code_bounds(operation.activation, output)
    low, high = (
        np.clip(requantize(end, multiplier, shift) + output.zero_point, *bounds)
        for end in accumulator_range(operation, graph)
    )
    return tuple(int(channel) for channel in np.flatnonzero(low == high))


def _rows(operation: Weighted, graph: IntGraph) -> _Integers:
    """Return the weights as (O, K)."""
    weight = graph.constants[operation.weight].astype(np.int64)
    axis = 3 if isinstance(operation, DepthwiseConv2D) else 0
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def _bias(operation: Weighted, graph: IntGraph) -> _Integers:
    if operation.bias is None:
        return np.zeros(graph.tensors[operation.output].shape[-1], np.int64)
    return graph.constants[operation.bias].astype(np.int64)
