"""From a float graph and samples to integers: the numeric half of the pipeline.

equalize -> calibrate -> choose params -> lower -> refine (rounding, biases)
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.equalize import equalize
from quantize.accuracy.refine import (
    CodesRunner,
    collect_moments,
    correct_outputs,
    correctable,
    refinable,
    refine,
    warn_of_large,
)
from quantize.calibrate.cache import CalibrationCache
from quantize.calibrate.collect import Calibration, collect, collect_peaks
from quantize.emit.onnx_float import emit_float_onnx
from quantize.emit.onnx_qdq import CODES_SUFFIX, emit_qdq_onnx
from quantize.executors import OnnxRunner
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.layer_types import layer_types
from quantize.lower import lower
from quantize.parallel import own_threads
from quantize.params import wide_params
from quantize.passes.global_pool_as_mean import global_pool_as_mean
from quantize.pruning.channels import prune_channels
from quantize.pruning.magnitude import prune_weights
from quantize.recipe import RangeMethod, Recipe, WeightRounding
from quantize.search import FEW_SAMPLES, Choice, choose_params, widening
from quantize.weights import Weighted

_LOG = logging.getLogger(__name__)

Batch: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
Reader: TypeAlias = Callable[[int], Iterator[Batch]]
Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """An integer graph and how it came to be.

    Attributes:
        graph: The result.
        reference: The float graph that was lowered. Its inputs and outputs compute what the given
            graph's do; inner tensors whose channels equalizing scaled have other names. Compare
            the integer graph's tensors with these.
        calibration: What the samples showed of the reference's tensors.
        methods: How the range of each tensor was found, by its name; tensors whose scale an
            operation dictates are missing.
    """

    graph: IntGraph
    reference: FloatGraph
    calibration: Calibration
    methods: Mapping[str, RangeMethod]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What candidates of one search share: all but the integers themselves.

    Attributes:
        reference: As in Quantized.
        calibration: As there.
        choice: The int8 params of every activation.
        samples: Those that the ranges were chosen on, in batches.
        runner: Gives any activation of the reference.
    """

    reference: FloatGraph
    calibration: Calibration
    choice: Choice
    samples: tuple[Batch, ...]
    runner: OnnxRunner


def no_progress(step: str, done: int, total: int) -> None:
    """Report nothing; a Progress is told the step's name and how much of it is done."""


def quantize_graph(
    graph: FloatGraph,
    read: Reader,
    recipe: Recipe,
    progress: Progress = no_progress,
    cache: CalibrationCache | None = None,
) -> Quantized:
    """Return the integers of a float graph, calibrated on samples.

    The same graph, samples and recipe give the same integers, with any number of threads.

    Args:
        graph: Simplified, as `quantize.passes` leave it.
        read: Yields the calibration samples in batches of up to so many, by input name; it is
            called several times.
        recipe: The settings.
        progress: Told of every step.
        cache: Where shards of the calibration are kept, if they are.

    Raises:
        DataError: There are no samples, or they or a tensor hold NaN or Inf.
        GraphError: The graph cannot be said in integers.
    """
    prepared = prepare(graph, read, recipe, progress, cache)
    return lower_prepared(prepared, read, recipe, progress)


def prepare(
    graph: FloatGraph,
    read: Reader,
    recipe: Recipe,
    progress: Progress = no_progress,
    cache: CalibrationCache | None = None,
) -> Prepared:
    """Return what there is before the integers; arguments and errors as in `quantize_graph`."""
    reference = _reference(graph, read, recipe, progress, cache)
    layer_types(reference, recipe)  # refuses layers that are not there before the long work
    progress("calibrate", 0, 1)
    runner = _float_runner(reference)
    calibration = _calibration(reference, read(recipe.batch_size), runner, cache)
    _warn_of_few(calibration.samples, recipe)
    progress("choose ranges", 0, 1)
    chosen = _spread(calibration.samples, recipe.search_samples)
    samples = _samples_at(chosen, read(recipe.batch_size))
    choice = choose_params(reference, calibration, recipe, samples, runner)
    return Prepared(reference, calibration, choice, tuple(samples), runner)


def lower_prepared(
    prepared: Prepared, read: Reader, recipe: Recipe, progress: Progress = no_progress
) -> Quantized:
    """Return the integers; arguments and errors as in `quantize_graph`.

    Args:
        prepared: By `prepare`, with a recipe that differs from this one at most in how weights are
            rounded, biases corrected, and in the types of layers.
        read: As there.
        recipe: The settings.
        progress: Told of every step.
    """
    reference, choice = prepared.reference, prepared.choice
    wide = wide_params(reference, seen_ends(prepared.calibration, recipe))
    lowered = lower(prune_weights(reference, recipe.prune_weights), choice.params, recipe, wide)
    progress("refine", 0, 1)
    refined = _refine(lowered, reference, read, recipe)
    if recipe.bias_correction:
        makers = correctable(refined)
        errors = _mean_errors(refined, makers, read(recipe.batch_size), prepared.runner)
        refined = correct_outputs(refined, errors)
    progress("refine", 1, 1)
    return Quantized(refined, reference, prepared.calibration, choice.methods)


def seen_ends(calibration: Calibration, recipe: Recipe) -> dict[str, tuple[float, float]]:
    """Return what every tensor lies in, with the margin of few samples, as int8 ranges have it."""
    factor = widening(calibration.samples) if recipe.widen_few else 1.0
    seen = calibration.histograms.items()
    return {name: (factor * one.low, factor * one.high) for name, one in seen}


