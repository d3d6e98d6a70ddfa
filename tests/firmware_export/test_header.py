import numpy as np
import pytest

from firmware_export.header import header_text
from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.selftest import selftest_header
from firmware_export.target import TARGETS
from tests.firmware_export.int_graphs import dense_graph, two_headed_graph

PROVENANCE = Provenance("tiny */ model", "ab" * 32)
M4 = TARGETS["cortex-m4"]


def test_the_api_of_one_input_and_one_output() -> None:
    text = header_text(plan_program(dense_graph(), M4, "tiny"), PROVENANCE)

    for line in (
        "#ifndef TINY_H",
        "#define TINY_ARENA_BYTES 20",
        "#define TINY_INPUT_SIZE 10",
        "#define TINY_INPUT_SCALE 0.05f",
        "#define TINY_INPUT_ZERO_POINT (-3)",
        "#define TINY_OUTPUT_SIZE 7",
        "#define TINY_OUTPUT_ZERO_POINT 7",
        "int8_t *tiny_input(void);",
        "const int8_t *tiny_output(void);",
        "void tiny_run(void);",
        "int tiny_invoke(const int8_t *input, int8_t *output);",
        'extern "C" {',
    ):
        assert line in text.splitlines()


def test_several_inputs_and_outputs_are_parameters_by_name() -> None:
    text = header_text(plan_program(two_headed_graph(), M4, "two"), PROVENANCE)

    assert "int8_t *two_input_left_in(void);" in text
    assert "#define TWO_INPUT_T_2ND_IN_SIZE 6" in text
    assert (
        "int two_invoke(const int8_t *input_left_in, const int8_t *input_t_2nd_in, "
        "int8_t *output_sum, int8_t *output_clamp);"
    ) in text


def test_the_first_line_says_by_what_and_from_what() -> None:
    program = plan_program(dense_graph(), M4, "tiny")

    for text in (header_text(program, PROVENANCE), selftest_header(program, PROVENANCE)):
        first = text.splitlines()[0]
        assert first.startswith("/* Made by edge-firmware ")
        assert first.endswith(f"from tiny * / model, SHA-256 {'ab' * 32} */")


@pytest.mark.parametrize("scale", [0.1, 1 / 3, 1e-7, 255.0])
def test_scales_read_back_exactly(scale: float) -> None:
    graph = dense_graph()
    tensor = graph.tensors["x"]
    assert tensor.quant is not None
    value = float(np.float32(scale))
    changed = type(tensor)(tensor.shape, tensor.dtype, type(tensor.quant)((value,), 0))
    graph = type(graph)(
        graph.name,
        graph.inputs,
        graph.outputs,
        {**graph.tensors, "x": changed},
        graph.constants,
        graph.operations,
    )

    text = header_text(plan_program(graph, M4, "t"), PROVENANCE)

    (line,) = (line for line in text.splitlines() if "T_INPUT_SCALE" in line)
    assert np.float32(line.split()[-1].removesuffix("f")) == np.float32(scale)
