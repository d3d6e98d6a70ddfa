from dataclasses import replace

import pytest

from firmware_export.calls import kernel_calls
from firmware_export.errors import UnsupportedForCError
from quantize.ir.graph import DType, IntGraph, QuantParams
from quantize.ir.ops import (
    Add,
    AveragePool2D,
    DepthwiseConv2D,
    L2Normalization,
    LogSoftmax,
    Mean,
    Quantize,
    Softmax,
    Transpose,
)
from quantize.ir.spec import L2_OUTPUT, LOG_SOFTMAX_OUTPUT, SOFTMAX_OUTPUT, WIDE_CURVE_OUTPUT
from tests.firmware_export.int_graphs import EVERY_OPERATION, Builder, quant
from tests.firmware_export.wide_graphs import FINE, WIDE_OPERATIONS, WideBuilder, wide_net


def kernels(graph: IntGraph) -> list[str]:
    return [call.parameters.kernel for call in kernel_calls(graph) if call.parameters]


def test_a_concatenation_is_one_call_for_each_input() -> None:
    calls = kernel_calls(EVERY_OPERATION["concat_channels"])

    assert [call.inputs for call in calls] == [("a",), ("b",), ("a",)]
    assert [call.parameters.fields["offset"] for call in calls if call.parameters] == [0, 5, 7]


def test_a_reshape_has_no_kernel() -> None:
    (call,) = kernel_calls(EVERY_OPERATION["reshape"])

    assert call.parameters is None


def test_a_net_is_its_kernels_in_order() -> None:
    assert kernels(EVERY_OPERATION["residual"]) == [
        *["edge_conv_s8"] * 3,
        "edge_add_s8",
        "edge_average_pool_s8",
        "edge_fully_connected_s8",
        "edge_softmax_s8",
    ]


def test_like_shapes_need_no_broadcast() -> None:
    (plain,) = kernel_calls(EVERY_OPERATION["add"])
    (repeated,) = kernel_calls(EVERY_OPERATION["add_broadcast"])

    assert plain.parameters is not None
    assert plain.parameters.broadcast is None
    assert repeated.parameters is not None
    assert repeated.parameters.broadcast == {
        "axes": 3,
        "size": [4, 3, 5],
        "left_stride": [5, 0, 1],
        "right_stride": [0, 5, 1],
    }


def test_everything_that_c_cannot_say_is_named_at_once() -> None:
    b = Builder()
    x = b.input("x", (1, 2, 2, 2, 2, 2, 2, 2), quant(1e-9))
    turned = b.add(Transpose(x, "turned", (0, 7, 6, 5, 4, 3, 2, 1)), quant(1e-9))
    sharp = b.add(Softmax(turned, "flat softmax"), SOFTMAX_OUTPUT)
    graph = b.build(b.add(Add(turned, sharp, "sum"), quant(1e-12)))

    with pytest.raises(UnsupportedForCError) as caught:
        kernel_calls(graph)

    assert len(caught.value.problems) == 3
    assert str(caught.value) == (
        "small: 3 things not supported in C: turned (Transpose): 7 axes, at most 6; "
        "flat softmax (Softmax): beta * input scale is below 2**-27; "
        "sum (Add): the output's scale is too small beside the inputs'"
    )


@pytest.mark.parametrize(
    ("operation", "output", "size"),
    [
        (Softmax("x", "y"), SOFTMAX_OUTPUT, 4096),
        (LogSoftmax("x", "y"), LOG_SOFTMAX_OUTPUT, 4096),
        (L2Normalization("x", "y"), L2_OUTPUT, 32768),
    ],
)
def test_rows_whose_sums_would_overflow_are_refused(
    operation: Softmax | LogSoftmax | L2Normalization, output: QuantParams, size: int
) -> None:
    b = Builder()
    b.input("x", (1, size))

    with pytest.raises(UnsupportedForCError, match=f"rows of {size}"):
        kernel_calls(b.build(b.add(operation, output)))


def test_int16_takes_the_same_tables_for_other_kernels() -> None:
    assert kernels(WIDE_OPERATIONS["conv_1x1_s16"]) == ["edge_conv_s16"]
    assert kernels(WIDE_OPERATIONS["softmax_s16"]) == ["edge_softmax_s16"]
    assert kernels(wide_net())[0] == "edge_rescale_s8_s16"
    assert kernels(wide_net())[-2:] == ["edge_rescale_s16", "edge_rescale_s16_s8"]


def test_an_int16_moves_as_two_bytes() -> None:
    (call,) = kernel_calls(WIDE_OPERATIONS["transpose_s16"])
    (narrow,) = kernel_calls(EVERY_OPERATION["transpose"])

    assert call.parameters is not None
    assert narrow.parameters is not None
    assert call.parameters.kernel == narrow.parameters.kernel == "edge_transpose_s8"
    assert narrow.parameters.fields == {"axes": 2, "size": [4, 30], "input_stride": [1, 4]}
    assert call.parameters.fields == {"axes": 3, "size": [4, 30, 2], "input_stride": [2, 8, 1]}


@pytest.mark.parametrize(
    ("operation", "shape", "why"),
    [
        (Mean("x", "y", (1,)), (1, 40_000, 2), "a mean of 40000, sums of at most 32768 int16 fit"),
        (AveragePool2D("x", "y", (256, 256), (1, 1)), (1, 256, 256, 1), "a mean of 65536"),
        (Transpose("x", "y", (0, 6, 5, 4, 3, 2, 1)), (1, 2, 2, 2, 2, 2, 2), "7 axes, bytes"),
        (Softmax("x", "y"), (1, 40_000), "rows of 40000, sums of at most 32768 fit"),
    ],
)
def test_what_int16_cannot_say_is_refused(
    operation: Mean | AveragePool2D | Transpose | Softmax, shape: tuple[int, ...], why: str
) -> None:
    b = WideBuilder()
    b.input("x", shape, FINE)
    b.tensors["x"] = replace(b.tensors["x"], dtype=DType.INT16)
    b.wide(operation, WIDE_CURVE_OUTPUT if isinstance(operation, Softmax) else FINE)

    with pytest.raises(UnsupportedForCError, match=why):
        kernel_calls(b.build("y"))


def test_more_taps_than_int32_sums_hold_are_refused() -> None:
    b = WideBuilder()
    x = b.wide(Quantize(b.input("x", (1, 20, 20, 1)), "x16"))
    weight, bias = b.weighted("d", x, (1, 17, 17, 1), 3)

    with pytest.raises(UnsupportedForCError, match="289 taps, at most 256"):
        kernel_calls(b.build(b.wide(DepthwiseConv2D(x, weight, bias, "y"))))
