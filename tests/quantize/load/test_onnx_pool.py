import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.errors import UnsupportedModelError
from quantize.ir.ops import Mean, PadFill
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    integers,
    kinds,
    node,
    onnx_bytes,
)

pytestmark = pytest.mark.ort


def pool(kind: str, shape: tuple[int, ...] = (3, 8, 9), **attributes: object) -> bytes:
    return onnx_bytes([node(kind, "x", **attributes)], {"x": ("N", *shape)})


def test_a_padded_max_pool_is_padded_with_the_lowest_value() -> None:
    data = pool("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])

    graph = assert_reads_as_onnxruntime_runs(data)

    assert kinds(graph) == ["Pad", "MaxPool2D"]
    assert graph.operations[0].fill is PadFill.LOWEST


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(["MaxPool", "AveragePool"]),
    kernel=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.lists(st.integers(0, 1), min_size=4, max_size=4),
    ceil=st.integers(0, 1),
)
def test_any_window_stride_pads_and_rounding(
    kind: str, kernel: tuple[int, int], stride: tuple[int, int], pads: list[int], ceil: int
) -> None:
    data = pool(kind, kernel_shape=kernel, strides=stride, pads=pads, ceil_mode=ceil)

    assert_reads_as_onnxruntime_runs(data)


def test_padded_cells_that_count_become_a_pad() -> None:
    data = pool("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)

    graph = assert_reads_as_onnxruntime_runs(data)

    assert kinds(graph) == ["Pad", "AveragePool2D"]


def test_padded_cells_that_count_and_rounding_up_do_not_go_together() -> None:
    data = pool(
        "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1
    )

    with pytest.raises(UnsupportedModelError, match="count_include_pad with ceil_mode"):
        load_onnx(data, "made")


def test_a_pool_over_a_signal() -> None:
    data = pool("MaxPool", (3, 17), kernel_shape=[3], strides=[2], pads=[1, 1])

    assert_reads_as_onnxruntime_runs(data)


@pytest.mark.parametrize("kind", ["GlobalAveragePool", "GlobalMaxPool"])
def test_a_pool_over_everything(kind: str) -> None:
    assert_reads_as_onnxruntime_runs(pool(kind))


def test_dilated_pools_are_refused() -> None:
    data = pool("MaxPool", kernel_shape=[2, 2], dilations=[2, 2])

    with pytest.raises(UnsupportedModelError, match="dilations"):
        load_onnx(data, "made")


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [(2, 3), (1,), (-1,), (1, 3)])
def test_means_over_any_axes_but_the_batch(axes: tuple[int, ...], keep: int) -> None:
    reduced = node("ReduceMean", "a", axes=list(axes), keepdims=keep)
    pooled = node("MaxPool", "x", "a", kernel_shape=[2, 2])  # stores the image channels-last

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes([pooled, reduced], {"x": ("N", 3, 8, 9)}))

    assert "Transpose" not in kinds(graph)


def test_means_take_their_axes_as_input_since_opset_18() -> None:
    nodes = [node("ReduceMean", "x axes", keepdims=0)]
    data = onnx_bytes(nodes, {"x": ("N", 4, 5)}, {"axes": integers(1)}, opset=18)

    graph = assert_reads_as_onnxruntime_runs(data)

    assert [op.axes for op in graph.operations if isinstance(op, Mean)] == [(1,)]


def test_a_mean_over_the_batch_is_refused() -> None:
    data = onnx_bytes([node("ReduceMean", "x", axes=[0])], {"x": ("N", 4)})

    with pytest.raises(UnsupportedModelError, match="over the batch"):
        load_onnx(data, "made")
