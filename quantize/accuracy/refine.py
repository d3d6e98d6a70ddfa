"""Refine: what samples say about rounding weights and about the errors that rounding leaves."""

import logging
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.adaround import round_adaptively
from quantize.accuracy.moments import Moments, Refinable, add_moments, moments_of
from quantize.accuracy.rounding import LARGEST_K, round_with_compensation
from quantize.ir.graph import Array, DType, FloatGraph, Graph, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.ops import (
    Activation,
    Logistic,
    LogSoftmax,
    Operation,
    Quantize,
    Softmax,
    TransposeConv2D,
)
from quantize.ir.widths import width
from quantize.parallel import own_threads
from quantize.pruning.magnitude import weakest
from quantize.recipe import Recipe, WeightRounding
from quantize.weights import (
    Weighted,
    by_channel,
    check_accumulators,
    from_channels,
    replace_constants,
    weight_axis,
)

_LOG = logging.getLogger(__name__)

_Floats: TypeAlias = npt.NDArray[np.float64]
CodesRunner: TypeAlias = Callable[[Mapping[str, Array]], Mapping[str, Array]]


def refinable(graph: IntGraph) -> tuple[Refinable, ...]:
    """Return the operations whose weights `refine` can improve: those not too large for it.

    Of a transposed convolution each pixel sees other weights, so that it has no one patch.
    """
    weighted = (op for op in graph.operations if isinstance(op, Refinable))
    return tuple(
        op
        for op in weighted
        if _is_integer(op, graph) and _weights_of_a_channel(op, graph) <= LARGEST_K
    )


def warn_of_large(graph: IntGraph) -> None:
    """Log which weighted operations `refine` passes over: they stay as `lower` left them."""
    for operation in graph.operations:
        if not _is_integer(operation, graph):
            continue
        if isinstance(operation, TransposeConv2D):
            _LOG.warning(
                "%s: the weights of a transposed convolution are rounded to the nearest and its"
                " bias is not corrected",
                operation.output,
            )
        elif isinstance(operation, Refinable):
            size = _weights_of_a_channel(operation, graph)
            if size > LARGEST_K:
                _LOG.warning(
                    "%s: %d weights a channel are rounded to the nearest and its bias is not"
                    " corrected; both are done up to %d",
                    operation.output,
                    size,
                    LARGEST_K,
                )


def collect_moments(
    graph: IntGraph, batches: Iterable[Mapping[str, Array]], run: CodesRunner
) -> dict[str, Moments]:
    """Return the moments of what each refinable operation reads, by the operation's output.

    Args:
        graph: Whose operations.
        batches: Samples by input name, (N, ...).
        run: Gives the codes of every tensor that they read, (N, ...) by name.
    """
    moments: dict[str, Moments] = {}
    for batch in batches:
        codes = run(batch)
        for operation in refinable(graph):
            seen = moments_of(operation, graph, codes[operation.input])
            known = moments.get(operation.output)
            moments[operation.output] = seen if known is None else add_moments(known, seen)
    return moments


def refine(
    graph: IntGraph, reference: FloatGraph, moments: Mapping[str, Moments], recipe: Recipe
) -> IntGraph:
    """Return the graph with weights rounded anew and biases corrected, scales as they were.

    Args:
        graph: What `lower` made of the reference.
        reference: The float graph; it has the same weighted operations in the same order.
        moments: Of the graph, by `collect_moments`.
        recipe: Which of both is wanted.

    Raises:
        GraphError: An accumulator could overflow afterwards.
    """
    sources = sources_of(graph, reference)

    def refined(operation: Weighted) -> dict[str, Array]:
        source = sources[operation]
        weight = reference.constants[source.weight]
        return _refined(operation, graph, weight, moments[operation.output], recipe)

    with ThreadPoolExecutor(own_threads()) as pool:
        constants = dict(ChainMap(*pool.map(refined, refinable(graph))))
    return check_accumulators(replace_constants(graph, constants))


def sources_of(graph: IntGraph, reference: FloatGraph) -> dict[Weighted, Weighted]:
    """Return which operation of the float graph each weighted one was made of."""
    return dict(zip(_weighted(graph), _weighted(reference), strict=True))


