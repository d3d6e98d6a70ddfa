import numpy as np
import pytest

from quantize.errors import UnsupportedModelError
from quantize.ir.ops import Activate, Activation
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    kinds,
    node,
    onnx_bytes,
)

pytestmark = pytest.mark.ort

IMAGE = {"x": ("N", 3, 4, 5)}
POOL = node("MaxPool", "x", "a", kernel_shape=[1, 1])  # what is behind it is stored channels-last
BOUNDS = {"zero": np.float32(0), "six": np.float32(6), "infinite": np.float32(np.inf)}


@pytest.mark.parametrize("kind", ["Relu", "Sigmoid", "Tanh", "Neg"])
def test_functions_of_one_value(kind: str) -> None:
    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node(kind, "a")], IMAGE))


@pytest.mark.parametrize(
    ("inputs", "activation"),
    [
        ("x zero six", Activation.RELU6),
        ("x zero", Activation.RELU),
        ("x zero infinite", Activation.RELU),
    ],
)
def test_clips_are_clamps_that_we_know(inputs: str, activation: Activation) -> None:
    constants = {name: np.array(value) for name, value in BOUNDS.items()}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes([node("Clip", inputs)], IMAGE, constants))

    assert [op.activation for op in graph.operations if isinstance(op, Activate)] == [activation]


def test_the_maximum_with_0_is_a_relu() -> None:
    data = onnx_bytes([node("Max", "zero x")], IMAGE, {"zero": np.array(0, np.float32)})

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["Activate"]


def test_other_clips_are_refused() -> None:
    constants = {"low": np.array(-1, np.float32), "high": np.array(1, np.float32)}
    data = onnx_bytes([node("Clip", "x low high")], IMAGE, constants)

    with pytest.raises(UnsupportedModelError, match=r"clamps to \[-1.0, 1.0\]"):
        load_onnx(data, "made")


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_softmax_runs_along_any_axis_but_the_batch(axis: int) -> None:
    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node("Softmax", "a", axis=axis)], IMAGE))


def test_softmax_over_channels_moves_nothing() -> None:
    graph = assert_reads_as_onnxruntime_runs(
        onnx_bytes([POOL, node("Softmax", "a", axis=1)], IMAGE)
    )

    assert kinds(graph) == ["MaxPool2D", "Softmax"]


def test_softmax_over_the_batch_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="along the batch"):
        load_onnx(onnx_bytes([node("Softmax", "x", axis=0)], IMAGE), "made")
