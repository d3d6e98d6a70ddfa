import onnx
import pytest

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    floats,
    kinds,
    node,
    onnx_bytes,
)

pytestmark = pytest.mark.ort


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias", [(5,), (1, 5), (1,)])
def test_gemm_with_any_scaling_and_bias(transposed: int, bias: tuple[int, ...]) -> None:
    weight = floats(5, 4) if transposed else floats(4, 5)
    nodes = [node("Gemm", "x w b", transB=transposed, alpha=0.5, beta=2.0)]
    data = onnx_bytes(nodes, {"x": ("N", 4)}, {"w": weight, "b": floats(*bias, seed=1)})

    graph = assert_reads_as_onnxruntime_runs(data)

    assert kinds(graph) == ["FullyConnected"]


def test_matmul_and_add_make_one_layer() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "b a")]
    data = onnx_bytes(nodes, {"x": ("N", 4)}, {"w": floats(4, 5), "b": floats(5, seed=1)})

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["FullyConnected"]


@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4)])
def test_matmul_of_several_rows_is_a_pointwise_convolution(shape: tuple[int, ...]) -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "a b", "c"), node("Relu", "c")]
    data = onnx_bytes(nodes, {"x": ("N", *shape)}, {"w": floats(4, 5), "b": floats(5, seed=1)})

    graph = assert_reads_as_onnxruntime_runs(data)

    assert [kind for kind in kinds(graph) if kind != "Reshape"] == ["Conv2D"]


def test_matmul_of_one_row_with_more_axes_is_a_layer() -> None:
    data = onnx_bytes([node("MatMul", "x w")], {"x": ("N", 1, 4)}, {"w": floats(4, 5)})

    assert "FullyConnected" in kinds(assert_reads_as_onnxruntime_runs(data))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (node("MatMul", "x z"), "input 1 is computed"),
        (node("MatMul", "v x"), "mixes the batch"),
        (node("Gemm", "x w", transA=1), "only untransposed rows"),
    ],
)
def test_products_that_are_no_layer_are_refused(bad: onnx.NodeProto, message: str) -> None:
    constants = {"w": floats(1, 5), "v": floats(5, 1)}
    data = onnx_bytes([bad], {"x": (1, 4), "z": (1, 4, 4)}, constants)

    with pytest.raises(UnsupportedModelError, match=message):
        load_onnx(data, "made")


@pytest.mark.parametrize("shape", [(1, 6, 5), (1, 2, 6, 5)])
@pytest.mark.ort
def test_a_constant_matrix_may_stand_on_the_left(shape: tuple[int, ...]) -> None:
    data = onnx_bytes([node("MatMul", "w x")], {"x": ["N", *shape[1:]]}, {"w": floats(4, 6)})

    assert "Conv2D" in kinds(assert_reads_as_onnxruntime_runs(data))


@pytest.mark.ort
def test_a_constant_matrix_may_have_a_batch_of_its_own() -> None:
    data = onnx_bytes([node("MatMul", "x w")], {"x": ["N", 5, 6]}, {"w": floats(1, 6, 4)})

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["Reshape", "Conv2D", "Reshape"]


def test_a_constant_of_several_matrices_is_refused_by_name() -> None:
    data = onnx_bytes([node("MatMul", "x w")], {"x": ["N", 2, 6]}, {"w": floats(2, 6, 4)})

    with pytest.raises(UnsupportedModelError, match="only one matrix"):
        load_onnx(data, "m")
