from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from quantize.calibrate.collect import Calibration, collect
from quantize.calibrate.ranges import find_range
from quantize.ir.float_executor import trace_float
from quantize.ir.graph import Array, FloatGraph, QuantParams
from quantize.ir.ops import Activation, Concat, FullyConnected, Logistic
from quantize.params import range_params
from quantize.recipe import RangeMethod, Recipe
from quantize.search import Choice, choose_params, widening
from tests.models import float_graph, tiny_float_classifier

pytestmark = pytest.mark.ort


def runner_of(graph: FloatGraph):  # noqa: ANN201  # a closure
    def run(batch: Mapping[str, Array], names: Sequence[str] | None = None) -> dict[str, Array]:
        values = trace_float(graph, batch)
        wanted = [op.output for op in graph.operations] if names is None else names
        return {name: values[name] for name in wanted}

    return run


def samples_of(graph: FloatGraph, count: int = 40) -> list[dict[str, Array]]:
    rng = np.random.default_rng(5)
    shapes = {name: graph.tensors[name].shape[1:] for name in graph.inputs}
    return [
        {n: rng.normal(size=(8, *shape)).astype(np.float32) for n, shape in shapes.items()}
        for _ in range(count // 8)
    ]


def choose(
    graph: FloatGraph, recipe: Recipe, batches: Sequence[dict[str, Array]] | None = None
) -> tuple[Choice, Calibration]:
    data = samples_of(graph) if batches is None else list(batches)
    run = runner_of(graph)
    calibration = collect(data, run)
    samples = data if recipe.search_samples else []
    return choose_params(graph, calibration, recipe, samples, run), calibration


def gated() -> FloatGraph:
    """A tensor with a rare huge value that weights of next to nothing read, and a useful one."""
    rng = np.random.default_rng(3)
    wide = np.zeros((4, 3), np.float32)
    wide[0] = (8, 0, 0)
    wide[1:] = rng.normal(size=(3, 3)) * 0.2
    narrow = rng.normal(size=(5, 4)).astype(np.float32)
    narrow[:, 0] = 0.0
    operations = [
        FullyConnected("x", "wide", None, "hidden"),
        FullyConnected("hidden", "narrow", None, "y"),
    ]
    return float_graph(operations, {"x": (1, 3)}, {"wide": wide, "narrow": narrow})


def branches(*, with_logistic: bool) -> FloatGraph:
    rng = np.random.default_rng(6)
    weights = {"big": (4, 3), "small": (4, 3), "last": (5, 8), "other": (5, 4)}
    constants = {n: rng.normal(size=s).astype(np.float32) for n, s in weights.items()}
    constants["big"] *= 1000
    constants["last"][:, :4] /= 1000
    left = "gate" if with_logistic else "a"
    operations = [
        FullyConnected("x", "big", None, "a"),
        FullyConnected("x", "small", None, "b"),
        *([Logistic("a", "gate")] if with_logistic else []),
        Concat((left, "b"), "c", 1),
        FullyConnected("c", "last", None, "y"),
        FullyConnected("b", "other", None, "z"),
    ]
    return float_graph(operations, {"x": (1, 3)}, constants)


def test_without_samples_the_least_own_error_decides() -> None:
    graph = tiny_float_classifier()

    choice, calibration = choose(graph, Recipe(search_samples=0))

    ends = find_range(calibration.histograms["logits"], RangeMethod.MSE)
    found = choice.params["logits"].scale[0] * 255
    assert found == pytest.approx(ends.high - ends.low, rel=0.03)  # which counts as the same


def test_without_samples_an_input_keeps_its_whole_range() -> None:
    graph = tiny_float_classifier()

    choice, calibration = choose(graph, Recipe(search_samples=0))

    seen = calibration.histograms["image"]
    assert choice.methods["image"] is RangeMethod.MIN_MAX
    assert choice.params["image"] == range_params(seen.low, seen.high)


def test_a_range_that_the_output_does_not_need_is_left() -> None:
    choice, calibration = choose(gated(), Recipe())

    seen = calibration.histograms["hidden"]
    assert choice.methods["hidden"] is RangeMethod.MEASURED
    assert choice.params["hidden"].scale[0] * 255 < 0.9 * (seen.high - seen.low)


def test_a_recipe_without_measured_ends_only_takes_what_a_histogram_says() -> None:
    methods = (RangeMethod.MIN_MAX, RangeMethod.MSE)

    choice, _ = choose(gated(), Recipe(range_methods=methods))

    assert set(choice.methods.values()) <= set(methods)


def test_a_fixed_scale_is_taken_as_it_is() -> None:
    choice, _ = choose(tiny_float_classifier(), Recipe())

    assert choice.params["scores"] == QuantParams((1 / 256,), -128)
    assert "scores" not in choice.methods


def test_inputs_of_a_concat_keep_their_own_scales_where_sharing_one_costs_more() -> None:
    choice, _ = choose(branches(with_logistic=False), Recipe())

    assert choice.params["a"].scale[0] > 100 * choice.params["b"].scale[0]


def test_the_same_data_give_the_same_choice_twice() -> None:
    graph = branches(with_logistic=True)

    assert choose(graph, Recipe())[0] == choose(graph, Recipe())[0]


def test_a_search_stays_inside_of_what_was_seen() -> None:
    graph = tiny_float_classifier(3)

    choice, calibration = choose(graph, Recipe())

    for name, quant in choice.params.items():
        seen = calibration.histograms[name]
        width = max(seen.high, 0.0) - min(seen.low, 0.0)
        assert name == "scores" or quant.scale[0] * 255 <= width * 1.0001


@pytest.mark.parametrize(("samples", "factor"), [(0, 1.0), (1, 2.0), (16, 1.25), (32, 1.0)])
def test_what_few_samples_showed_is_widened(samples: int, factor: float) -> None:
    assert widening(samples) == factor


def test_few_samples_widen_all_but_inputs_and_clamps() -> None:
    rng = np.random.default_rng(2)
    weights = {"w": (4, 3), "v": (2, 4)}
    operations = [
        FullyConnected("x", "w", None, "clamped", Activation.RELU6),
        FullyConnected("clamped", "v", None, "y"),
    ]
    constants = {n: 9 * rng.normal(size=s).astype(np.float32) for n, s in weights.items()}
    graph = float_graph(operations, {"x": (1, 3)}, constants)
    data = samples_of(graph, 16)

    widened, seen = choose(graph, Recipe(), data)
    as_seen, _ = choose(graph, Recipe(widen_few=False, range_methods=(RangeMethod.MIN_MAX,)), data)

    scales = [choice.params["y"].scale[0] for choice in (widened, as_seen)]
    assert scales[0] == pytest.approx(scales[1] * widening(16), rel=1e-6)
    assert widened.params["x"] == as_seen.params["x"]
    assert seen.histograms["clamped"].high == 6.0
    assert widened.params["clamped"] == range_params(0.0, 6.0)
