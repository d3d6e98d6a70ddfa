from pathlib import Path

import onnx
import pytest

from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import ModelError
from quantize.inspection import inspect_model
from tests.models import tiny_classifier
from tests.quantize.cases import save_classifier


def _unsupported(folder: Path) -> Path:
    value = onnx.helper.make_tensor_value_info
    nodes = [
        onnx.helper.make_node("Erf", ["x"], ["a"], name="first"),
        onnx.helper.make_node("Det", ["a"], ["y"], name="second"),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [value("x", onnx.TensorProto.FLOAT, [1, 3, 3])],
        [value("y", onnx.TensorProto.FLOAT, [1])],
    )
    opset = onnx.helper.make_opsetid("", 17)
    path = folder / "odd.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset]), path)
    return path


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    found = inspect_model(_unsupported(tmp_path))

    assert not found.is_supported
    assert any("Erf" in problem for problem in found.problems)
    assert any("Det" in problem for problem in found.problems)


def test_a_float_model_shows_its_ports_and_costs(tmp_path: Path) -> None:
    found = inspect_model(save_classifier(tmp_path))

    assert (found.format, found.is_int8, found.is_supported) == ("onnx", False, True)
    assert found.inputs[0].shape == (1, 6, 6, 2)
    assert found.outputs[0].shape == (1, 3)
    assert found.macs == sum(cost.macs for cost in found.operations)


@pytest.mark.tflite
def test_an_int8_model_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(emit_tflite(tiny_classifier()))

    assert inspect_model(path).is_int8


def test_a_file_that_cannot_be_read_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        inspect_model(tmp_path / "missing.onnx")
