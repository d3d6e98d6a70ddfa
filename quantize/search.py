"""Search: the range of each tensor, chosen by the error that it alone makes in the outputs.

Errors of single tensors add up almost exactly, while the sum of all hides what one candidate
changes. So each group is rounded alone, in the float network, and only what comes after it is run
again. There is no order among groups and no clock: any number of threads chooses the same.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.output_error import Errors, Judge, Measure, Runner
from quantize.calibrate.collect import Calibration
from quantize.calibrate.histogram import Histogram, merge
from quantize.calibrate.ranges import Range, expected_error, find_range
from quantize.ir.graph import FloatGraph, QuantParams
from quantize.ir.ops import Activation, Concat
from quantize.parallel import own_threads
from quantize.params import group_fixed_params, group_sources, range_params, share_groups
from quantize.recipe import RangeMethod, Recipe

LEAST_GAIN = 0.1  # a smaller share is noise of the samples
FEW_SAMPLES = 32  # fewer have not shown how far a tensor reaches
_HOPELESS = 2.0  # a candidate whose own error is so many times the least one is not tried
_ALIKE = 0.03  # candidates whose widths differ by a smaller share are one
_STEPS = (0.85, 1.08)  # of an end of the range, each repeated for as long as it gains

_Group: TypeAlias = tuple[str, ...]
Batches: TypeAlias = Sequence[Mapping[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to quantize a tensor; its error is the tensor's own, or what the output shows."""

    method: RangeMethod
    ends: Range
    error: float

    @property
    def params(self) -> QuantParams:
        """Return the params that span the range."""
        return range_params(self.ends.low, self.ends.high)


_Measured: TypeAlias = tuple[Candidate, Errors]


@dataclass(frozen=True, slots=True)
class Choice:
    """The params of every activation, and the methods behind those that were free to choose."""

    params: Mapping[str, QuantParams]
    methods: Mapping[str, RangeMethod]


def choose_params(
    graph: FloatGraph, calibration: Calibration, recipe: Recipe, samples: Batches, run: Runner
) -> Choice:
    """Return the params of every activation, the best that measuring found.

    Args:
        graph: Float.
        calibration: What samples showed of its tensors.
        recipe: Its range methods.
        samples: What candidates are measured on; without any, the least error of each tensor alone
            decides.
        run: Gives any activations of the graph, by name.
    """
    search = _Search(graph, calibration, recipe, Judge(graph, samples, run) if samples else None)
    joined = search.best(join_concats=True)
    if not samples or not any(isinstance(op, Concat) for op in graph.operations):
        return search.choice(joined)
    split = search.best(join_concats=False)
    return search.choice(min(joined, split, key=_total_error))


_Best: TypeAlias = Mapping[_Group, Candidate | None]  # None: an operation dictates the params


def _total_error(best: _Best) -> float:
    return sum(candidate.error for candidate in best.values() if candidate)


class _Search:
    """Finds the best candidate of each group, once."""

    def __init__(
        self, graph: FloatGraph, calibration: Calibration, recipe: Recipe, judge: Judge | None
    ) -> None:
        self._graph, self._calibration, self._recipe = graph, calibration, recipe
        self._judge = judge
        self._known: dict[_Group, Candidate | None] = {}

    def best(self, *, join_concats: bool) -> _Best:
        groups = share_groups(self._graph, join_concats=join_concats)
        new = [group for group in groups if group not in self._known]
        if self._judge is None:  # too little work to share
            self._known.update(zip(new, map(self._best_of, new), strict=True))
        else:
            with ThreadPoolExecutor(own_threads()) as pool:
                self._known.update(zip(new, pool.map(self._best_of, new), strict=True))
        return {group: self._known[group] for group in groups}

    def choice(self, best: _Best) -> Choice:
        params: dict[str, QuantParams] = {}
        methods: dict[str, RangeMethod] = {}
        for group, candidate in best.items():
            quant = (
                group_fixed_params(self._graph, group) if candidate is None else candidate.params
            )
            assert quant is not None, group
            params |= dict.fromkeys(group, quant)
            if candidate is not None:
                methods |= dict.fromkeys(group, candidate.method)
        return Choice(params, methods)

    def _best_of(self, group: _Group) -> Candidate | None:
        if group_fixed_params(self._graph, group):
            return None
        histogram = self._histogram(group)
        if self._recipe.widen_few and self._calibration.samples < FEW_SAMPLES:
            return self._widened(group, histogram)
        if self._judge is None:
            return self._without_judge(group, histogram)
        measure = self._judge.errors_of(group_sources(self._graph, group))
        best = _best_measured(_candidates(histogram, self._recipe), measure)
        if RangeMethod.MEASURED in self._recipe.range_methods:
            best = _descend(best, histogram, measure)
        return best[0]

    def _widened(self, group: _Group, histogram: Histogram) -> Candidate:
        """Return the range seen and a margin for what few samples cannot have shown."""
        seen = find_range(histogram, RangeMethod.MIN_MAX)
        if any(name in self._graph.inputs for name in group):
            return Candidate(RangeMethod.MIN_MAX, seen, 0.0)
        factor = widening(self._calibration.samples)
        high = seen.high * factor
        if all(self._activation_of(name) is Activation.RELU6 for name in group):
            high = min(high, 6.0)
        return Candidate(RangeMethod.MIN_MAX, Range(seen.low * factor, high), 0.0)

    def _activation_of(self, name: str) -> Activation | None:
        makers = (op for op in self._graph.operations if op.output == name)
        return getattr(next(makers, None), "activation", None)

    def _without_judge(self, group: _Group, histogram: Histogram) -> Candidate:
        """Return the candidate of least own error, but an input keeps its whole range."""
        if any(name in self._graph.inputs for name in group):
            return _candidate(histogram, RangeMethod.MIN_MAX)
        return _candidates(histogram, self._recipe)[0]

    def _histogram(self, group: _Group) -> Histogram:
        first, *rest = group_sources(self._graph, group)
        histogram = self._calibration.histograms[first]
        for name in rest:
            histogram = merge(histogram, self._calibration.histograms[name])
        return histogram


