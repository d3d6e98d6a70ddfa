import numpy as np
import onnx
import pytest

from quantize.errors import UnsupportedModelError
from quantize.ir.graph import Array
from quantize.ir.ops import Concat, Pad, PadFill
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

IMAGE = {"x": ("N", 3, 4, 5)}
POOL = node("MaxPool", "x", "a", kernel_shape=[1, 1])  # what is behind it is stored channels-last


def test_flatten_before_gemm_permutes_the_weight_and_moves_nothing() -> None:
    nodes = [POOL, node("Flatten", "a", "f"), node("Gemm", "f w b", transB=1)]
    constants = {"w": floats(7, 60), "b": floats(7, seed=1)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))

    assert kinds(graph) == ["MaxPool2D", "FullyConnected"]


def test_pytorchs_view_by_shape_gather_concat_is_known_at_load() -> None:
    nodes = [
        POOL,
        node("Shape", "a", "shape"),
        node("Gather", "shape zero", "batch", axis=0),
        node("Unsqueeze", "batch axis", "batch1"),
        node("Concat", "batch1 rest", "target", axis=0),
        node("Reshape", "a target", "f"),
        node("MatMul", "f w"),
    ]
    constants = {
        "zero": np.array(0, np.int64),
        "axis": integers(0),
        "rest": integers(-1),
        "w": floats(60, 4),
    }

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))

    assert kinds(graph) == ["MaxPool2D", "FullyConnected"]


def test_a_flattened_image_that_is_returned_is_really_transposed() -> None:
    nodes = [POOL, node("Flatten", "a")]

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE))

    assert "Transpose" in kinds(graph)


def test_tf2onnxs_pairs_of_transposes_vanish() -> None:
    nodes = [
        node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
        node("Conv", "a w", "b"),
        node("Transpose", "b", "c", perm=[0, 2, 3, 1]),
        node("Relu", "c", "d"),
        node("Transpose", "d", "e", perm=[0, 3, 1, 2]),
        node("Conv", "e v", "f"),
        node("Transpose", "f", "y", perm=[0, 2, 3, 1]),
    ]
    constants = {"w": floats(4, 3, 2, 2), "v": floats(2, 4, 1, 1)}
    data = onnx_bytes(nodes, {"x": ("N", 5, 6, 3)}, constants)

    graph = assert_reads_as_onnxruntime_runs(data)

    loaded = load_onnx(data, "made")
    assert kinds(graph) == ["Conv2D", "Conv2D"]
    assert not loaded.input_permutations
    assert not loaded.output_permutations


def test_a_channel_shuffle_stays_a_real_transpose() -> None:
    nodes = [
        node("Conv", "x w", "a"),
        node("Reshape", "a split", "b"),
        node("Transpose", "b", "c", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "c join", "d"),
        node("Conv", "d v", "y"),
    ]
    constants = {
        "w": floats(6, 3, 1, 1),
        "v": floats(2, 6, 1, 1),
        "split": integers(0, 2, 3, 4, 5),
        "join": integers(0, 6, 4, 5),
    }

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))

    assert kinds(graph).count("Transpose") == 1


@pytest.mark.parametrize("target", [(0, 6, 10), (-1, 15, 4), (0, 5, 12), (1, -1), (0, 4, 3, 5)])
def test_any_reshape_behind_the_batch(target: tuple[int, ...]) -> None:
    nodes = [POOL, node("Reshape", "a shape")]
    data = onnx_bytes(nodes, {"x": (1, 3, 4, 5)}, {"shape": integers(*target)})

    assert_reads_as_onnxruntime_runs(data)


def test_squeeze_and_unsqueeze_cost_nothing() -> None:
    nodes = [
        node("GlobalAveragePool", "x", "a"),
        node("Squeeze", "a axes", "b"),
        node("Unsqueeze", "b axes", "c"),
        node("Squeeze", "c axes", "d"),
        node("MatMul", "d w"),
    ]
    constants = {"axes": integers(2, 3), "w": floats(3, 2)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))

    assert kinds(graph) == ["Mean", "FullyConnected"]


