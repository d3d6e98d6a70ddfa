"""The judge is ONNX Runtime, through the loader's tests, and numpy and plain sums here."""

import numpy as np
import pytest

from quantize.errors import DataError
from quantize.ir.float_executor import execute_float, trace_float
from quantize.ir.graph import Array
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Logistic,
    MaxPool2D,
    Mean,
    Mul,
    Operation,
    Pad,
    Padding,
    PadFill,
    Reshape,
    Softmax,
    Tanh,
    Transpose,
)
from tests.models import float_graph

RNG = np.random.default_rng(2)
AMOUNTS = ((0, 0), (1, 0), (0, 2), (1, 1))
IMAGE = RNG.normal(size=(2, 3, 4, 2)).astype(np.float32)


def run(operation: Operation, shape: tuple[int, ...] | None = None, **constants: Array) -> Array:
    declared = None if shape is None else {"y": shape}
    graph = float_graph((operation,), {"x": (1, 3, 4, 2)}, constants, declared=declared)
    return execute_float(graph, {"x": IMAGE})["y"]


def test_a_convolution_is_the_sum_of_products_under_its_window() -> None:
    weight, bias = np.ones((1, 2, 3, 2), np.float32), np.full(1, 0.5, np.float32)
    conv = Conv2D("x", "w", "b", "y", stride=(2, 1), dilation=(1, 1), padding=Padding(1, 0, 0, 1))

    result = run(conv, w=weight, b=bias)

    padded = np.pad(IMAGE, ((0, 0), (1, 0), (0, 1), (0, 0)))
    expected = [
        [[padded[n, 2 * i : 2 * i + 2, j : j + 3].sum() + 0.5 for j in range(3)] for i in range(2)]
        for n in range(2)
    ]
    np.testing.assert_allclose(result[..., 0], expected, rtol=1e-5, atol=1e-5)


def test_dilation_spreads_the_window() -> None:
    result = run(Conv2D("x", "w", None, "y", dilation=(2, 3)), w=np.ones((1, 2, 2, 2), np.float32))

    corners = IMAGE[:, [0, 2]][:, :, [0, 3]].sum(axis=(1, 2, 3))
    np.testing.assert_allclose(result.ravel(), corners, rtol=1e-5, atol=1e-5)


def test_a_depthwise_convolution_reads_each_channel_as_often_as_it_multiplies() -> None:
    factors = np.array([1, 2, 3, 4], np.float32)

    result = run(DepthwiseConv2D("x", "w", None, "y"), w=factors.reshape(1, 1, 1, 4))

    np.testing.assert_allclose(result, IMAGE[..., [0, 0, 1, 1]] * factors, rtol=1e-6)


def test_a_fully_connected_layer_flattens_its_input() -> None:
    weight = RNG.normal(size=(5, 24)).astype(np.float32)

    result = run(FullyConnected("x", "w", None, "y"), w=weight)

    np.testing.assert_allclose(result, IMAGE.reshape(2, 24) @ weight.T, rtol=1e-5, atol=1e-5)


def test_padded_cells_do_not_count_in_a_mean() -> None:
    result = run(AveragePool2D("x", "y", (2, 2), (2, 2), Padding(1, 0, 0, 0)))

    np.testing.assert_allclose(result[:, 0, 0], IMAGE[:, 0, :2].mean(axis=1), rtol=1e-5)


def test_padded_cells_are_not_looked_at_by_a_maximum() -> None:
    result = run(MaxPool2D("x", "y", (2, 2), (2, 2), Padding(1, 0, 0, 0)))

    np.testing.assert_array_equal(result[:, 0, 0], IMAGE[:, 0, :2].max(axis=1))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Add("x", "x", "y"), IMAGE + IMAGE),
        (Mul("x", "x", "y"), IMAGE * IMAGE),
        (Mean("x", "y", (1, 2)), IMAGE.mean(axis=(1, 2))),
        (Mean("x", "y", (3,), keep_dims=True), IMAGE.mean(axis=3, keepdims=True)),
        (Transpose("x", "y", (0, 3, 1, 2)), IMAGE.transpose(0, 3, 1, 2)),
        (Concat(("x", "x"), "y", 2), np.concatenate([IMAGE, IMAGE], 2)),
        (Activate("x", "y", Activation.RELU), np.maximum(IMAGE, 0)),
        (Activate("x", "y", Activation.RELU6), np.clip(IMAGE, 0, 6)),
        (Activate("x", "y", Activation.NONE), IMAGE),
        (Tanh("x", "y"), np.tanh(IMAGE)),
        (Logistic("x", "y"), 1 / (1 + np.exp(-IMAGE.astype(np.float64)))),
        (Pad("x", "y", AMOUNTS), np.pad(IMAGE, AMOUNTS)),
    ],
)  # fmt: skip
def test_elementwise_and_moving_operations_are_numpys(
    operation: Operation, expected: Array
) -> None:
    np.testing.assert_allclose(run(operation), expected, rtol=1e-6, atol=1e-7)


def test_the_batch_of_a_reshape_is_that_of_the_input() -> None:
    np.testing.assert_array_equal(run(Reshape("x", "y"), (1, 8, 3)), IMAGE.reshape(2, 8, 3))


def test_lowest_padding_is_below_every_value() -> None:
    result = run(Pad("x", "y", ((0, 0), (1, 0), (0, 0), (0, 0)), PadFill.LOWEST))

    assert (result[:, 0] == np.finfo(np.float32).min).all()


def test_softmax_takes_beta_and_great_scores() -> None:
    graph = float_graph((Softmax("x", "y", beta=0.5),), {"x": (1, 2)}, {})

    result = execute_float(graph, {"x": np.array([[2000, 2000 + 2 * np.log(3)]], np.float32)})["y"]

    np.testing.assert_allclose(result, [[0.25, 0.75]], rtol=1e-3)


def test_logistic_neither_overflows_nor_warns() -> None:
    graph = float_graph((Logistic("x", "y"),), {"x": (1, 2)}, {})

    result = execute_float(graph, {"x": np.array([[-1e4, 1e4]], np.float32)})["y"]

    np.testing.assert_array_equal(result, [[0, 1]])


def test_a_trace_holds_every_tensor() -> None:
    operations = (Add("x", "c", "a"), Activate("a", "y", Activation.RELU))
    graph = float_graph(operations, {"x": (1, 2)}, {"c": np.ones((1, 2), np.float32)})

    assert set(trace_float(graph, {"x": np.zeros((3, 2), np.float32)})) == {"x", "c", "a", "y"}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "x: no such input was given"),
        ({"x": np.zeros((2, 5), np.float32)}, r"x: shape \(2, 5\), expected \('N', 2\)"),
    ],
)
def test_wrong_inputs_are_refused(inputs: dict[str, Array], message: str) -> None:
    graph = float_graph((Activate("x", "y", Activation.RELU),), {"x": (1, 2)}, {})

    with pytest.raises(DataError, match=message):
        execute_float(graph, inputs)
