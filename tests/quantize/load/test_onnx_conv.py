import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    floats,
    integers,
    kinds,
    node,
    onnx_bytes,
)

pytestmark = pytest.mark.ort


def conv(
    shape: tuple[int, ...], weight: tuple[int, ...], *, bias: bool = True, **attributes: object
) -> bytes:
    constants = {"w": floats(*weight, seed=7)}
    if bias:
        constants["b"] = floats(weight[0], seed=8)
    inputs = "x w b" if bias else "x w"
    return onnx_bytes([node("Conv", inputs, **attributes)], {"x": ("N", *shape)}, constants)


def test_symmetric_pads_with_stride_2_stand_as_a_pad_in_front() -> None:
    data = conv((3, 8, 10), (4, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])

    graph = assert_reads_as_onnxruntime_runs(data)

    assert kinds(graph) == ["Pad", "Conv2D"]


def test_the_input_is_channels_last_and_the_permutation_says_so() -> None:
    loaded = load_onnx(conv((3, 8, 10), (4, 3, 3, 3)), "made")

    assert loaded.graph.tensors["x"].shape == (1, 8, 10, 3)
    assert loaded.input_permutations == {"x": (0, 2, 3, 1)}
    assert loaded.output_permutations == {"y": (0, 2, 3, 1)}


@settings(max_examples=25, deadline=None)
@given(
    channels=st.sampled_from([(1, 3, 1), (4, 2, 1), (4, 4, 4), (3, 6, 3), (4, 6, 2), (1, 4, 1)]),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
)
def test_any_groups_strides_dilations_and_pads(
    channels: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pads: list[int],
) -> None:
    read, out, groups = channels
    data = conv(
        (read, 7, 6),
        (out, read // groups, *kernel),
        strides=stride,
        dilations=dilation,
        pads=pads,
        group=groups,
    )

    assert_reads_as_onnxruntime_runs(data)


@pytest.mark.parametrize("mode", ["VALID", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("stride", [1, 2])
def test_automatic_padding(mode: str, stride: int) -> None:
    data = conv((2, 7, 8), (3, 2, 3, 2), bias=False, auto_pad=mode, strides=[stride, stride])

    assert_reads_as_onnxruntime_runs(data)


def test_a_group_per_channel_is_depthwise() -> None:
    graph = assert_reads_as_onnxruntime_runs(conv((4, 6, 6), (8, 1, 3, 3), group=4))

    assert kinds(graph) == ["DepthwiseConv2D"]


def test_other_groups_become_one_dense_weight_with_zeros() -> None:
    graph = assert_reads_as_onnxruntime_runs(conv((4, 6, 6), (6, 2, 3, 3), group=2))

    weight = graph.constants["y/weight"]
    assert kinds(graph) == ["Conv2D"]
    assert weight.shape == (6, 3, 3, 4)
    assert not weight[:3, :, :, 2:].any()
    assert not weight[3:, :, :, :2].any()


def test_signals_are_images_of_one_row() -> None:
    first = node("Conv", "x w", "a", pads=[2, 1], strides=[2], dilations=[2])
    nodes = [first, node("Relu", "a", "b"), node("Conv", "b v", "y", group=4)]
    constants = {"w": floats(4, 3, 3, seed=1), "v": floats(4, 1, 2, seed=2)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, {"x": ("N", 3, 16)}, constants))

    assert graph.tensors["x"].shape == (1, 16, 3)
    assert kinds(graph) == ["Reshape", "Pad", "Conv2D", "DepthwiseConv2D", "Reshape"]


def test_a_computed_weight_is_refused() -> None:
    data = onnx_bytes([node("Conv", "x w")], {"x": ("N", 1, 4, 4), "w": (1, 1, 3, 3)})

    with pytest.raises(UnsupportedModelError, match=r"y \(Conv\): input 1 is computed"):
        load_onnx(data, "made")


def test_three_axes_are_refused() -> None:
    data = conv((2, 4, 4, 4), (3, 2, 2, 2, 2))

    with pytest.raises(UnsupportedModelError, match="only 1-D and 2-D windows"):
        load_onnx(data, "made")


def test_weights_that_are_not_finite_are_refused() -> None:
    constants = {"w": np.full((1, 1, 1, 1), np.nan, np.float32)}
    data = onnx_bytes([node("Conv", "x w")], {"x": ("N", 1, 4, 4)}, constants)

    with pytest.raises(UnsupportedModelError, match="NaN or Inf"):
        load_onnx(data, "made")


def test_the_window_of_an_unfolded_image_reads_its_rows_in_order() -> None:
    nodes = [node("Reshape", "x shape", "image"), node("Conv", "image w")]
    constants = {"shape": integers(-1, 1, 4, 5), "w": floats(2, 1, 3, 3)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, {"x": ("N", 20)}, constants))

    assert kinds(graph) == ["Reshape", "Conv2D"]
