"""From a float graph and samples to integers: the numeric half of the pipeline.

calibrate -> choose params -> lower -> round with compensation -> correct biases
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.calibrate.collect import Calibration, collect
from quantize.calibrate.ranges import find_range
from quantize.emit.onnx_float import emit_float_onnx
from quantize.executors import OnnxRunner
from quantize.ir.graph import FloatGraph, IntGraph, QuantParams
from quantize.lower import lower
from quantize.params import group_fixed_params, group_sources, range_params, share_groups
from quantize.recipe import RangeMethod, Recipe

Batch: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
Reader: TypeAlias = Callable[[int], Iterator[Batch]]
Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """An integer graph and how it came to be.

    Attributes:
        graph: The result.
        reference: The float graph that was lowered. Its inputs and outputs compute what the given
            graph's do; inner tensors have the same names, but equalizing scaled their channels.
            Compare the integer graph's tensors with these.
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
    names = [operation.output for operation in graph.operations]
    runner = OnnxRunner(emit_float_onnx(graph, names))
    progress("calibrate", 0, 1)
    calibration = collect(read(recipe.batch_size), runner)
    progress("calibrate", 1, 1)
    params: dict[str, QuantParams] = {}
    methods: dict[str, RangeMethod] = {}
    for group in share_groups(graph):
        chosen = group_fixed_params(graph, group)
        if chosen is None:
            found = find_range(
                calibration.histograms[group_sources(graph, group)[0]], RangeMethod.MIN_MAX
            )
            chosen = range_params(found.low, found.high)
            methods |= dict.fromkeys(group, RangeMethod.MIN_MAX)
        params |= dict.fromkeys(group, chosen)
    return Quantized(lower(graph, params, recipe), graph, calibration, methods)
