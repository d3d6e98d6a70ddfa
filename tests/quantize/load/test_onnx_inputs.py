import onnx
import pytest
from onnx import helper

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import floats, node, onnx_bytes


@pytest.mark.parametrize("batch", [1, "N", None])
def test_a_free_batch_is_1(batch: int | str | None) -> None:
    loaded = load_onnx(onnx_bytes([node("Relu", "x")], {"x": (batch, 4)}), "made")

    assert loaded.graph.tensors["x"].shape == (1, 4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 4), "has a batch of 8; export the model with batch 1"),
        (("N", 3, "height", 4), r"axis 2 has no fixed size \(height\)"),
        ((4,), "has 1 axes; expected a batch"),
        (("N", 0), "axis 1 has no fixed size"),
    ],
)
def test_other_free_sizes_are_refused(shape: tuple[int, ...], message: str) -> None:
    data = onnx_bytes([node("Relu", "x")], {"x": shape})

    with pytest.raises(UnsupportedModelError, match=f"input x: .*{message}"):
        load_onnx(data, "made")


def test_integers_are_refused() -> None:
    model = onnx.load_model_from_string(onnx_bytes([node("Cast", "x", to=1)], {"x": ("N", 4)}))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 2, ["N", 4]))

    with pytest.raises(UnsupportedModelError, match="input x: is UINT8; export"):
        load_onnx(model.SerializeToString(), "made")


def test_every_bad_input_is_named_at_once() -> None:
    data = onnx_bytes([node("Add", "x z")], {"x": (8, 4), "z": ("N", "M")})

    with pytest.raises(UnsupportedModelError) as caught:
        load_onnx(data, "made")

    assert len(caught.value.problems) == 2


def test_initializers_that_old_exporters_list_as_inputs_are_not_fed() -> None:
    data = onnx_bytes([node("MatMul", "x w")], {"x": ("N", 4), "w": (4, 2)}, {"w": floats(4, 2)})

    assert load_onnx(data, "made").graph.inputs == ("x",)


@pytest.mark.parametrize(
    ("shape", "stored"), [((1, 3, 32, 32), (1, 32, 32, 3)), ((1, 32, 32, 3), (1, 32, 32, 3))]
)
def test_colours_in_front_are_channels_where_no_operation_tells(
    shape: tuple[int, ...], stored: tuple[int, ...]
) -> None:
    loaded = load_onnx(onnx_bytes([node("Flatten", "x")], {"x": shape}), "made")

    assert loaded.graph.tensors["x"].shape == stored


def test_the_operation_decides_through_clamps_and_transposes() -> None:
    nodes = [
        node("Relu", "x", "a"),
        node("Transpose", "a", "b", perm=[0, 3, 1, 2]),
        node("Conv", "b w"),
    ]
    data = onnx_bytes(nodes, {"x": ("N", 3, 40, 50)}, {"w": floats(2, 50, 1, 1)})

    loaded = load_onnx(data, "made")

    assert loaded.graph.tensors["x"].shape == (1, 3, 40, 50)
    assert not loaded.input_permutations
