"""Search: the range method of each tensor, chosen by the error that the network's output shows.

All candidates come from histograms that are there already. Each is tried in the float network with
activations rounded; one coordinate pass over the tensors, a fixed number of runs, no clock.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.calibrate.collect import Calibration
from quantize.calibrate.histogram import Histogram, merge
from quantize.calibrate.ranges import expected_error, find_range
from quantize.emit.onnx_float import emit_float_onnx
from quantize.emit.onnx_simulated import SCALE, ZERO_POINT, emit_simulated_onnx
from quantize.executors import OnnxRunner, join
from quantize.ir.graph import Array, FloatGraph, QuantParams
from quantize.ir.ops import Concat, Logistic, Softmax
from quantize.params import group_fixed_params, group_sources, range_params, share_groups
from quantize.recipe import RangeMethod, Recipe

LEAST_GAIN_DB = 0.02  # a smaller gain is noise of the samples
_HOPELESS = 4.0  # a candidate whose own error is so many times the least one is not tried

_Floats: TypeAlias = npt.NDArray[np.float64]
View: TypeAlias = Callable[[_Floats], _Floats]
Batches: TypeAlias = Sequence[Mapping[str, npt.NDArray[np.float32]]]
Measure: TypeAlias = Callable[[Mapping[str, QuantParams]], float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to quantize a tensor."""

    method: RangeMethod
    params: QuantParams
    error: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The params of every activation, and the methods behind those that were free to choose."""

    params: Mapping[str, QuantParams]
    methods: Mapping[str, RangeMethod]


def choose_params(
    graph: FloatGraph, calibration: Calibration, recipe: Recipe, samples: Batches
) -> Choice:
    """Return the params of every activation, the best that measuring found.

    Args:
        graph: Float.
        calibration: What samples showed of its tensors.
        recipe: Its range methods.
        samples: What candidates are measured on; without any, the least error of each tensor alone
            decides.
    """
    joined = _search(graph, calibration, recipe, samples, join_concats=True)
    if not samples or not any(isinstance(op, Concat) for op in graph.operations):
        return joined[1]
    split = _search(graph, calibration, recipe, samples, join_concats=False)
    return split[1] if split[0] > joined[0] + LEAST_GAIN_DB else joined[1]


def _search(
    graph: FloatGraph,
    calibration: Calibration,
    recipe: Recipe,
    samples: Batches,
    *,
    join_concats: bool,
) -> tuple[float, Choice]:
    groups = share_groups(graph, join_concats=join_concats)
    fixed = {group: quant for group in groups if (quant := group_fixed_params(graph, group))}
    free = {
        group: _candidates(group, graph, calibration, recipe)
        for group in groups
        if group not in fixed
    }
    chosen = {group: _start(group, graph, candidates) for group, candidates in free.items()}
    gain = 0.0
    if samples:
        gain = _coordinate_pass(free, chosen, _measure(graph, free, samples))
    params = {name: quant for group, quant in fixed.items() for name in group}
    params |= {name: choice.params for group, choice in chosen.items() for name in group}
    methods = {name: choice.method for group, choice in chosen.items() for name in group}
    return gain, Choice(params, methods)


_Group: TypeAlias = tuple[str, ...]


def _candidates(
    group: _Group, graph: FloatGraph, calibration: Calibration, recipe: Recipe
) -> list[Candidate]:
    """Return the distinct candidates of a group, without the hopeless."""
    histogram = _histogram(group, graph, calibration)
    found: dict[QuantParams, Candidate] = {}
    for method in recipe.range_methods:
        ranges = find_range(histogram, method)
        quant = range_params(ranges.low, ranges.high)
        found.setdefault(quant, Candidate(method, quant, expected_error(histogram, ranges)))
    least = min(candidate.error for candidate in found.values())
    return [candidate for candidate in found.values() if candidate.error <= _HOPELESS * least]


def _histogram(group: _Group, graph: FloatGraph, calibration: Calibration) -> Histogram:
    first, *rest = group_sources(graph, group)
    histogram = calibration.histograms[first]
    for name in rest:
        histogram = merge(histogram, calibration.histograms[name])
    return histogram


def _start(group: _Group, graph: FloatGraph, candidates: Sequence[Candidate]) -> Candidate:
    """Return where the search begins: least own error, but an input keeps its whole range."""
    if any(name in graph.inputs for name in group):
        return candidates[0]
    return min(candidates, key=lambda candidate: candidate.error)


def _coordinate_pass(
    free: Mapping[_Group, Sequence[Candidate]], chosen: dict[_Group, Candidate], measure: Measure
) -> float:
    """Try each group's candidates in turn, keep what gains, and return the SQNR reached."""

    def params() -> dict[str, QuantParams]:
        return {name: choice.params for group, choice in chosen.items() for name in group}

    best = measure(params())
    for group, candidates in free.items():
        for candidate in candidates:
            kept = chosen[group]
            if candidate == kept:
                continue
            chosen[group] = candidate
            reached = measure(params())
            if reached > best + LEAST_GAIN_DB:
                best = reached
            else:
                chosen[group] = kept
    return best


