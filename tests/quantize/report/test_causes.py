from dataclasses import replace

import numpy as np
import pytest

from quantize.ir.float_executor import execute_float, trace_float
from quantize.ir.graph import DType, FloatGraph, IntGraph, QuantParams, TensorType
from quantize.ir.integer_params import reals_of
from quantize.ir.ops import FullyConnected, Reshape
from quantize.lower import lower
from quantize.params import range_params
from quantize.report.causes import (
    Cause,
    CauseModel,
    clipped,
    effects,
    range_of,
    rounded,
    run_with,
    split_by_cause,
)
from tests.models import float_graph, quant, tiny_float_classifier

INT8 = TensorType((1, 4), DType.INT8, QuantParams((0.1,), 3))


def _pair(width: float = 1.0) -> tuple[FloatGraph, IntGraph, dict[str, np.ndarray]]:
    """Return a classifier, its integers with ranges that are `width` times what is needed."""
    graph = tiny_float_classifier()
    images = np.random.default_rng(3).normal(size=(8, 6, 6, 2)).astype(np.float32)
    values = trace_float(graph, {"image": images})
    names = [*graph.inputs, *(operation.output for operation in graph.operations)]
    ends = {name: (float(values[name].min()), float(values[name].max())) for name in names}
    params = {name: range_params(width * low, width * high) for name, (low, high) in ends.items()}
    params |= {"scores": QuantParams((1 / 256,), -128), "flat": params["depthwise"]}
    return graph, lower(graph, params), {"image": images}


def test_rounding_and_clipping_together_are_what_a_code_says(rng: np.random.Generator) -> None:
    values = rng.normal(0, 10, 1000).astype(np.float32)
    assert INT8.quant is not None

    together = clipped(rounded(values, INT8.quant), INT8)

    codes = np.clip(np.rint(values / np.float32(0.1)) + 3, -128, 127)
    np.testing.assert_allclose(together, (codes - 3) * 0.1, atol=1e-5)
    assert range_of(INT8) == pytest.approx((-13.1, 12.4))


def test_the_codes_of_each_channel_mean_reals_in_its_own_scale() -> None:
    codes = np.array([[1, 2], [3, 4]], np.int8)

    reals = reals_of(codes, QuantParams((0.5, 2.0), 0, axis=0))

    assert reals.tolist() == [[0.5, 1.0], [6.0, 8.0]]


def test_without_a_cause_the_network_is_the_float_one() -> None:
    graph, integers, batch = _pair()

    values = run_with(CauseModel(graph, integers), batch, None)

    output = graph.outputs[0]
    np.testing.assert_array_equal(values[output], execute_float(graph, batch)[output])


def test_wide_ranges_clip_nothing_and_narrow_ones_mostly_clip() -> None:
    graph, integers, batch = _pair(1.0)
    wide = split_by_cause(CauseModel(graph, integers), [batch])
    graph, integers, batch = _pair(0.3)
    narrow = split_by_cause(CauseModel(graph, integers), [batch])

    first = next(layer for layer in wide if layer.operation == "Conv2D")
    same = next(layer for layer in narrow if layer.name == first.name)
    assert first.own.rounding is not None
    assert first.own.clipping is None or first.own.clipping > first.own.rounding
    assert same.own.clipping is not None
    assert same.own.rounding is not None
    assert same.own.clipping < 20 < same.own.rounding


def test_one_dense_layer_s_split_is_what_numpy_says() -> None:
    rng = np.random.default_rng(8)
    weight = rng.normal(size=(3, 5)).astype(np.float32)
    graph = float_graph([FullyConnected("x", "w", None, "y")], {"x": (1, 5)}, {"w": weight})
    x, y = quant(0.05), quant(0.02)
    integers = lower(graph, {"x": x, "y": y})
    rows = rng.normal(size=(50, 5)).astype(np.float32)

    layers = split_by_cause(CauseModel(graph, integers), [{"x": rows}])

    exact = rows @ weight.T
    codes = integers.constants["w"] * np.array(integers.tensors["w"].quant.scale)[:, None]
    noises = {
        "weights": rows @ codes.T - exact,
        "clipping": np.clip(exact, -2.56, 2.54) - exact,
    }
    for cause, noise in noises.items():
        wanted = 10 * np.log10(np.sum(exact**2) / np.sum(noise**2))
        assert getattr(layers[1].own, cause) == pytest.approx(wanted, abs=0.05)
    rounded_rows = np.rint(rows / 0.05) * 0.05
    before = rounded_rows @ weight.T
    after = np.rint(before / 0.02) * 0.02
    own, whole = (
        10 * np.log10(np.sum(exact**2) / np.sum((after - part) ** 2)) for part in (before, exact)
    )
    assert layers[1].own.rounding == pytest.approx(own, abs=0.05)
    assert layers[1].accumulated.rounding == pytest.approx(whole, abs=0.05)


def test_what_only_moves_values_adds_no_error() -> None:
    rng = np.random.default_rng(8)
    graph = float_graph(
        [Reshape("x", "flat"), FullyConnected("flat", "w", None, "y")],
        {"x": (1, 2, 3)},
        {"w": rng.normal(size=(2, 6)).astype(np.float32)},
        declared={"flat": (1, 6)},
    )
    shared = quant(0.05)
    integers = lower(graph, dict.fromkeys(("x", "flat", "y"), shared))
    rows = rng.normal(size=(9, 2, 3)).astype(np.float32)

    _, flat, _ = split_by_cause(CauseModel(graph, integers), [{"x": rows}])

    assert flat.own.rounding is None
    assert flat.accumulated.rounding is not None


def test_the_worst_effect_is_that_of_the_layer_that_was_spoiled() -> None:
    graph, integers, batch = _pair()
    spoiled = _with_scale(integers, "conv", 0.01)
    model = CauseModel(graph, spoiled)

    found = effects(model, split_by_cause(model, [batch]), batch, 10.0)

    assert (found[0].name, found[0].cause) == ("conv", Cause.CLIPPING)
    assert sum(effect.noise_share for effect in found) <= 1.0 + 1e-9


def _with_scale(graph: IntGraph, name: str, scale: float) -> IntGraph:
    kind = graph.tensors[name]
    assert kind.quant is not None
    params = quant(scale, kind.quant.zero_point)
    return replace(graph, tensors={**graph.tensors, name: replace(kind, quant=params)})
