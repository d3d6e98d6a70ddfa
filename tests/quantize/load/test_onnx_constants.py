import numpy as np
import onnx
import pytest

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


@pytest.mark.ort
def test_weights_that_are_computed_from_constants_are_known_at_load() -> None:
    nodes = [
        node("Transpose", "w", "wt", perm=[1, 0]),
        node("Constant", "", "two", value_float=2.0),
        node("Mul", "wt two", "scaled"),
        node("MatMul", "x scaled"),
    ]
    nodes[1].ClearField("input")

    graph = assert_reads_as_onnxruntime_runs(
        onnx_bytes(nodes, {"x": ("N", 4)}, {"w": floats(2, 4)})
    )

    assert kinds(graph) == ["FullyConnected"]


@pytest.mark.parametrize(
    "maker",
    [
        node("ConstantOfShape", "size", "c"),
        node("Expand", "one size", "c"),
        node("Tile", "one size", "c"),
    ],
)
def test_small_files_that_make_huge_constants_are_refused(maker: onnx.NodeProto) -> None:
    constants = {"size": integers(1, 1 << 20, 1 << 20), "one": np.ones((1, 1, 1), np.float32)}
    data = onnx_bytes([maker, node("Add", "x c")], {"x": (1, 1, 1)}, constants)

    with pytest.raises(UnsupportedModelError, match="makes a constant of"):
        load_onnx(data, "bomb")


def test_what_the_reference_cannot_compute_is_refused() -> None:
    nodes = [node("Gather", "table index", "c"), node("Add", "x c")]
    constants = {"table": floats(4), "index": integers(9)}
    data = onnx_bytes(nodes, {"x": (1, 1)}, constants)

    with pytest.raises(UnsupportedModelError, match=r"c \(Gather\): its constant cannot be"):
        load_onnx(data, "made")


@pytest.mark.ort
def test_a_shape_that_is_split_is_known_at_load() -> None:
    nodes = [
        node("Shape", "x", "shape"),
        node("Split", "shape parts", "batch rest", axis=0),
        node("Mul", "rest two", "twice"),
        node("Concat", "batch twice", "target", axis=0),
        node(
            "Resize", "x - - target", mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
    ]  # fmt: skip
    known = {"parts": integers(2, 2), "two": integers(2)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, {"x": ("N", 2, 3, 4)}, known))

    assert kinds(graph) == ["ResizeNearest"]
