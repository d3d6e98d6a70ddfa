from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from quantize.accuracy.equalize import LARGEST_FACTOR, equalize
from quantize.calibrate.collect import collect_peaks
from quantize.ir.float_executor import trace_float
from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyRelu,
    Maximum,
    Mean,
    Sub,
    rename_tensors,
)
from quantize.ir.shapes import same_padding
from quantize.layer_names import EQUALIZED
from tests.models import float_graph, tiny_float_classifier


def residual() -> FloatGraph:
    rng = np.random.default_rng(4)
    same = same_padding((6, 6), (3, 3), (1, 1), (1, 1))
    shapes = {"w1": (4, 3, 3, 3), "b1": (4,), "w2": (1, 3, 3, 4), "w3": (4, 1, 1, 4), "w4": (5, 4)}
    constants = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    constants["w1"] *= np.array([1, 0.1, 3, 0.02], np.float32)[:, None, None, None]
    operations = [
        Conv2D("x", "w1", "b1", "a", padding=same, activation=Activation.RELU),
        DepthwiseConv2D("a", "w2", None, "d", padding=same, activation=Activation.RELU),
        Conv2D("d", "w3", None, "p"),
        Add("a", "p", "s", Activation.RELU),
        Mean("s", "m", (1, 2)),
        FullyConnected("m", "w4", None, "y"),
    ]
    return float_graph(operations, {"x": (1, 6, 6, 3)}, constants)


def bent() -> FloatGraph:
    """Return a net whose operations between layers commute with positive factors per channel."""
    rng = np.random.default_rng(6)
    shapes = {"w1": (4, 3, 3, 3), "b1": (4,), "w2": (4, 1, 1, 4), "w3": (5, 4)}
    constants = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    constants["w1"] *= np.array([1, 0.1, 3, 0.02], np.float32)[:, None, None, None]
    operations = [
        Conv2D("x", "w1", "b1", "a"),
        LeakyRelu("a", "l", 0.25),
        Conv2D("l", "w2", None, "p"),
        Sub("p", "l", "s"),
        Maximum("s", "p", "g"),
        Mean("g", "m", (1, 2)),
        FullyConnected("m", "w3", None, "y"),
    ]
    return float_graph(operations, {"x": (1, 6, 6, 3)}, constants)


def samples(graph: FloatGraph) -> dict[str, Array]:
    name = graph.inputs[0]
    shape = graph.tensors[name].shape[1:]
    return {name: np.random.default_rng(5).normal(size=(9, *shape)).astype(np.float32)}


def peaks_of(graph: FloatGraph, inputs: dict[str, Array]) -> dict[str, Array]:
    def run(batch: dict[str, Array]) -> dict[str, Array]:
        values = trace_float(graph, batch)
        return {op.output: values[op.output] for op in graph.operations}

    return collect_peaks([inputs], run)


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("make", [residual, bent, tiny_float_classifier])
def test_the_outputs_stay_as_they_were(make: Callable[[], FloatGraph], strength: float) -> None:
    graph = make()
    inputs = samples(graph)
    (name,) = graph.outputs

    changed = equalize(graph, peaks_of(graph, inputs), strength)

    expected = trace_float(graph, inputs)[name]
    np.testing.assert_allclose(trace_float(changed, inputs)[name], expected, rtol=1e-3, atol=1e-4)


def test_channels_have_like_ranges_afterwards() -> None:
    graph = residual()
    inputs = samples(graph)
    before = peaks_of(graph, inputs)["d"]

    after = peaks_of(equalize(graph, peaks_of(graph, inputs)), inputs)["d" + EQUALIZED]

    assert before.max() / before.min() > 3
    assert after.max() / after.min() < 1.01


def test_a_leak_lets_factors_through() -> None:
    graph = bent()
    peaks = peaks_of(graph, samples(graph))

    changed = equalize(graph, peaks)

    assert not np.array_equal(changed.constants["w1"], graph.constants["w1"])


def test_tensors_that_are_added_are_scaled_alike() -> None:
    graph = residual()
    inputs = samples(graph)
    changed = equalize(graph, peaks_of(graph, inputs))
    before, after = trace_float(graph, inputs), trace_float(changed, inputs)

    peaks = {n: (after[n + EQUALIZED].max((0, 1, 2)), before[n].max((0, 1, 2))) for n in "as"}
    factors = {name: scaled / plain for name, (scaled, plain) in peaks.items()}

    np.testing.assert_allclose(factors["a"], factors["s"], rtol=1e-4)
    assert factors["a"].max() <= LARGEST_FACTOR


def test_strength_zero_changes_nothing() -> None:
    graph = residual()

    assert equalize(graph, peaks_of(graph, samples(graph)), 0.0) == graph


def test_tensors_of_one_name_hold_one_value_before_and_after() -> None:
    graph = residual()
    inputs = samples(graph)
    before = trace_float(graph, inputs)

    after = trace_float(equalize(graph, peaks_of(graph, inputs)), inputs)

    shared = (set(before) & set(after)) - set(graph.constants)
    assert shared >= {"x", "y"}
    assert "d" not in shared
    for name in shared:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-3, atol=1e-4)


def test_a_name_that_is_taken_is_not_used() -> None:
    graph = residual()
    names = {"p": "d" + EQUALIZED}
    renamed = replace(
        graph,
        tensors={names.get(name, name): tensor for name, tensor in graph.tensors.items()},
        operations=tuple(rename_tensors(operation, names) for operation in graph.operations),
    )
    inputs = samples(renamed)

    after = trace_float(equalize(renamed, peaks_of(renamed, inputs)), inputs)

    np.testing.assert_allclose(after["y"], trace_float(graph, inputs)["y"], rtol=1e-3, atol=1e-4)
