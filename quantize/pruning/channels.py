"""Channels of least norm are taken away, with all that made and read them: a smaller graph.

Source: Li et al., "Pruning Filters for Efficient ConvNets" (2017), with the L2 norm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array, FloatGraph, Graph
from quantize.ir.ops import (
    DepthwiseConv2D,
    FullyConnected,
    Operation,
    Padding,
    TransposeConv2D,
    input_names,
)
from quantize.ir.spec import check_float
from quantize.layer_names import PRUNED
from quantize.passes.editing import fresh_name, rename_activations
from quantize.pruning.coupling import Dense, prunable_groups
from quantize.pruning.merging import Batch, Runner, channel_moments, fit_gone

_Indices: TypeAlias = npt.NDArray[np.int64]
_Kept: TypeAlias = Mapping[str, _Indices]
Run: TypeAlias = Callable[[FloatGraph], Runner]


def prune_channels(
    graph: FloatGraph, share: float, names_kept: Sequence[str], batches: Iterable[Batch], run: Run
) -> FloatGraph:
    """Return a graph without this share of the channels of every tensor whose channels can go.

    What they said is told by the others, as far as samples show that it can be. Tensors with fewer
    channels have names of their own (see PRUNED).

    Args:
        graph: Simplified.
        share: Of the channels of each group, rounded down; one stays.
        names_kept: Layers that stay whole, with all that is coupled to them.
        batches: Samples by input name.
        run: Gives what computes all activations of a graph.

    Raises:
        RecipeError: `names_kept` names no layer.
    """
    kept = _kept_channels(graph, share, names_kept)
    read = dict.fromkeys(
        op.input for op in graph.operations if isinstance(op, Dense) and op.input in kept
    )
    moments = channel_moments(batches, run(graph), list(read))
    merged = _merged(graph, kept, moments)
    tensors = dict(merged.tensors)
    for name, indices in kept.items():
        shape = (*tensors[name].shape[:-1], len(indices))
        tensors[name] = replace(tensors[name], shape=shape)
    constants = {**merged.constants, **_sliced_constants(merged, kept)}
    tensors |= {name: replace(tensors[name], shape=a.shape) for name, a in constants.items()}
    smaller = Graph(graph.name, graph.inputs, graph.outputs, tensors, constants, merged.operations)
    return check_float(rename_activations(check_float(smaller), list(kept), PRUNED))


def _kept_channels(graph: FloatGraph, share: float, names_kept: Sequence[str]) -> _Kept:
    """Return the indices of the channels that stay, sorted, by the tensors that lose some."""
    kept: dict[str, _Indices] = {}
    for group in prunable_groups(graph, names_kept):
        norms = _norms(graph, group)
        gone = min(int(share * len(norms)), len(norms) - 1)
        if gone:
            strongest = np.argsort(norms, kind="stable")[gone:]
            kept |= dict.fromkeys(group, np.sort(strongest))
    return kept


def _norms(graph: FloatGraph, group: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return how strong each channel of a group is: norms in units of their layer's mean, (C,)."""
    channels = graph.tensors[group[0]].shape[-1]
    total = np.zeros(channels)
    for operation in graph.operations:
        if operation.output in group and isinstance(operation, Dense | DepthwiseConv2D):
            weight = graph.constants[operation.weight].astype(np.float64)
            axis = 3 if isinstance(operation, DepthwiseConv2D) else 0
            norms = np.sqrt((np.moveaxis(weight, axis, 0).reshape(channels, -1) ** 2).sum(axis=1))
            total += norms / max(float(norms.mean()), np.finfo(np.float64).tiny)
    return total


def _merged(graph: FloatGraph, kept: _Kept, moments: Mapping[str, Array]) -> FloatGraph:
    """Return the graph whose layers read from channels that stay what those that go would say."""
    constants: dict[str, Array] = dict(graph.constants)
    tensors, operations = dict(graph.tensors), list(graph.operations)
    for index, operation in enumerate(operations):
        if not isinstance(operation, Dense) or operation.input not in kept:
            continue
        fit = fit_gone(
            moments[operation.input], kept[operation.input], with_mean=not _pads(operation)
        )
        weight, lost = _told_by_kept(constants[operation.weight], kept[operation.input], fit)
        constants[operation.weight] = weight.astype(np.float32)
        if operation.bias is None:
            bias = fresh_name(graph, f"{operation.output}/merged_bias")
            operation = replace(operation, bias=bias)  # noqa: PLW2901  # the layer gets a bias
            constants[bias] = np.zeros(len(weight), np.float32)
            tensors[bias] = replace(tensors[operation.weight], shape=(len(weight),))
            operations[index] = operation
        assert operation.bias is not None
        constants[operation.bias] = (constants[operation.bias] + lost).astype(np.float32)
    return check_float(
        replace(graph, tensors=tensors, constants=constants, operations=tuple(operations))
    )


def _told_by_kept(weight: Array, kept: _Indices, fit: Array) -> tuple[Array, Array]:
    """Return the weight, with what read the gone channels moved to others, and what bias gains."""
    channels = len(fit) + len(kept)
    columns = weight.astype(np.float64).reshape(len(weight), -1, channels)
    gone = columns[..., np.setdiff1d(np.arange(channels), kept)]
    columns[..., kept] += np.einsum("osg,gk->osk", gone, fit[:, :-1])
    return columns.reshape(weight.shape), np.einsum("osg,g->o", gone, fit[:, -1])


def _pads(operation: Dense) -> bool:
    if isinstance(operation, TransposeConv2D):
        return True  # its pixels see unlike parts of the weight
    return not isinstance(operation, FullyConnected) and operation.padding != Padding()


def _sliced_constants(graph: FloatGraph, kept: _Kept) -> dict[str, Array]:
    """Return the constants that shrink, by name."""
    found: dict[str, Array] = {}
    for operation in graph.operations:
        for name in input_names(operation):
            if name in graph.constants:
                found[name] = np.ascontiguousarray(
                    _sliced(name, operation, graph.constants[name], graph, kept)
                )
    return found


def _sliced(
    name: str, operation: Operation, values: Array, graph: FloatGraph, kept: _Kept
) -> Array:
    made = kept.get(operation.output)
    if isinstance(operation, Dense) and name == operation.weight:
        if operation.input in kept:
            channels = graph.tensors[operation.input].shape[-1]
            columns = values.reshape(len(values), -1, channels)[..., kept[operation.input]]
            rows = (len(values), -1) if values.ndim == 2 else (*values.shape[:-1], -1)
            values = columns.reshape(rows)
        return values if made is None else values[made]
    if made is None or values.ndim == 0 or values.shape[-1] == 1:
        return values
    return values[..., made]
