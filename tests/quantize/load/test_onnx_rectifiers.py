import numpy as np
import pytest

from quantize.ir.ops import Activate, Activation, LeakyRelu
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
BOUNDS = {"zero": np.float32(0), "six": np.float32(6), "infinite": np.float32(np.inf)}


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


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (-1.0, 1.0, ["Maximum", "Minimum"]),
        (0.0, 0.5, ["Activate", "Minimum"]),
        (-0.25, np.inf, ["Maximum"]),
        (-np.inf, 0.25, ["Minimum"]),
        (-np.inf, np.inf, ["Reshape"]),
    ],
)
def test_other_clips_are_bounds(low: float, high: float, wanted: list[str]) -> None:
    constants = {"low": np.array(low, np.float32), "high": np.array(high, np.float32)}
    data = onnx_bytes([node("Clip", "x low high")], IMAGE, constants)

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == wanted


@pytest.mark.parametrize("kind", ["HardSwish", "HardSigmoid", "LeakyRelu"])
def test_functions_of_one_value(kind: str) -> None:
    assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node(kind, "a")], IMAGE))


def test_hard_swish_moves_nothing() -> None:
    graph = assert_reads_as_onnxruntime_runs(onnx_bytes([POOL, node("HardSwish", "a")], IMAGE))

    assert kinds(graph) == ["MaxPool2D", "HardSwish"]


def test_a_product_with_its_hard_sigmoid_is_a_hard_swish() -> None:
    nodes = [POOL, node("HardSigmoid", "a", "s", alpha=1 / 6), node("Mul", "a s")]

    assert kinds(assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE))) == [
        "MaxPool2D",
        "HardSwish",
    ]


def test_hard_sigmoid_as_trained_needs_no_factor() -> None:
    data = onnx_bytes([POOL, node("HardSigmoid", "a", alpha=1 / 6)], IMAGE)

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["MaxPool2D", "Add", "Mul"]


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.5])
def test_the_leak_is_the_models(alpha: float) -> None:
    data = onnx_bytes([POOL, node("LeakyRelu", "a", alpha=alpha)], IMAGE)

    graph = assert_reads_as_onnxruntime_runs(data)

    assert graph.operations[-1] == LeakyRelu("a", "y", float(np.float32(alpha)))


def test_without_a_leak_it_is_a_relu() -> None:
    data = onnx_bytes([node("LeakyRelu", "x", alpha=0.0)], IMAGE)

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["Activate"]


@pytest.mark.parametrize("shape", [(3, 1, 1), (1,), (3, 4, 5), (1, 3, 1, 1), (5,)])
def test_slopes_broadcast_to_the_input(shape: tuple[int, ...]) -> None:
    data = onnx_bytes([POOL, node("PRelu", "a slope")], IMAGE, {"slope": floats(*shape)})

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["MaxPool2D", "Prelu"]


@pytest.mark.parametrize("kind", ["Min", "Max"])
@pytest.mark.parametrize("inputs", ["a x", "a x b", "a channel", "number a x"])
def test_least_and_greatest_of_tensors_and_constants(kind: str, inputs: str) -> None:
    nodes = [POOL, node("Tanh", "x", "b"), node(kind, inputs)]
    constants = {"channel": floats(3, 1, 1), "number": np.array(0.1, np.float32)}

    assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))


def test_a_difference_of_tensors_is_one_operation() -> None:
    nodes = [POOL, node("Tanh", "a", "b"), node("Sub", "a b")]

    assert kinds(assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE))) == [
        "MaxPool2D",
        "Tanh",
        "Sub",
    ]


@pytest.mark.parametrize(("alpha", "wanted"), [(1.0, []), (1.702, ["Mul"])])
def test_a_swish_is_a_logistic_and_a_product(alpha: float, wanted: list[str]) -> None:
    data = onnx_bytes([node("Swish", "x", alpha=alpha)], IMAGE, opset=24)

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == [*wanted, "Logistic", "Mul"]
