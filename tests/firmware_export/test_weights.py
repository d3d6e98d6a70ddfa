import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.target import TARGETS
from firmware_export.weights import weights_files
from quantize.ir.graph import IntGraph
from tests.firmware_export.int_graphs import (
    EVERY_OPERATION,
    conv_graph,
    dense_graph,
    residual_graph,
)


def files(graph: IntGraph) -> dict[str, str]:
    return weights_files(plan_program(graph, TARGETS["host"], "m"), Provenance("model", "0" * 64))


def numbers(text: str, name: str) -> list[float]:
    found = re.search(rf"{name}\[\d+\] = {{(.*?)}}", text, re.DOTALL)
    assert found, name
    return [float(word.strip().removesuffix("f")) for word in found[1].split(",")]


def test_the_arrays_are_the_models_own() -> None:
    graph = conv_graph()

    source = files(graph)["m_weights.c"]

    assert numbers(source, "m_0_weight") == graph.constants["w"].ravel().tolist()
    assert numbers(source, "m_0_bias") == graph.constants["b"].tolist()
    quant = graph.tensors["w"].quant
    assert quant is not None
    scales = [np.float32(scale) for scale in numbers(source, "m_0_weight_scale")]
    assert scales == [np.float32(scale) for scale in quant.scale]


def test_quantization_and_attributes_are_documented() -> None:
    header = files(conv_graph())["m_weights.h"]

    assert "#define M_0_INPUT_ZERO_POINT (-3)" in header
    assert "#define M_0_OUTPUT_MAX 62" in header
    assert "stride (1, 1)" in header
    assert "(output channel, row, column, input channel)" in header


def test_a_layer_without_bias_has_no_bias_array() -> None:
    assert "m_0_bias" not in files(dense_graph(has_bias=False))["m_weights.c"]


@pytest.mark.gcc
@pytest.mark.parametrize("name", ["residual", "two_headed", "add_constant", "concat_rows"])
def test_the_arrays_compile_without_warnings(name: str, tmp_path: Path) -> None:
    made = files(EVERY_OPERATION[name] if name != "residual" else residual_graph())
    for path, text in made.items():
        (tmp_path / path).write_text(text)

    warnings = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
    subprocess.run(["gcc", *warnings, "-c", "m_weights.c"], cwd=tmp_path, check=True)
