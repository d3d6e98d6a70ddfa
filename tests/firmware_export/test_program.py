from dataclasses import replace

import pytest

from firmware_export.errors import NamingError
from firmware_export.program import plan_program
from firmware_export.target import TARGETS
from quantize.ir.graph import Profile
from tests.firmware_export.int_graphs import dense_graph, residual_graph, two_headed_graph

M4 = TARGETS["cortex-m4"]


def test_the_prefix_comes_from_the_graphs_name() -> None:
    graph = replace(dense_graph(), name="Door 2/int8")

    assert plan_program(graph, M4).prefix == "door_2_int8"


def test_a_long_name_gives_a_legal_prefix() -> None:
    assert len(plan_program(replace(dense_graph(), name="ab_" * 40), M4).prefix) <= 40


def test_an_illegal_prefix_is_refused() -> None:
    with pytest.raises(NamingError, match="'int'"):
        plan_program(dense_graph(), M4, "int")


def test_the_arithmetic_is_tflm_whatever_the_graph_says() -> None:
    program = plan_program(replace(dense_graph(), profile=Profile.LITERT), M4)

    assert program.graph.profile is Profile.TFLM
    assert program.original_profile is Profile.LITERT


def test_a_reshape_that_shares_its_buffer_costs_no_call() -> None:
    assert [call.output for call in plan_program(residual_graph(), M4).calls] == [
        *["c1", "c2", "c3", "sum", "pool", "logits", "probabilities"]
    ]


def test_a_single_input_needs_no_name_and_several_have_legal_ones() -> None:
    assert plan_program(dense_graph(), M4).input_names == ("",)

    two = plan_program(two_headed_graph(), M4)
    assert two.input_names == ("left_in", "t_2nd_in")
    assert two.output_names == ("sum", "clamp")


def test_tensors_of_the_vector_extension_are_aligned_for_it() -> None:
    program = plan_program(residual_graph(), TARGETS["cortex-m55"])

    assert {program.offset(name) % 16 for name in program.storage.buffer_of} == {0}


def test_a_model_named_as_the_kernels_gets_another_prefix() -> None:
    graph = replace(dense_graph(), name="edge-model")

    assert plan_program(graph, M4).prefix == "model_edge_model"