def _measure(graph: FloatGraph, free: Mapping[_Group, object], samples: Batches) -> Measure:
    """Return a function from params to the SQNR of the network's output in dB."""
    rounded = [name for group in free for name in group_sources(graph, group)]
    judges = _judges(graph)
    runner = OnnxRunner(emit_simulated_onnx(graph, rounded, list(judges)))
    exact = _run_all(OnnxRunner(emit_float_onnx(graph, list(judges))), samples)
    seen = {name: view(exact[name]) for name, view in judges.items()}

    def measure(params: Mapping[str, QuantParams]) -> float:
        scalars = _scalars(rounded, params)
        outputs = _run_all(runner, [{**batch, **scalars} for batch in samples])
        errors = [_sqnr_db(seen[name], view(outputs[name])) for name, view in judges.items()]
        return sum(errors) / len(errors)

    return measure


def _judges(graph: FloatGraph) -> dict[str, View]:
    """Return the tensors that a choice is judged by, and in which view.

    They are the outputs, but logits instead of scores: a softmax hides most of the error behind its
    few undecided samples. So logits are seen through a softmax that is soft on every sample.
    """
    makers = {operation.output: operation for operation in graph.operations}
    judges: dict[str, View] = {}
    for name in graph.outputs:
        maker = makers.get(name)
        if isinstance(maker, Softmax):
            judges[maker.input] = _SoftScores()
        else:
            judges[maker.input if isinstance(maker, Logistic) else name] = _as_it_is
    return judges


def _as_it_is(values: _Floats) -> _Floats:
    return values


class _SoftScores:
    """Softmax at a temperature that the first logits it sees fix: half of their usual margin."""

    def __init__(self) -> None:
        self._temperature: float | None = None

    def __call__(self, logits: _Floats) -> _Floats:
        if self._temperature is None:
            top = np.sort(logits, axis=-1)[..., -2:]
            self._temperature = max(float(np.median(np.ptp(top, axis=-1))) / 2, 1.0)
        powers = np.exp((logits - logits.max(axis=-1, keepdims=True)) / self._temperature)
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _run_all(runner: OnnxRunner, batches: Sequence[Mapping[str, Array]]) -> dict[str, _Floats]:
    outputs = join([runner(batch) for batch in batches])
    return {name: values.astype(np.float64) for name, values in outputs.items()}


def _scalars(
    rounded: Sequence[str], params: Mapping[str, QuantParams]
) -> dict[str, npt.NDArray[np.generic]]:
    scalars: dict[str, npt.NDArray[np.generic]] = {}
    for name in rounded:
        scalars[SCALE + name] = np.array(params[name].scale[0], np.float32)
        scalars[ZERO_POINT + name] = np.array(params[name].zero_point, np.int8)
    return scalars


def _sqnr_db(exact: _Floats, rounded: _Floats) -> float:
    signal, noise = float((exact**2).sum()), float(((exact - rounded) ** 2).sum())
    return 10 * math.log10(max(signal, 1e-30) / max(noise, 1e-30))