def widening(samples: int) -> float:
    """Return what a range is multiplied by that so many samples have shown.

    From FEW_SAMPLES on nothing is widened, nor without any: ranges are expected ones then.
    """
    return 1.0 + samples**-0.5 if 0 < samples < FEW_SAMPLES else 1.0


def _error(candidate: Candidate) -> float:
    return candidate.error


def _candidates(histogram: Histogram, recipe: Recipe) -> list[Candidate]:
    """Return candidates that differ, the least own error first, without the hopeless."""
    methods = [method for method in recipe.range_methods if method is not RangeMethod.MEASURED]
    every = [_candidate(histogram, method) for method in methods or [RangeMethod.MSE]]
    found: list[Candidate] = []
    for candidate in sorted(every, key=_error):
        is_new = not any(_are_alike(candidate.ends, other.ends) for other in found)
        if not found or (is_new and candidate.error <= _HOPELESS * found[0].error):
            found.append(candidate)
    return found


def _candidate(histogram: Histogram, method: RangeMethod) -> Candidate:
    ends = find_range(histogram, method)
    return Candidate(method, ends, expected_error(histogram, ends))


def _are_alike(left: Range, right: Range) -> bool:
    """Tell whether both ends are the same to within a small share of the width."""
    width = max(left.high - left.low, right.high - right.low)
    return abs(left.low - right.low) + abs(left.high - right.high) <= _ALIKE * width


def _best_measured(candidates: Sequence[Candidate], measure: Measure) -> _Measured:
    """Return the candidate whose rounding the output shows least."""
    first, *rest = candidates
    best = _measured(first, measure(first.params))
    for candidate in rest:
        errors = measure(candidate.params, best[1])
        if errors is not None and sum(errors) < best[0].error * (1 - LEAST_GAIN):
            best = _measured(candidate, errors)
    return best


def _measured(candidate: Candidate, errors: Errors | None) -> _Measured:
    assert errors is not None, candidate  # there was nothing to beat
    return replace(candidate, error=sum(errors)), errors


def _descend(best: _Measured, histogram: Histogram, measure: Measure) -> _Measured:
    """Move the ends of the range, together and alone, for as long as the output gains."""
    whole = find_range(histogram, RangeMethod.MIN_MAX)
    for step in _STEPS:
        for move in (_with_both, _with_high, _with_low):
            while (further := _further(best, move(best[0].ends, step, whole), measure)) is not None:
                best = further
    return best


def _further(best: _Measured, ends: Range, measure: Measure) -> _Measured | None:
    """Return the candidate with these ends if it is one, and better."""
    if ends == best[0].ends:
        return None
    errors = measure(range_params(ends.low, ends.high), best[1])
    if errors is None or sum(errors) >= best[0].error * (1 - LEAST_GAIN):
        return None
    return Candidate(RangeMethod.MEASURED, ends, sum(errors)), errors


def _with_both(ends: Range, step: float, whole: Range) -> Range:
    return _with_low(_with_high(ends, step, whole), step, whole)


def _with_high(ends: Range, step: float, whole: Range) -> Range:
    return replace(ends, high=min(ends.high * step, whole.high))


def _with_low(ends: Range, step: float, whole: Range) -> Range:
    return replace(ends, low=max(ends.low * step, whole.low))
