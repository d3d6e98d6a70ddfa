"""Which layers compute in int16 or float32: as the recipe says, and what follows from it."""

import pytest

from quantize.errors import RecipeError
from quantize.ir.graph import DType
from quantize.ir.ops import AveragePool2D, DepthToSpace, HardSwish, Reshape
from quantize.layer_types import layer_types
from quantize.recipe import Recipe
from tests.models import float_graph, tiny_float_classifier

NARROW, WIDE, REAL = DType.INT8, DType.INT16, DType.FLOAT32


def _types(**recipe: tuple[str, ...]) -> dict[str, DType]:
    return dict(layer_types(tiny_float_classifier(), Recipe(**recipe)))


def test_without_a_choice_everything_is_int8() -> None:
    assert set(_types().values()) == {NARROW}


def test_what_only_moves_values_is_as_wide_as_what_it_moves() -> None:
    types = _types(int16_layers=("depthwise",), float_layers=("logits",))

    assert types == {
        "conv": NARROW,
        "depthwise": WIDE,
        "flat": WIDE,
        "logits": REAL,
        "scores": NARROW,
    }


def test_all_means_every_operation_and_float_wins_over_all_in_int16() -> None:
    types = _types(int16_layers=("all",), float_layers=("conv",))

    assert types.pop("conv") is REAL
    assert set(types.values()) == {WIDE}


def test_all_in_int16_passes_over_what_has_no_such_form() -> None:
    operations = [HardSwish("x", "bent"), DepthToSpace("bent", "large", 2)]
    graph = float_graph(operations, {"x": (1, 2, 2, 4)}, {})

    assert set(layer_types(graph, Recipe(int16_layers=("all",))).values()) == {NARROW}
    with pytest.raises(RecipeError, match="bent is a HardSwish, which has no int16 form"):
        layer_types(graph, Recipe(int16_layers=("bent",)))


def test_a_moving_operation_without_an_int16_form_stays_int8() -> None:
    operations = [AveragePool2D("x", "pool", (1, 1), (1, 1)), DepthToSpace("pool", "large", 2)]
    graph = float_graph(operations, {"x": (1, 2, 2, 4)}, {})

    assert dict(layer_types(graph, Recipe(int16_layers=("pool",)))) == {
        "pool": WIDE,
        "large": NARROW,
    }


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(RecipeError, match="no layer 'convolution', there are conv, depthwise"):
        _types(float_layers=("convolution",))


@pytest.mark.parametrize("name", ["flat/equalized", "flat/pruned", "flat/pruned/equalized_2"])
def test_a_layer_is_found_under_the_name_that_stages_gave_it(name: str) -> None:
    graph = float_graph([Reshape("x", name)], {"x": (1, 2, 2)}, {}, declared={name: (1, 4)})

    assert layer_types(graph, Recipe(int16_layers=("flat",))) == {name: WIDE}


def test_a_layer_cannot_be_in_both_lists() -> None:
    with pytest.raises(RecipeError, match="conv: in int16_layers and in float_layers"):
        Recipe(int16_layers=("conv",), float_layers=("conv",))
