import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from quantize.errors import ModelError, UnsupportedModelError
from quantize.load.onnx_file import OLDEST_OPSET
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import floats, integers, node, onnx_bytes

NEWEST_OPSET = onnx.defs.onnx_opset_version()


def small_model(opset: int = 17) -> bytes:
    nodes = [node("Conv", "x w", "a"), node("Clip", "a low high", "b"), node("Flatten", "b")]
    constants = {"w": floats(2, 1, 3, 3), "low": np.float32(0), "high": np.float32(6)}
    values = {name: np.asarray(value) for name, value in constants.items()}
    return onnx_bytes(nodes, {"x": ("N", 1, 4, 4)}, values, opset=opset)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100, b"TFL3" * 20, b"not a model at all", b"\x08\x07"]
)
def test_foreign_bytes_are_one_clear_line(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"^strange: not an ONNX model") as caught:
        load_onnx(data, "strange")

    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 0.9))  # behind lies the import of a domain that the model does not use
def test_truncated_models_are_refused(share: float) -> None:
    data = small_model()

    with pytest.raises(ModelError) as caught:
        load_onnx(data[: int(len(data) * share)], "cut")

    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 0.999), byte=st.integers(0, 255))
def test_a_changed_byte_loads_or_is_refused_in_one_line(place: float, byte: int) -> None:
    data = bytearray(small_model())
    data[int(len(data) * place)] = byte

    try:
        load_onnx(bytes(data), "changed")
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017  # both ends are right


@pytest.mark.parametrize("opset", range(OLDEST_OPSET, NEWEST_OPSET + 1))
def test_every_opset_from_13_on_is_read(opset: int) -> None:
    assert load_onnx(small_model(opset), "made").graph.operations


def test_older_opsets_are_refused_with_advice() -> None:
    nodes = [node("Clip", "x", min=0.0, max=6.0)]
    data = onnx_bytes(nodes, {"x": ("N", 4)}, opset=10)

    with pytest.raises(UnsupportedModelError, match="opset 10: supported are 13 to"):
        load_onnx(data, "old")


def test_older_opsets_are_read_where_nothing_has_changed_since() -> None:
    data = onnx_bytes([node("Relu", "x")], {"x": ("N", 4)}, opset=9)

    assert load_onnx(data, "old").graph.operations


def test_newer_opsets_are_refused() -> None:
    model = onnx.load_model_from_string(small_model())
    model.opset_import[0].version = NEWEST_OPSET + 1

    with pytest.raises(ModelError):
        load_onnx(model.SerializeToString(), "new")


def test_values_in_other_files_are_refused() -> None:
    model = onnx.load_model_from_string(small_model())
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"

    with pytest.raises(UnsupportedModelError, match="values lie in another file"):
        load_onnx(model.SerializeToString(), "split")


def test_shapes_that_contradict_each_other_are_refused() -> None:
    nodes = [node("Reshape", "x shape", "a"), node("MatMul", "a w")]
    data = onnx_bytes(nodes, {"x": (1, 4)}, {"shape": integers(1, 4), "w": floats(4, 2)})
    model = onnx.load_model_from_string(data)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [1, 3]))

    with pytest.raises(ModelError, match="shapes contradict each other"):
        load_onnx(model.SerializeToString(), "wrong")
