import numpy as np
import pytest

from quantize.errors import UnsupportedModelError
from quantize.ir.graph import Array
from quantize.load.onnx_model import load_onnx
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    floats,
    integers,
    kinds,
    node,
    onnx_bytes,
)

IMAGE = {"x": ["N", 3, 6, 5]}
CONV = {"w": floats(4, 3, 1, 1)}


def sliced(*bounds: Array) -> bytes:
    names = ("starts", "ends", "axes", "steps")[: len(bounds)]
    constants = CONV | dict(zip(names, bounds, strict=True))
    return onnx_bytes(
        [node("Conv", "x w", "c"), node("Slice", " ".join(["c", *names]))], IMAGE, constants
    )


@pytest.mark.parametrize(
    "bounds",
    [
        (integers(1), integers(-1), integers(1)),
        (integers(1, 0), integers(100, 4), integers(-1, 2)),
        (integers(0, 1), integers(9, 9), integers(2, 3), integers(2, 3)),
        (integers(-1), integers(-100), integers(3), integers(-1)),
        (integers(4, 2), integers(0, -9), integers(2, 3), integers(-2, -1)),
        (integers(0, 1), integers(2**62, 3)),
    ],
)
@pytest.mark.ort
def test_slices_run_as_onnxruntime_runs_them(bounds: tuple[Array, ...]) -> None:
    graph = assert_reads_as_onnxruntime_runs(sliced(*bounds))

    assert "Slice" in kinds(graph)


@pytest.mark.ort
def test_an_output_that_runs_backwards_along_the_channels_needs_no_transpose() -> None:
    data = onnx_bytes(
        [node("Conv", "x w", "c"), node("Slice", "c s e a t", "r"), node("Conv", "r v")],
        IMAGE,
        CONV
        | {"s": integers(-1), "e": integers(-9), "a": integers(1), "t": integers(-1)}
        | {"v": floats(2, 4, 3, 3)},
    )
    assert kinds(assert_reads_as_onnxruntime_runs(data)) == ["Conv2D", "Slice", "Conv2D"]


@pytest.mark.ort
def test_every_output_of_a_split_is_a_slice() -> None:
    nodes = [node("Split", "x s", "a b", axis=1), node("Concat", "b a", axis=1)]
    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, IMAGE, {"s": integers(1, 2)}))

    assert [kind for kind in kinds(graph) if kind != "Transpose"] == ["Slice", "Slice", "Concat"]


@pytest.mark.ort
def test_a_split_without_sizes_is_into_equal_parts_but_the_last() -> None:
    even = onnx_bytes([node("Split", "x", "a b c", axis=1)], IMAGE, outputs=("a", "c"))
    odd = node("Split", "x", "a b", axis=3, num_outputs=2)
    assert_reads_as_onnxruntime_runs(even)
    assert_reads_as_onnxruntime_runs(onnx_bytes([odd], IMAGE, outputs=("a", "b"), opset=18))


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        (np.array(-1, np.int64), "Slice"),
        (np.array(0, np.int64), "Slice"),
        (integers(1, 3), "Slice"),
        (integers(4, 2, 0), "Slice"),
        (integers(2, 2), "Gather"),
        (integers(0, 3, -1), "Gather"),
        (np.array([[0, 3], [1, 1]], np.int64), "Gather"),
    ],
)
@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.ort
def test_gathers_run_as_onnxruntime_runs_them(indices: Array, expected: str, axis: int) -> None:
    data = onnx_bytes(
        [node("Conv", "x w", "c"), node("Gather", "c i", axis=axis)], IMAGE, CONV | {"i": indices}
    )

    assert expected in kinds(assert_reads_as_onnxruntime_runs(data))


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        ([node("Gather", "x i")], {"i": integers(0)}, ""),
        ([node("Gather", "x i")], {"i": integers(0, 0)}, "picks along the batch"),
        ([node("Gather", "x i", axis=1)], {"i": integers(7)}, r"indices \[7\] of 3 values"),
        (
            [node("Slice", "x s e a", "y")],
            {"s": integers(3), "e": integers(3), "a": integers(2)},
            "nothing is left along axis 2",
        ),
        (
            [node("Slice", "x s e a", "y")],
            {"s": integers(1), "e": integers(3), "a": integers(0)},
            "batch|nothing is left along axis 0",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(
    nodes: list, constants: dict[str, Array], reason: str
) -> None:
    data = onnx_bytes(nodes, IMAGE, constants)
    if not reason:
        assert kinds(load_onnx(data, "m").graph) == ["Slice"]
        return
    with pytest.raises(UnsupportedModelError, match=reason):
        load_onnx(data, "m")