def correct_outputs(graph: IntGraph, errors: Mapping[str, _Floats]) -> IntGraph:
    """Return the graph with the mean error of some tensors taken out, by their makers' biases.

    Args:
        graph: Refined.
        errors: By name of what a weighted operation without activation makes: the mean of the
            reference less the mean of the integers, (C,) in reals.

    Raises:
        GraphError: An accumulator could overflow afterwards.

    Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
    (2019), section 4.2, empirical.
    """
    constants: dict[str, Array] = {}
    for operation in correctable(graph).values():
        if operation.output in errors and operation.bias is not None:
            scales = np.array(quant_of(graph, operation.bias).scale)
            bias = graph.constants[operation.bias]
            lost = np.rint(errors[operation.output] / scales).astype(bias.dtype)
            constants[operation.bias] = bias + lost
    return check_accumulators(replace_constants(graph, constants))


def correctable(graph: IntGraph) -> dict[str, Weighted]:
    """Return the operations whose mean error shows in an output, or in the logits of one.

    They are named by what they make in the float graph: behind an operation in int16 a Quantize
    leads to the output of that name.
    """
    makers = {operation.output: operation for operation in graph.operations}
    quantizes = (op for op in graph.operations if isinstance(op, Quantize))
    outputs = {op.input: op.output for op in quantizes if op.output in graph.outputs}
    found: dict[str, Weighted] = {}  # logits may be returned beside their scores
    for output in graph.outputs:
        maker = _through(makers, output)
        if isinstance(maker, Softmax | LogSoftmax | Logistic):
            maker = _through(makers, maker.input)
        is_plain = isinstance(maker, Weighted) and maker.activation is Activation.NONE
        if isinstance(maker, Weighted) and is_plain and _is_integer(maker, graph):
            found[outputs.get(maker.output, maker.output)] = maker
    return found


def _through(makers: Mapping[str, Operation], name: str) -> Operation | None:
    """Return what makes a tensor, in whatever type it was before a Quantize."""
    maker = makers.get(name)
    return makers.get(maker.input) if isinstance(maker, Quantize) else maker


def _weighted(graph: Graph) -> tuple[Weighted, ...]:
    return tuple(op for op in graph.operations if isinstance(op, Weighted))


def _is_integer(operation: Operation, graph: IntGraph) -> bool:
    return width(operation, graph) is not DType.FLOAT32


def _refined(
    operation: Weighted, graph: IntGraph, weight: Array, moments: Moments, recipe: Recipe
) -> dict[str, Array]:
    """Return the new weight and bias of an operation, by name."""
    axis = weight_axis(operation)
    scales = np.array(quant_of(graph, operation.weight).scale)
    exact = by_channel(weight, axis).astype(np.float64) / scales[:, None]
    codes = by_channel(graph.constants[operation.weight], axis)
    refined: dict[str, Array] = {}
    if recipe.weight_rounding is not WeightRounding.NEAREST:
        zeros = by_channel(weakest(operation, weight, recipe.prune_weights), axis)
        codes = _rounded(exact, _error_matrix(moments, recipe), zeros, recipe)
        refined[operation.weight] = from_channels(codes, weight.shape, axis)
    if recipe.bias_correction and operation.bias is not None:
        bias = graph.constants[operation.bias]
        refined[operation.bias] = bias + _lost(exact, codes, moments).astype(bias.dtype)
    return refined


def _error_matrix(moments: Moments, recipe: Recipe) -> _Floats:
    """Return the covariance of patches where biases take up the mean, else the second moment."""
    return moments.covariance() if recipe.bias_correction else moments.second / moments.count


def _rounded(
    exact: _Floats, matrices: _Floats, zeros: npt.NDArray[np.bool_], recipe: Recipe
) -> npt.NDArray[np.int8]:
    """Return the codes of all channels; those of one group see the same patches."""
    adaptive = recipe.weight_rounding is WeightRounding.ADAPTIVE
    rounding = round_adaptively if adaptive else round_with_compensation
    parts = np.split(exact, len(matrices)), matrices, np.split(zeros, len(matrices))
    return np.concatenate([rounding(*part) for part in zip(*parts, strict=True)])


def _lost(exact: _Floats, codes: Array, moments: Moments) -> _Floats:
    """Return what rounding took from each channel's accumulator in the mean, (O,)."""
    mean = np.repeat(moments.mean(), len(exact) // len(moments.first), axis=0)
    lost: _Floats = np.rint(((exact - codes) * mean).sum(axis=1))
    return lost


def _weights_of_a_channel(operation: Weighted, graph: IntGraph) -> int:
    weight = graph.tensors[operation.weight].shape
    return int(np.prod(weight)) // weight[weight_axis(operation)]
