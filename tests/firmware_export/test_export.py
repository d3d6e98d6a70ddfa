import numpy as np
import pytest

from firmware_export.export import Export, export_model, export_weights
from firmware_export.model_file import Model
from firmware_export.package.cmake import cmake_files
from firmware_export.record import FILE_NAME, encode_record
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph, Profile
from quantize.ir.interpreter import execute
from quantize.ir.spec import check_integer
from tests.firmware_export.int_graphs import dense_graph, residual_graph

SHA256 = "5" * 64


def exported(graph: IntGraph, vectors: int = 3) -> Export:
    model = Model("some model", graph, SHA256)
    return export_model(model, TARGETS["host"], package=cmake_files, vectors=vectors, prefix="m")


def test_the_files_of_an_export() -> None:
    made = exported(residual_graph())

    assert set(made.files) >= {
        "m.h",
        "m.c",
        "m_selftest.h",
        "m_selftest.c",
        "CMakeLists.txt",
        "README.md",
        FILE_NAME,
        "kernels/edge_kernels.h",
    }
    assert sorted(made.files) == made.record.files
    assert made.files[FILE_NAME] == encode_record(made.record)


def test_the_record_says_what_codes_go_in_and_come_out() -> None:
    graph = residual_graph()

    record = exported(graph).record

    for ports, names in ((record.inputs, graph.inputs), (record.outputs, graph.outputs)):
        assert [port.name for port in ports] == list(names)
        for port in ports:
            tensor = graph.tensors[port.name]
            assert tensor.quant is not None
            assert port.shape == tensor.shape
            assert (port.scale,) == tensor.quant.scale
            assert port.zero_point == tensor.quant.zero_point


def test_the_same_model_gives_the_same_bytes() -> None:
    assert exported(residual_graph()).files == exported(residual_graph()).files


def test_every_text_says_which_model_it_was_made_from() -> None:
    made = exported(residual_graph())

    texts = [name for name in made.files if "kernels/" not in name]
    assert all(SHA256 in made.files[name].decode() for name in texts)


def test_no_text_holds_a_path_of_this_machine() -> None:
    made = exported(residual_graph())

    assert not any(b"/tmp" in content or b"/home" in content for content in made.files.values())


def test_without_compiler_the_constants_and_the_arena_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    record = exported(dense_graph()).record

    assert record.compiler is None
    assert record.flash_bytes == record.constants_bytes == 70 + 7 * 9
    assert record.ram_bytes == record.arena_bytes
    assert record.stack_bytes is None
    assert any("gcc is not installed" in note for note in record.notes)


def test_a_graph_in_profile_litert_is_exported_in_tflm_and_says_so() -> None:
    graph = check_integer(dense_graph(), Profile.LITERT)

    made = exported(graph, vectors=400)

    assert made.record.profile == "tflm"
    assert made.record.model.original_profile == "litert"
    assert any("the model says profile litert" in note for note in made.record.notes)
    assert made.files["m_selftest.c"] == exported(dense_graph(), vectors=400).files["m_selftest.c"]


def test_vectors_that_came_with_the_model_are_used() -> None:
    graph = dense_graph()
    inputs = {"x": np.full((5, 2, 5), -7, np.int8)}
    model = Model("m", graph, SHA256, inputs)

    made = export_model(model, TARGETS["host"], package=cmake_files, vectors=2, prefix="m")

    text = made.files["m_selftest.c"].decode()
    outputs = execute(graph, inputs)["y"]
    assert made.record.vectors == 2
    assert f"golden_input[20] = {{\n    {', '.join(['-7'] * 20)}\n}}" in text
    assert f"{', '.join(str(code) for code in [*outputs[0], *outputs[1]])}\n}}" in text
    assert not any("random" in note for note in made.record.notes)


def test_weights_only_is_arrays_and_a_report() -> None:
    made = export_weights(Model("m", dense_graph(), SHA256), TARGETS["host"], prefix="m")

    assert sorted(made.files) == ["m_weights.c", "m_weights.h", FILE_NAME]
    assert made.record.vectors == 0