@pytest.mark.parametrize(("axis", "stored"), [(1, 3), (2, 1), (-1, 2)])
def test_concat_joins_along_the_stored_axis(axis: int, stored: tuple[int, ...]) -> None:
    nodes = [POOL, node("Relu", "a", "b"), node("Concat", "a b", axis=axis)]

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE))

    assert [op.axis for op in graph.operations if isinstance(op, Concat)] == [stored]
    assert "Transpose" not in kinds(graph)


def test_pad_follows_the_axes_and_knows_minus_infinity() -> None:
    nodes = [POOL, node("Pad", "a pads value")]
    constants = {
        "pads": integers(0, 1, 2, 0, 0, 0, 1, 3),
        "value": np.array(np.finfo(np.float32).min),
    }

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants))

    pad = graph.operations[-1]
    assert isinstance(pad, Pad)
    assert pad.amounts == ((0, 0), (2, 1), (0, 3), (1, 0))
    assert pad.fill is PadFill.LOWEST


def test_pad_before_a_convolution_goes_into_it() -> None:
    nodes = [node("Pad", "x pads", "a"), node("Conv", "a w", strides=[2, 2])]
    constants = {"pads": integers(0, 0, 0, 0, 0, 0, 1, 1), "w": floats(2, 3, 3, 3)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, {"x": ("N", 3, 8, 8)}, constants))

    assert kinds(graph) == ["Conv2D"]


def test_identity_dropout_and_casts_vanish() -> None:
    nodes = [
        node("Identity", "x", "a"),
        node("Dropout", "a", "b"),
        node("Cast", "b", "c", to=1),
        node("Relu", "c", "d"),
        node("Identity", "d"),
    ]

    assert kinds(assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE))) == ["Activate"]


@pytest.mark.parametrize(
    ("bad", "constants", "message"),
    [
        (node("Transpose", "x", perm=[1, 0, 2, 3]), {}, "moves the batch"),
        (node("Reshape", "x shape"), {"shape": integers(60)}, "mixes the batch"),
        (node("Flatten", "x", axis=0), {}, "flattens into the batch"),
        (node("Unsqueeze", "x axes"), {"axes": integers(0)}, "before the batch"),
        (node("Concat", "x x", axis=0), {}, "along the batch"),
        (node("Pad", "x pads", mode="reflect"), {"pads": integers(*[0] * 8)}, "'reflect'"),
        (
            node("Pad", "x pads value"),
            {"pads": integers(*[0] * 8), "value": np.array(2.0, np.float32)},
            "pads with 2.0",
        ),
        (node("Pad", "x pads"), {"pads": integers(1, *[0] * 7)}, "the batch"),
        (node("Pad", "x pads"), {"pads": integers(0, -1, *[0] * 6)}, "at least 0"),
    ],
)
def test_what_touches_the_batch_or_cannot_be_said_is_refused(
    bad: onnx.NodeProto, constants: dict[str, Array], message: str
) -> None:
    data = onnx_bytes([bad], IMAGE, constants)

    with pytest.raises(UnsupportedModelError, match=message):
        load_onnx(data, "made")


def test_squeezing_everything_would_squeeze_the_batch_too() -> None:
    data = onnx_bytes([node("Squeeze", "x")], {"x": (1, 1, 4)})

    with pytest.raises(UnsupportedModelError, match="name the axes"):
        load_onnx(data, "made")


def test_a_result_without_any_axis_but_the_batch() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Squeeze", "a axes")]
    data = onnx_bytes(nodes, {"x": ("N", 4)}, {"w": floats(4, 1), "axes": integers(1)})

    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["FullyConnected", "Reshape"]


def test_pad_names_its_axes_since_opset_18() -> None:
    nodes = [node("Pad", "x pads - axes")]
    constants = {"pads": integers(1, 2, 3, 4), "axes": integers(-1, 2)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, constants, opset=18))

    assert [op.amounts for op in graph.operations if isinstance(op, Pad)] == [
        ((0, 0), (0, 0), (2, 4), (1, 3))
    ]
