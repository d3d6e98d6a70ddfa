import numpy as np
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

IMAGE = {"x": ("N", 3, 4, 5)}
POOL = node("MaxPool", "x", "a", kernel_shape=[1, 1])  # what is behind it is stored channels-last


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 1, 1), (1, 3, 1, 1), (4, 1), (3, 4, 5)])
def test_constants_broadcast_as_onnx_says(kind: str, shape: tuple[int, ...]) -> None:
    constants = {"c": np.abs(floats(*shape)) + np.float32(0.5)}

    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node(kind, "a c")], IMAGE, constants))


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul"])
def test_a_constant_may_stand_on_the_left(kind: str) -> None:
    constants = {"c": floats(3, 1, 1)}

    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node(kind, "c a")], IMAGE, constants))


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Sum"])
def test_computed_tensors_that_stand_alike(kind: str) -> None:
    nodes = [POOL, node("Relu", "a", "b"), node(kind, "b a")]

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE))

    assert "Transpose" not in kinds(graph)


def test_attention_per_channel_broadcasts_without_transposes() -> None:
    nodes = [
        POOL,
        node("GlobalAveragePool", "a", "b"),
        node("Conv", "b w", "c"),
        node("Sigmoid", "c", "d"),
        node("Mul", "a d"),
    ]

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, {"w": floats(3, 3, 1, 1)}))

    assert kinds(graph) == ["MaxPool2D", "Mean", "Conv2D", "Logistic", "Mul"]


def test_tensors_that_stand_otherwise_are_brought_into_one_order() -> None:
    nodes = [POOL, node("Reshape", "z s", "b"), node("Add", "a b")]
    constants = {"s": np.array([0, 3, 4, 5], np.int64)}

    graph = assert_reads_as_onnxruntime_runs(
        onnx_bytes(nodes, {**IMAGE, "z": ("N", 60)}, constants)
    )

    assert kinds(graph).count("Transpose") == 1


def test_a_constant_that_makes_the_tensor_larger() -> None:
    data = onnx_bytes([node("Mul", "x c")], {"x": ("N", 1)}, {"c": floats(5)})

    assert_reads_as_onnxruntime_runs(data)


def test_batch_normalization_goes_into_the_convolution() -> None:
    nodes = [
        node("Conv", "x w", "a", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "a s b m v", "c", epsilon=1e-3),
        node("Relu", "c"),
    ]
    constants = {"w": floats(4, 3, 3, 3), "s": floats(4), "b": floats(4, seed=1)}
    constants |= {"m": floats(4, seed=2), "v": np.abs(floats(4, seed=3)) + np.float32(0.1)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))

    assert kinds(graph) == ["Conv2D"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (node("Div", "x zero"), "the divisor holds 0"),
        (node("Div", "x x"), "input 1 is computed"),
        (node("Add", "x batch"), "spreads the batch"),
        (node("Add", "x z"), "different numbers of axes"),
    ],
)
def test_what_cannot_be_said_is_refused(bad: onnx.NodeProto, message: str) -> None:
    constants = {"zero": np.zeros(1, np.float32), "batch": floats(7, 1, 1, 1)}
    data = onnx_bytes([bad], {"x": (1, 3, 4, 5), "z": (1, 5)}, constants)

    with pytest.raises(UnsupportedModelError, match=message):
        load_onnx(data, "made")
