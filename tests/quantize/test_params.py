import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantize.ir.graph import QuantParams
from quantize.ir.ops import Concat, Logistic, MaxPool2D, Reshape, Softmax
from quantize.ir.spec import SOFTMAX_OUTPUT
from quantize.params import (
    group_fixed_params,
    group_sources,
    range_params,
    share_groups,
)
from tests.models import float_graph

ends = st.floats(-1e4, 1e4, width=32)


@given(ends, ends)
def test_both_ends_and_zero_are_within_a_step_of_a_code(left: float, right: float) -> None:
    low, high = min(left, right, 0.0), max(left, right, 0.0)

    quant = range_params(low, high)

    (scale,) = quant.scale
    assert float(np.float32(scale)) == scale > 0
    assert -128 <= quant.zero_point <= 127
    assert (-128 - quant.zero_point) * scale <= low + scale
    assert (127 - quant.zero_point) * scale >= high - scale


def test_pixels_fall_on_the_grid() -> None:
    assert range_params(0.0, 255.0) == QuantParams((1.0,), -128)


def test_an_empty_range_has_a_scale() -> None:
    assert range_params(0.0, 0.0) == QuantParams((1.0,), 0)


def test_operations_that_keep_a_scale_are_grouped() -> None:
    graph = float_graph(
        [MaxPool2D("x", "pool", (2, 2), (2, 2)), Reshape("pool", "flat"), Softmax("flat", "y")],
        {"x": (1, 4, 4, 1)},
        {},
        declared={"flat": (1, 4)},
    )

    groups = share_groups(graph)

    assert groups == (("x", "pool", "flat"), ("y",))
    assert group_sources(graph, groups[0]) == ("x",)
    assert group_fixed_params(graph, groups[0]) is None
    assert group_fixed_params(graph, groups[1]) == SOFTMAX_OUTPUT


def test_a_concat_joins_its_inputs_but_those_whose_scale_is_fixed() -> None:
    graph = float_graph(
        [Logistic("a", "p"), Concat(("a", "b", "p"), "y", 1)], {"a": (1, 2), "b": (1, 3)}, {}
    )

    assert share_groups(graph) == (("a", "b", "y"), ("p",))
    assert share_groups(graph, join_concats=False) == (("a",), ("b",), ("p",), ("y",))
