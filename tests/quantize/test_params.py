import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantize.ir.graph import QuantParams
from quantize.ir.hard_swish import hard_swish_fault
from quantize.ir.ops import (
    Add,
    Concat,
    Logistic,
    Maximum,
    MaxPool2D,
    Minimum,
    Reshape,
    Softmax,
    Tanh,
)
from quantize.ir.spec import SOFTMAX_OUTPUT
from quantize.params import (
    group_fixed_params,
    group_sources,
    hard_swish_params,
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


def test_what_only_an_extremum_reads_takes_the_range_of_what_is_left() -> None:
    graph = float_graph(
        [Tanh("x", "t"), Add("t", "t", "a"), Maximum("a", "low", "b"), Minimum("b", "high", "y")],
        {"x": (1, 4)},
        {"low": np.array([-1], np.float32), "high": np.array([1], np.float32)},
    )

    groups = share_groups(graph)

    assert groups == (("x",), ("t",), ("a", "b", "y"))
    assert group_sources(graph, groups[2]) == ("y",)


def test_an_extremum_leaves_the_scale_of_what_others_read_or_dictate_alone() -> None:
    graph = float_graph(
        [Add("x", "x", "a"), Tanh("a", "t"), Maximum("a", "t", "m"), Minimum("m", "x", "y")],
        {"x": (1, 4)},
        {},
    )

    assert share_groups(graph) == (("x",), ("a",), ("t",), ("m", "y"))


@given(
    st.floats(2.0**-100, 1e6, width=32), st.floats(2.0**-100, 1e6, width=32), st.integers(-128, 127)
)
def test_a_hard_swish_always_gets_scales_that_it_can_say(
    read: float, made: float, zero_point: int
) -> None:
    wanted = QuantParams((read,), zero_point), QuantParams((made,), zero_point)

    found = hard_swish_params(*wanted)

    assert hard_swish_fault(found[0].scale[0], found[1].scale[0]) is None
    for given_params, params in zip(wanted, found, strict=True):
        assert float(np.float32(params.scale[0])) == params.scale[0]
        assert -128 <= params.zero_point <= 127
        if params.scale == given_params.scale:
            assert params == given_params
