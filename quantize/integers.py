"""From a float graph and samples to integers: the numeric half of the pipeline.

equalize -> calibrate -> choose params -> lower -> refine (rounding, biases)
"""

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
from quantize.calibrate.collect import Calibration, collect, collect_peaks
from quantize.emit.onnx_float import emit_float_onnx
from quantize.emit.onnx_qdq import CODES_SUFFIX, emit_qdq_onnx
from quantize.executors import OnnxRunner
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.lower import lower
from quantize.passes.global_pool_as_mean import global_pool_as_mean
from quantize.recipe import RangeMethod, Recipe, WeightRounding
from quantize.search import choose_params

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


def no_progress(step: str, done: int, total: int) -> None:
    """Report nothing; a Progress is told the step's name and how much of it is done."""


def quantize_graph(
    graph: FloatGraph, read: Reader, recipe: Recipe, progress: Progress = no_progress
) -> Quantized:
    """Return the integers of a float graph, calibrated on samples.

    The same graph, samples and recipe give the same integers, with any number of threads.

    Args:
        graph: Simplified, as `quantize.passes` leave it.
        read: Yields the calibration samples in batches of up to so many, by input name; it is
            called several times.
        recipe: The settings.
        progress: Told of every step.

    Raises:
        DataError: There are no samples, or they or a tensor hold NaN or Inf.
        GraphError: The graph cannot be said in integers.
    """
    reference = _reference(graph, read, recipe, progress)
    progress("calibrate", 0, 1)
    runner = _float_runner(reference)
    calibration = collect(read(recipe.batch_size), runner)
    progress("choose ranges", 0, 1)
    chosen = _spread(calibration.samples, recipe.search_samples)
    samples = _samples_at(chosen, read(recipe.batch_size))
    choice = choose_params(reference, calibration, recipe, samples, runner)
    lowered = lower(reference, choice.params, recipe)
    progress("refine", 0, 1)
    refined = _refine(lowered, reference, read, recipe)
    if recipe.bias_correction:
        names = [operation.output for operation in correctable(refined)]
        errors = _mean_errors(refined, names, read(recipe.batch_size), runner)
        refined = correct_outputs(refined, errors)
    progress("refine", 1, 1)
    return Quantized(refined, reference, calibration, choice.methods)


def _reference(graph: FloatGraph, read: Reader, recipe: Recipe, progress: Progress) -> FloatGraph:
    """Return the float graph that is lowered: the given one in a form that rounds better."""
    if recipe.global_pool_as_mean:
        graph = global_pool_as_mean(graph)
    if recipe.equalize_strength == 0.0:
        return graph
    progress("equalize", 0, 1)
    peaks = collect_peaks(read(recipe.batch_size), _float_runner(graph))
    return equalize(graph, peaks, recipe.equalize_strength)


def _float_runner(graph: FloatGraph) -> OnnxRunner:
    """Return what computes every activation of a float graph."""
    names = [operation.output for operation in graph.operations]
    return OnnxRunner(emit_float_onnx(graph, names))


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
    moments = collect_moments(lowered, read(recipe.batch_size), _codes_runner(lowered, names))
    return refine(lowered, reference, moments, recipe)


def _mean_errors(
    graph: IntGraph, names: Sequence[str], batches: Iterable[Batch], run: OnnxRunner
) -> dict[str, npt.NDArray[np.float64]]:
    """Return how much less some tensors are in the mean than those of the float graph, (C,)."""
    integers = _codes_runner(graph, names)
    sums = {name: np.zeros(graph.tensors[name].shape[-1]) for name in names}
    count = 0
    for batch in batches if names else ():
        exact, codes = run(batch, names), integers(batch)
        count += len(next(iter(batch.values())))
        for name in names:
            quant = quant_of(graph, name)
            found = (codes[name].astype(np.float64) - quant.zero_point) * quant.scale[0]
            lost = exact[name].astype(np.float64) - found
            sums[name] += lost.reshape(len(lost), -1, lost.shape[-1]).mean(axis=1).sum(axis=0)
    return {name: total / count for name, total in sums.items()}


def _codes_runner(graph: IntGraph, names: Sequence[str]) -> CodesRunner:
    """Return what computes the codes of some tensors."""
    runner = OnnxRunner(emit_qdq_onnx(graph, names))
    wanted = [name + CODES_SUFFIX for name in names]

    def run(batch: Mapping[str, Array]) -> dict[str, npt.NDArray[np.int8]]:
        codes = runner(batch, wanted)
        return {name: codes[name + CODES_SUFFIX] for name in names}

    return run
