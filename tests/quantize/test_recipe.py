import pytest

from quantize.errors import RecipeError
from quantize.ir.graph import Profile
from quantize.recipe import RangeMethod, Recipe, WeightRounding, read_recipe, recipe_facts


def test_an_empty_recipe_is_the_default() -> None:
    assert read_recipe("") == Recipe()


def test_every_setting_is_read() -> None:
    recipe = read_recipe(
        'profile = "litert"\nrange_methods = ["mse", "min_max"]\nequalize_strength = 0.25\n'
        'weight_rounding = "nearest"\nbias_correction = false\nsearch_samples = 7\n'
    )

    assert recipe.profile is Profile.LITERT
    assert recipe.range_methods == (RangeMethod.MSE, RangeMethod.MIN_MAX)
    assert recipe.weight_rounding is WeightRounding.NEAREST
    assert (recipe.equalize_strength, recipe.bias_correction) == (0.25, False)
    assert recipe.search_samples == 7


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(RecipeError, match=r"'batchsize'.*batch_size"):
        read_recipe("batchsize = 3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 3", "not TOML"),
        ('batch_size = "many"', "batch_size"),
        ("batch_size = 0", "batch_size: 0"),
        ("search_samples = -1", "search_samples: -1"),
        ("range_methods = []", "range_methods: empty"),
        ('range_methods = ["best"]', "best"),
        ("equalize_strength = 1.5", "equalize_strength: 1.5"),
    ],
)
def test_a_wrong_value_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(text)


def test_facts_are_plain_values() -> None:
    facts = recipe_facts(Recipe())

    assert facts["profile"] == "tflm"
    assert set(facts) == set(Recipe.__dataclass_fields__)
