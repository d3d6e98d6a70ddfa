"""The Pareto list: cheapest first, each recipe once, layers with those that read them."""

from quantize.candidates import int8_tier, wide_tiers
from quantize.recipe import Recipe, WeightRounding
from tests.models import tiny_float_classifier

RANKED = ["depthwise", "conv", "logits"]


def test_int8_is_tried_plain_then_with_each_technique() -> None:
    tier = int8_tier(Recipe())

    assert [candidate.name for candidate in tier] == [
        "int8",
        "int8 + correction",
        "int8 + correction + equalization",
    ]
    plain, corrected, whole = (candidate.recipe for candidate in tier)
    assert not plain.bias_correction
    assert corrected == Recipe(equalize_strength=0.0)
    assert whole == Recipe()


def test_what_the_recipe_switched_off_is_not_tried() -> None:
    recipe = Recipe(
        equalize_strength=0.0, bias_correction=False, weight_rounding=WeightRounding.NEAREST
    )

    assert [candidate.recipe for candidate in int8_tier(recipe)] == [recipe]


def test_ever_more_layers_become_wide_with_those_that_read_them() -> None:
    tiers = list(wide_tiers(Recipe(), tiny_float_classifier(), RANKED))

    tried = [(t.name, t.recipe.int16_layers, t.recipe.float_layers) for (t,) in tiers]
    every = ("conv", "depthwise", "flat", "logits", "scores")
    assert tried == [
        ("int16: 3 of 5 layers", ("depthwise", "flat", "logits"), ()),
        ("int16: 4 of 5 layers", ("conv", "depthwise", "flat", "logits"), ()),
        ("int16: 5 of 5 layers", every, ()),
        ("float: 3 of 5 layers", ("conv", "scores"), ("depthwise", "flat", "logits")),
        ("float: 4 of 5 layers", ("scores",), ("conv", "depthwise", "flat", "logits")),
        ("float: 5 of 5 layers", (), every),
    ]


def test_layers_that_the_recipe_chose_stay_chosen() -> None:
    recipe = Recipe(int16_layers=("conv",), float_layers=("scores",))

    for (tried,) in wide_tiers(recipe, tiny_float_classifier(), RANKED):
        assert "scores" in tried.recipe.float_layers
        assert "conv" in (*tried.recipe.int16_layers, *tried.recipe.float_layers)
