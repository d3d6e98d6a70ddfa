import pytest

from quantize.errors import UnsupportedModelError
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


@pytest.mark.parametrize("kind", ["Relu", "Sigmoid", "Tanh", "Neg"])
def test_functions_of_one_value(kind: str) -> None:
    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node(kind, "a")], IMAGE))


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax", "LpNormalization"])
@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_functions_of_rows_run_along_any_axis_but_the_batch(kind: str, axis: int) -> None:
    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node(kind, "a", axis=axis)], IMAGE))


def test_lengths_that_are_sums_of_magnitudes_are_refused() -> None:
    data = onnx_bytes([node("LpNormalization", "x", axis=1, p=1)], IMAGE)

    with pytest.raises(UnsupportedModelError, match="has p 1; only 2"):
        load_onnx(data, "made")


def test_softmax_over_channels_moves_nothing() -> None:
    graph = assert_reads_as_onnxruntime_runs(
        onnx_bytes([POOL, node("Softmax", "a", axis=1)], IMAGE)
    )

    assert kinds(graph) == ["MaxPool2D", "Softmax"]


def test_softmax_over_the_batch_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="along the batch"):
        load_onnx(onnx_bytes([node("Softmax", "x", axis=0)], IMAGE), "made")
