from dataclasses import replace

import pytest

from quantize.recipe import RangeMethod, Recipe, WeightRounding
from quantize.report.activations import Activation
from quantize.report.causes import INPUT, Cause, Effect
from quantize.report.remedies import Situation, gain_db, remedies
from tests.models import tiny_classifier

WORST = Recipe(
    range_methods=(RangeMethod.MIN_MAX,),
    fully_connected_per_channel=False,
    equalize_strength=0.0,
    weight_rounding=WeightRounding.NEAREST,
    bias_correction=False,
    search_samples=0,
)


def _situation(*effects: Effect, recipe: Recipe = WORST, width: float = 1.0) -> Situation:
    seen = {
        effect.name: Activation(effect.name, "mse", 0.0, 10.0 * width, 0.0, 10.0, 0.01, (1,))
        for effect in effects
    }
    return Situation(recipe, tiny_classifier(), seen, effects)


def _logits() -> str:
    graph = tiny_classifier()
    return next(op.output for op in graph.operations if type(op).__name__ == "FullyConnected")


def test_half_of_the_noise_is_three_decibels() -> None:
    assert gain_db(0.5) == pytest.approx(3.0103, abs=1e-4)
    assert gain_db(0.0) == 0.0
    assert gain_db(1.0) == pytest.approx(20.0)


def test_every_switch_that_is_off_is_offered_for_a_dense_layer_s_weights() -> None:
    name = _logits()

    found = remedies(_situation(Effect(name, "FullyConnected", Cause.WEIGHTS, 0.5)))

    assert {remedy.remedy for remedy in found} == {
        'recipe: weight_rounding = "compensated"',
        "recipe: bias_correction = true",
        "recipe: fully_connected_per_channel = true",
        "recipe: equalize_strength = 1.0",
    }
    per_channel = next(remedy for remedy in found if "per_channel" in remedy.remedy)
    channels = tiny_classifier().tensors[name].shape[-1]
    assert per_channel.flash_bytes == 8 * (channels - 1)
    assert all(remedy.expected_gain_db == 3.01 for remedy in found)


def test_every_setting_that_is_named_exists_in_the_recipe() -> None:
    effects = [Effect(_logits(), "FullyConnected", cause, 0.3) for cause in Cause]

    for remedy in remedies(_situation(*effects, width=1.2)):
        if remedy.remedy.startswith("recipe: "):
            setting = remedy.remedy.removeprefix("recipe: ").replace(",", " ").split()[0]
            assert setting in Recipe.__dataclass_fields__


def test_int16_takes_the_rounding_away_and_a_second_byte_for_each_value() -> None:
    rounding = Effect(_logits(), "FullyConnected", Cause.ROUNDING, 0.5)

    found = {remedy.remedy: remedy for remedy in remedies(_situation(rounding))}

    wide = found["recipe: int16_layers, this one and what reads it"]
    assert (wide.expected_gain_db, wide.flash_bytes, wide.ram_bytes) == (3.01, 0, 5)
    entry = replace(rounding, operation=INPUT)
    assert not any("int16" in remedy.remedy for remedy in remedies(_situation(entry)))


def test_what_is_switched_already_is_not_offered() -> None:
    best = replace(Recipe(), equalize_strength=1.0, int16_layers=("all",))
    effects = [Effect(_logits(), "FullyConnected", cause, 0.3) for cause in Cause]

    found = remedies(_situation(*effects, recipe=best))

    assert [remedy.cause for remedy in found] == [Cause.CLIPPING]
    assert found[0].remedy.startswith("--calibrate")


def test_a_wider_range_is_charged_with_the_rounding_that_it_costs() -> None:
    clipping = Effect("x", INPUT, Cause.CLIPPING, 0.4)
    rounding = Effect("x", INPUT, Cause.ROUNDING, 0.1)

    cheap = remedies(_situation(clipping, recipe=Recipe(), width=2.0))
    charged = remedies(_situation(clipping, rounding, recipe=Recipe(), width=2.0))

    assert cheap[0].expected_gain_db == round(gain_db(0.4), 2)
    assert cheap[0].remedy == 'recipe: range_methods = ["min_max"]'
    assert charged[0].expected_gain_db == pytest.approx(gain_db(0.4 - 0.1 * 3), abs=0.03)


def test_equalizing_is_not_offered_for_the_rounding_of_logits() -> None:
    found = remedies(
        _situation(Effect(_logits(), "FullyConnected", Cause.ROUNDING, 0.5), recipe=Recipe())
    )

    assert not any("equalize" in remedy.remedy for remedy in found)


def test_the_greatest_gain_comes_first_and_no_gain_not_at_all() -> None:
    found = remedies(
        _situation(
            Effect("a", "Conv2D", Cause.WEIGHTS, 0.1),
            Effect("b", "Conv2D", Cause.WEIGHTS, 0.6),
            Effect("c", "Conv2D", Cause.WEIGHTS, 1e-5),
        )
    )

    assert [remedy.layer for remedy in found] == ["b"] * 3 + ["a"] * 3
