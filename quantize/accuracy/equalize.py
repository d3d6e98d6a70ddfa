"""Equalize: give the channels of a tensor like ranges, so that each uses all of its 256 codes.

A channel that is multiplied by a factor where it is made and divided by it where it is read leaves
the network's outputs as they were. Where weights have a scale per output channel the first costs
nothing; the second moves the reader's weights, hence a strength below 1.

Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
(2019), section 4.1, with the factors taken from what calibration saw of the activations.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.channel_groups import ChannelGroups, groups_of_one
from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyRelu,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Operation,
    Reshape,
    Sub,
    input_names,
)
from quantize.layer_names import EQUALIZED
from quantize.passes.editing import rename_activations

LARGEST_FACTOR = 32.0

Factors: TypeAlias = Mapping[str, npt.NDArray[np.float64]]
_Weighted = Conv2D | DepthwiseConv2D | FullyConnected
_CHANNELWISE = (
    Add | Sub | Minimum | Maximum | AveragePool2D | MaxPool2D | Mean | Reshape | LeakyRelu
)


def equalize(
    graph: FloatGraph, peaks: Mapping[str, npt.NDArray[np.float32]], strength: float = 1.0
) -> FloatGraph:
    """Return a graph with the same outputs, whose inner channels have ranges more alike.

    Tensors whose channels were scaled have names of their own (see EQUALIZED): nobody shall compare
    them with those of the given graph.

    Args:
        graph: Any float graph.
        peaks: The greatest magnitude of each channel of every activation, (C,) by name.
        strength: 1 makes the ranges equal, 0 changes nothing.
    """
    return equalize_with(graph, factors_by_peaks(graph, peaks, strength))


def equalize_with(graph: FloatGraph, factors: Factors) -> FloatGraph:
    """Return the graph as `equalize` does, with the factors given."""
    constants = dict(graph.constants)
    for name, users in _weight_users(graph).items():
        constants[name] = _scaled(users[0], graph, factors)
    for operation in graph.operations:
        if isinstance(operation, _Weighted) and operation.bias is not None:
            made = factors.get(operation.output)
            if made is not None:
                bias = constants[operation.bias]
                constants[operation.bias] = (bias * made).astype(np.float32)
    scaled = [name for name, values in factors.items() if np.any(values != 1.0)]
    return rename_activations(replace(graph, constants=constants), scaled, EQUALIZED)


def factors_by_peaks(
    graph: FloatGraph, peaks: Mapping[str, npt.NDArray[np.float32]], strength: float
) -> Factors:
    """Return what each channel is multiplied by, of every tensor whose channels can be."""
    groups = _groups(graph)
    factors: dict[str, npt.NDArray[np.float64]] = {}
    for names in groups.open():
        greatest = np.max([peaks[name] for name in names], axis=0).astype(np.float64)
        factors |= dict.fromkeys(names, _channel_factors(greatest, strength))
    return factors


def _channel_factors(greatest: npt.NDArray[np.float64], strength: float) -> npt.NDArray[np.float64]:
    """Return the factor of each channel; the channel of the greatest range keeps its own."""
    peak = float(greatest.max())
    floor = max(peak / LARGEST_FACTOR, float(np.finfo(np.float32).tiny))
    factors: npt.NDArray[np.float64] = (max(peak, floor) / np.maximum(greatest, floor)) ** strength
    return factors


def _groups(graph: FloatGraph) -> ChannelGroups:
    groups = groups_of_one(graph)
    for operation in graph.operations:
        _constrain(operation, graph, groups)
    return groups


def _constrain(operation: Operation, graph: FloatGraph, groups: ChannelGroups) -> None:
    """Say what an operation asks of the factors of the tensors that it reads and makes."""
    names = input_names(operation)
    if isinstance(operation, _Weighted):
        is_movable = _may_be_scaled(operation, graph)
        closed = (operation.output,) if is_movable else (operation.input, operation.output)
        if not is_movable or operation.activation is Activation.RELU6:
            for name in closed:
                groups.close(name)
        if not _reads_channels(operation, graph):
            groups.close(operation.input)
    elif isinstance(operation, _CHANNELWISE) and _keeps_channels(operation, graph):
        for name in names:
            groups.join(name, operation.output)
    else:
        for name in (*names, operation.output):
            groups.close(name)


def _may_be_scaled(operation: _Weighted, graph: FloatGraph) -> bool:
    """Tell whether weight and bias are this operation's alone."""
    uses = [name for other in graph.operations for name in input_names(other)]
    return all(uses.count(n) == 1 for n in (operation.weight, operation.bias) if n is not None)


def _reads_channels(operation: _Weighted, graph: FloatGraph) -> bool:
    """Tell whether each weight belongs to one index of the input's last axis."""
    shape = graph.tensors[operation.input].shape
    return not isinstance(operation, FullyConnected) or int(np.prod(shape[1:-1])) == 1


def _keeps_channels(operation: _CHANNELWISE, graph: FloatGraph) -> bool:
    """Tell whether channel c of the output is made of channel c of each input and nothing else."""
    names = (*input_names(operation), operation.output)
    shapes = [graph.tensors[name].shape for name in names]
    if any(name in graph.constants for name in names) or len({shape[-1] for shape in shapes}) > 1:
        return False
    if getattr(operation, "activation", Activation.NONE) is Activation.RELU6:
        return False
    if isinstance(operation, Mean):
        return len(shapes[0]) - 1 not in operation.axes
    return True


def _weight_users(graph: FloatGraph) -> dict[str, list[_Weighted]]:
    users: dict[str, list[_Weighted]] = {}
    for operation in graph.operations:
        if isinstance(operation, _Weighted):
            users.setdefault(operation.weight, []).append(operation)
    return users


def _scaled(operation: _Weighted, graph: FloatGraph, factors: Factors) -> Array:
    """Return a weight times the factor of what it makes, over the factor of what it reads."""
    weight = graph.constants[operation.weight].astype(np.float64)
    made, read = factors.get(operation.output), factors.get(operation.input)
    if isinstance(operation, DepthwiseConv2D):
        repeats = weight.shape[3] // graph.tensors[operation.input].shape[3]
        weight = weight if read is None else weight / np.repeat(read, repeats)
        scaled = weight if made is None else weight * made
    else:
        weight = weight if read is None else weight / read
        column = (-1,) + (1,) * (weight.ndim - 1)
        scaled = weight if made is None else weight * made.reshape(column)
    return np.asarray(scaled.astype(np.float32))