def _warn_of_few(samples: int, recipe: Recipe) -> None:
    """Log what so little calibration data costs."""
    if samples < FEW_SAMPLES:
        done = f"ranges are widened by {widening(samples) - 1:.0%}" if recipe.widen_few else "as is"
        _LOG.warning(
            "%d calibration samples: %s; measured on three nets, 1 sample costs 15 to 18 dB of"
            " SQNR and 10 cost up to 7, from %d on little is lost",
            samples,
            done,
            FEW_SAMPLES,
        )


def fill_cache(
    graph: FloatGraph,
    read: Reader,
    recipe: Recipe,
    cache: CalibrationCache,
    progress: Progress = no_progress,
) -> None:
    """Compute the cache's part of a calibration; arguments and errors as in `quantize_graph`.

    Raises:
        MissingShardsError: Our part is done, and other parts are missing.
    """
    reference = _reference(graph, read, recipe, progress, cache)
    progress("calibrate", 0, 1)
    _calibration(reference, read(recipe.batch_size), _float_runner(reference), cache)


def _calibration(
    graph: FloatGraph, batches: Iterable[Batch], run: OnnxRunner, cache: CalibrationCache | None
) -> Calibration:
    if cache is None:
        return collect(batches, run)
    return cache.calibration(_float_network(graph), batches, run)


def _reference(
    graph: FloatGraph,
    read: Reader,
    recipe: Recipe,
    progress: Progress,
    cache: CalibrationCache | None,
) -> FloatGraph:
    """Return the float graph that is lowered: the given one in a form that rounds better."""
    if recipe.global_pool_as_mean:
        graph = global_pool_as_mean(graph)
    if recipe.prune_channels > 0.0:
        progress("prune", 0, 1)
        share, kept = recipe.prune_channels, recipe.prune_keep
        graph = prune_channels(graph, share, kept, read(recipe.batch_size), _float_runner)
    if recipe.equalize_strength == 0.0:
        return graph
    progress("equalize", 0, 1)
    batches, run = read(recipe.batch_size), _float_runner(graph)
    peaks = (
        collect_peaks(batches, run)
        if cache is None
        else cache.peaks(_float_network(graph), batches, run)
    )
    return equalize(graph, peaks, recipe.equalize_strength)


def _float_runner(graph: FloatGraph) -> OnnxRunner:
    """Return what computes every activation of a float graph."""
    return OnnxRunner(_float_network(graph), threads=own_threads())


def _float_network(graph: FloatGraph) -> bytes:
    return emit_float_onnx(graph, [operation.output for operation in graph.operations])


def _spread(total: int, count: int) -> npt.NDArray[np.int64]:
    """Return the positions of up to `count` samples, evenly spread: data may be sorted by class."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))


def _samples_at(positions: npt.NDArray[np.int64], batches: Iterable[Batch]) -> list[Batch]:
    """Return batches with the samples at these positions."""
    taken: list[Batch] = []
    start = 0
    for batch in batches:
        size = len(next(iter(batch.values())))
        rows = positions[(positions >= start) & (positions < start + size)] - start
        if len(rows):
            taken.append({name: values[rows] for name, values in batch.items()})
        start += size
    return taken


def _refine(lowered: IntGraph, reference: FloatGraph, read: Reader, recipe: Recipe) -> IntGraph:
    if recipe.weight_rounding is WeightRounding.NEAREST and not recipe.bias_correction:
        return lowered
    warn_of_large(lowered)
    names = list(dict.fromkeys(operation.input for operation in refinable(lowered)))
    if not names:
        return lowered
    moments = collect_moments(lowered, read(recipe.batch_size), _codes_runner(lowered, names))
    return refine(lowered, reference, moments, recipe)


def _mean_errors(
    graph: IntGraph, makers: Mapping[str, Weighted], batches: Iterable[Batch], run: OnnxRunner
) -> dict[str, npt.NDArray[np.float64]]:
    """Return how much less some tensors are in the mean than those of the float graph, (C,).

    Args:
        graph: The integers.
        makers: What makes the tensors in it, by their name in the float graph.
        batches: Samples.
        run: Gives the float graph's tensors.
    """
    names = {name: operation.output for name, operation in makers.items()}
    integers = _codes_runner(graph, list(names.values()))
    sums = {made: np.zeros(graph.tensors[made].shape[-1]) for made in names.values()}
    count = 0
    for batch in batches if names else ():
        exact, codes = run(batch, list(names)), integers(batch)
        count += len(next(iter(batch.values())))
        for name, made in names.items():
            quant = quant_of(graph, made)
            found = (codes[made].astype(np.float64) - quant.zero_point) * quant.scale[0]
            lost = exact[name].astype(np.float64) - found
            sums[made] += lost.reshape(len(lost), -1, lost.shape[-1]).mean(axis=1).sum(axis=0)
    return {made: total / count for made, total in sums.items()}


def _codes_runner(graph: IntGraph, names: Sequence[str]) -> CodesRunner:
    """Return what computes the codes of some tensors."""
    runner = OnnxRunner(emit_qdq_onnx(graph, names))
    wanted = [name + CODES_SUFFIX for name in names]

    def run(batch: Mapping[str, Array]) -> dict[str, Array]:
        codes = runner(batch, wanted)
        return {name: codes[name + CODES_SUFFIX] for name in names}

    return run
