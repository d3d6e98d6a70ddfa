import logging
from collections.abc import Mapping

import numpy as np
import pytest

from quantize.accuracy.refine import (
    collect_moments,
    correct_outputs,
    correctable,
    refinable,
    refine,
    warn_of_large,
)
from quantize.accuracy.rounding import LARGEST_K
from quantize.calibrate.collect import collect
from quantize.ir.float_executor import trace_float
from quantize.ir.graph import Array, FloatGraph, IntGraph, Profile
from quantize.ir.interpreter import trace
from quantize.lower import lower, quantize_array
from quantize.params import group_fixed_params, range_params, share_groups
from quantize.recipe import Recipe, WeightRounding
from tests.models import quant, tiny_float_classifier
from tests.quantize.dense import dense


def images(seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(60, 6, 6, 2)).astype(np.float32)


def lowered(graph: FloatGraph, recipe: Recipe) -> IntGraph:
    def run(batch: Mapping[str, Array]) -> dict[str, Array]:
        values = trace_float(graph, batch)
        return {op.output: values[op.output] for op in graph.operations}

    seen = collect([{"image": images()}], run).histograms
    params = {}
    for group in share_groups(graph):
        low, high = (
            f(getattr(seen[n], end) for n in group) for f, end in ((min, "low"), (max, "high"))
        )
        chosen = group_fixed_params(graph, group) or range_params(low, high)
        params |= dict.fromkeys(group, chosen)
    return lower(graph, params, recipe)


def codes_of(graph: IntGraph, reals: Array) -> dict[str, Array]:
    return trace(graph, {"image": quantize_array(reals, graph.tensors["image"].quant)})


def refined(graph: FloatGraph, recipe: Recipe) -> IntGraph:
    integers = lowered(graph, recipe)
    moments = collect_moments(
        integers, [{"image": images()}], lambda batch: codes_of(integers, batch["image"])
    )
    return refine(integers, graph, moments, recipe)


def logits_error(graph: FloatGraph, integers: IntGraph) -> Array:
    exact = trace_float(graph, {"image": images(2)})["logits"].astype(np.float64)
    scale, zero_point = (
        integers.tensors["logits"].quant.scale[0],
        integers.tensors["logits"].quant.zero_point,
    )
    return exact - (codes_of(integers, images(2))["logits"].astype(np.float64) - zero_point) * scale


@pytest.mark.parametrize("profile", list(Profile))
def test_refining_keeps_the_profile_and_lowers_the_mean_error(profile: Profile) -> None:
    graph = tiny_float_classifier(3)
    recipe = Recipe(profile=profile)

    better = refined(graph, recipe)

    assert better.profile is profile
    before, after = (logits_error(graph, each) for each in (lowered(graph, recipe), better))
    assert np.abs(after.mean(axis=0)).max() < np.abs(before.mean(axis=0)).max()


def test_the_integers_of_both_profiles_are_the_same() -> None:
    """A profile says how codes are rounded while running; weights are rounded before that."""
    graph = tiny_float_classifier()

    found = [refined(graph, Recipe(profile=profile)) for profile in Profile]

    weights = [name for name in found[0].constants if found[0].tensors[name].dtype.value == "int8"]
    assert weights
    for name in weights:
        assert np.array_equal(found[0].constants[name], found[1].constants[name])


def test_only_what_the_recipe_asks_for_changes() -> None:
    graph = tiny_float_classifier()
    recipe = Recipe(weight_rounding=WeightRounding.NEAREST)
    before = lowered(graph, recipe)

    after = refined(graph, recipe)

    changed = {
        n for n in after.constants if not np.array_equal(after.constants[n], before.constants[n])
    }
    assert changed <= {operation.bias for operation in refinable(before)}


def test_logits_count_as_outputs_that_can_be_corrected() -> None:
    integers = lowered(tiny_float_classifier(), Recipe())

    assert list(correctable(integers)) == ["logits"]


def test_a_mean_error_of_the_outputs_is_taken_out() -> None:
    integers = lowered(tiny_float_classifier(), Recipe())
    step = integers.tensors["logits"].quant.scale[0]
    wanted = np.array([2, -3] + [0] * 8)[: integers.tensors["logits"].shape[-1]] * step

    corrected = correct_outputs(integers, {"logits": wanted})

    moved = (
        codes_of(corrected, images())["logits"].astype(int) - codes_of(integers, images())["logits"]
    )
    inside = np.abs(codes_of(integers, images())["logits"].astype(int)) < 120
    for channel, steps in enumerate((2, -3)):
        assert set(moved[:, channel][inside[:, channel]]) <= {steps - 1, steps, steps + 1}


def test_what_is_too_large_to_be_refined_is_named(caplog: pytest.LogCaptureFixture) -> None:
    weight = np.random.default_rng(1).normal(size=(2, LARGEST_K + 1))
    graph = lower(dense(weight, None), {"x": quant(0.05), "y": quant(0.1)})

    with caplog.at_level(logging.WARNING):
        warn_of_large(graph)

    assert not refinable(graph)
    (message,) = caplog.messages
    assert message.startswith(f"y: {LARGEST_K + 1} weights a channel are rounded to the nearest")


def test_what_is_small_enough_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_large(lowered(tiny_float_classifier(), Recipe()))

    assert not caplog.messages
