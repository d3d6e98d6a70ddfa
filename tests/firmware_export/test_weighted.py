import numpy as np
import pytest

from firmware_export.errors import FirmwareExportError
from firmware_export.weighted import folded_bias, weighted_arrays
from quantize.ir.graph import DType, IntGraph, QuantParams
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected
from tests.firmware_export.int_graphs import Builder, conv_graph, dense_graph, quant


def dense_with(weight: list[list[int]], bias: list[int]) -> IntGraph:
    b = Builder()
    b.input("x", (1, len(weight[0])), quant(0.5, -3))
    b.constant("w", np.array(weight, np.int8), quant(0.25))
    b.constant("b", np.array(bias, np.int32), QuantParams((0.125,)))
    return b.build(b.add(FullyConnected("x", "w", "b", "y")))


def weighted(graph: IntGraph) -> Conv2D | DepthwiseConv2D | FullyConnected:
    operation = graph.operations[0]
    assert isinstance(operation, Conv2D | DepthwiseConv2D | FullyConnected)
    return operation


def test_the_input_zero_point_is_folded_into_the_bias() -> None:
    graph = dense_with([[1, 2], [-5, 4]], [100, -7])

    assert folded_bias(weighted(graph), graph).tolist() == [100 + 3 * 3, -7 + 3 * -1]


def test_without_a_bias_the_folded_part_is_left() -> None:
    graph = dense_graph(has_bias=False)
    sums = graph.constants["w"].astype(np.int64).sum(1)

    assert folded_bias(weighted(graph), graph).tolist() == (3 * sums).tolist()


def test_a_depthwise_bias_is_folded_per_channel() -> None:
    graph = conv_graph(is_depthwise=True, channels=(4, 4), has_bias=False)
    sums = graph.constants["w"].astype(np.int64).sum((0, 1, 2))

    assert folded_bias(weighted(graph), graph).tolist() == (3 * sums).tolist()


def test_an_accumulator_that_could_leave_int32_is_refused() -> None:
    limit = 2**31 - 128 * 3 - 3 * 3  # of |bias| + 128 * (|1| + |2|), after folding

    graph = dense_with([[1, 2]], [limit - 1])
    assert folded_bias(weighted(graph), graph).tolist() == [limit - 1 + 9]

    graph = dense_with([[1, 2]], [limit])
    with pytest.raises(FirmwareExportError, match="could leave int32"):
        folded_bias(weighted(graph), graph)


def test_one_scale_of_a_convolution_is_repeated_for_each_channel() -> None:
    graph = conv_graph(is_per_channel=False)

    arrays = weighted_arrays(weighted(graph), graph)

    assert len(arrays.multiplier) == len(arrays.shift) == 6
    assert len(set(arrays.multiplier.tolist())) == 1


def test_one_scale_of_a_dense_layer_stays_one() -> None:
    graph = dense_graph(is_per_channel=False)

    assert len(weighted_arrays(weighted(graph), graph).multiplier) == 1


def test_depthwise_weights_lose_their_first_axis() -> None:
    graph = conv_graph(is_depthwise=True, channels=(4, 4))

    arrays = weighted_arrays(weighted(graph), graph)

    assert arrays.weight.shape == (3, 3, 4)
    assert DType(str(arrays.shift.dtype)) is DType.INT8
