import onnx
import pytest
from onnx import helper

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import node, onnx_bytes


def with_class_index(*, scores: bool) -> bytes:
    nodes = [node("Softmax", "x", "y"), node("ArgMax", "y", "index", axis=1)]
    model = onnx.load_model_from_string(onnx_bytes(nodes, {"x": ("N", 4)}))
    if not scores:
        model.graph.ClearField("output")
    model.graph.output.append(helper.make_tensor_value_info("index", 7, ["N", 1]))
    return model.SerializeToString()


def test_the_index_of_the_class_is_left_out_beside_the_scores() -> None:
    assert load_onnx(with_class_index(scores=True), "made").graph.outputs == ("y",)


def test_the_index_of_the_class_alone_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="output index: is no float32 tensor"):
        load_onnx(with_class_index(scores=False), "made")


def test_other_integers_are_not_left_out_in_silence() -> None:
    nodes = [node("Relu", "x", "y"), node("Cast", "x", "z", to=7)]
    model = onnx.load_model_from_string(onnx_bytes(nodes, {"x": ("N", 4)}))
    model.graph.output.append(helper.make_tensor_value_info("z", 7, ["N", 4]))

    with pytest.raises(UnsupportedModelError, match="output z: is no float32 tensor"):
        load_onnx(model.SerializeToString(), "made")


def test_a_model_without_outputs_is_refused() -> None:
    model = onnx.load_model_from_string(onnx_bytes([node("Relu", "x")], {"x": ("N", 4)}))
    model.graph.ClearField("output")

    with pytest.raises(UnsupportedModelError, match="returns nothing"):
        load_onnx(model.SerializeToString(), "made")
