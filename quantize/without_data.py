"""Integers of a float graph without any data: ranges and mean errors as they are to be expected."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.equalize import equalize_with, factors_by_peaks
from quantize.accuracy.moments import Moments, Refinable
from quantize.accuracy.refine import refinable, refine, sources_of
from quantize.calibrate.expected import (
    expected_calibration,
    expected_means,
    expected_quantiles,
)
from quantize.errors import RecipeError
from quantize.integers import Quantized, seen_ends
from quantize.ir.graph import FloatGraph, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.ops import DepthwiseConv2D
from quantize.ir.statistics import ChannelStatistics
from quantize.lower import lower
from quantize.params import wide_params
from quantize.passes.global_pool_as_mean import global_pool_as_mean
from quantize.pruning.magnitude import prune_weights
from quantize.recipe import RangeMethod, Recipe, WeightRounding
from quantize.search import choose_params

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """All that is known of a network's activations when there is no data.

    Attributes:
        input_range: What every value of the input lies in.
        statistics: Of tensors before their own clamp, by name, from batch normalizations.
    """

    input_range: tuple[float, float]
    statistics: Mapping[str, ChannelStatistics]


def data_free(recipe: Recipe) -> Recipe:
    """Return the recipe with what needs data switched to what does not.

    Raises:
        RecipeError: It prunes channels, which only data can make up for.
    """
    if recipe.prune_channels > 0.0:
        raise RecipeError("prune_channels: needs calibration data, allowed without is 0")
    return replace(
        recipe,
        range_methods=(RangeMethod.MIN_MAX,),
        weight_rounding=WeightRounding.NEAREST,
        search_samples=0,
        widen_few=False,
    )


def quantize_unseen(graph: FloatGraph, unseen: Unseen, recipe: Recipe) -> Quantized:
    """Return the integers of a float graph that nobody has shown anything.

    Args:
        graph: Simplified.
        unseen: What is known.
        recipe: As `data_free` leaves it.

    Raises:
        GraphError: The graph cannot be said in integers.
    """
    if recipe.global_pool_as_mean:
        graph = global_pool_as_mean(graph)
    quantiles = expected_quantiles(graph, unseen.statistics, unseen.input_range)
    peaks = {name: np.abs(seen).max(axis=0).astype("f4") for name, seen in quantiles.items()}
    factors = factors_by_peaks(graph, peaks, recipe.equalize_strength)
    reference = equalize_with(graph, factors)
    for before, after in zip(graph.operations, reference.operations, strict=True):
        scaled = quantiles[before.output] * factors.get(before.output, np.array(1.0))
        quantiles[after.output] = scaled
    calibration = expected_calibration(quantiles)
    choice = choose_params(reference, calibration, recipe, [], _never)
    wide = wide_params(reference, seen_ends(calibration, recipe))
    lowered = lower(prune_weights(reference, recipe.prune_weights), choice.params, recipe, wide)
    if recipe.bias_correction:
        means, sources = expected_means(quantiles), sources_of(lowered, reference)
        moments = {
            op.output: _moments(op, lowered, means[sources[op].input]) for op in refinable(lowered)
        }
        lowered = refine(lowered, reference, moments, recipe)
    return Quantized(lowered, reference, calibration, choice.methods)


def _moments(operation: Refinable, graph: IntGraph, mean: _Floats) -> Moments:
    """Return moments that know the expected patch and nothing else; padding is not thought of.

    Source: Nagel et al. (2019), section 4.2, analytic bias correction.
    """
    shape = graph.tensors[operation.weight].shape
    codes = mean / quant_of(graph, operation.input).scale[0]
    if isinstance(operation, DepthwiseConv2D):
        first = np.repeat(codes[:, None], shape[1] * shape[2], axis=1)
    else:
        weights = int(np.prod(shape[1:]))
        first = np.tile(codes, weights // len(codes))[None]
    return Moments(1, first, np.zeros((*first.shape, 0)))


def _never(*_: object) -> Mapping[str, _Floats]:
    raise AssertionError("nothing runs without samples")
