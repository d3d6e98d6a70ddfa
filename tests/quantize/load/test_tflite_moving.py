"""Operators that move or interpolate values, each in a float file, judged by LiteRT."""

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from quantize.errors import UnsupportedModelError
from quantize.ir.float_executor import execute_float
from quantize.load.tflite_model import load_float_tflite
from quantize.load.tflite_moving import MOVING_READERS
from tests.tflite_files import FileBuilder

pytestmark = pytest.mark.tflite
IMAGE = (1, 6, 5, 4)
Shape = tuple[int, ...]


def made(
    kind: str, outputs: list[Shape], constants: list[Any], options: Any, *, x_at: int = 0
) -> bytes:
    """Return a float file of one operator that reads x and constants, x at place `x_at`."""
    builder = FileBuilder()
    x = builder.tensor("x", IMAGE)
    inputs = [
        builder.constant(f"c{i}", np.array(values, np.int32)) for i, values in enumerate(constants)
    ]
    inputs.insert(x_at, x)
    results = [builder.tensor(f"y{i}", shape) for i, shape in enumerate(outputs)]
    builder.operator(kind, inputs, results, options)
    return builder.file([x], results)


def strided(output: Shape, begin: Any, end: Any, step: Any, **masks: int) -> bytes:
    options = schema.StridedSliceOptionsT(**masks)
    return made("STRIDED_SLICE", [output], [begin, end, step], options)


def gathered(output: Shape, indices: Any, axis: int = 1, batch_dims: int = 0) -> bytes:
    options = schema.GatherOptionsT(axis=axis, batchDims=batch_dims)
    return made("GATHER", [output], [indices], options)


def nearest(output: Shape, **flags: bool) -> bytes:
    options = schema.ResizeNearestNeighborOptionsT(**flags)
    return made("RESIZE_NEAREST_NEIGHBOR", [output], [output[1:3]], options)


def bilinear(output: Shape, **flags: bool) -> bytes:
    options = schema.ResizeBilinearOptionsT(**flags)
    return made("RESIZE_BILINEAR", [output], [output[1:3]], options)


CASES = {
    "strided slice": strided((1, 2, 5, 2), [0, 1, 0, 1], [1, 5, 5, 3], [1, 2, 1, 1]),
    "strided slice, masks": strided(
        (1, 4, 3, 4), [0, 2, 4, 0], [0, 6, 9, 9], [1, 1, -2, 1], beginMask=1, endMask=13
    ),
    "strided slice, an axis dropped": strided(
        (1, 5, 4), [0, -1, 0, 0], [1, 0, 5, 4], [1, 1, 1, 1], shrinkAxisMask=2
    ),
    "slice": made("SLICE", [(1, 2, 5, 3)], [[0, 4, 0, 1], [1, 2, 5, -1]], schema.SliceOptionsT()),
    "split": made("SPLIT", [(1, 3, 5, 4)] * 2, [[1]], schema.SplitOptionsT(numSplits=2), x_at=1),
    "split v": made(
        "SPLIT_V",
        [(1, 6, 2, 4), (1, 6, 3, 4)],
        [[2, -1], [-2]],
        schema.SplitVOptionsT(numSplits=2),
    ),
    "gather": gathered((1, 3, 5, 4), [5, 0, 0]),
    "gather, last axis": gathered((1, 6, 5, 2), [3, 1], axis=-1),
    "gather, one index": gathered((1, 5, 4), 2),
    "gather, a matrix": gathered((1, 2, 2, 5, 4), [[1, 2], [3, 3]]),
    "nearest": nearest((1, 12, 10, 4)),
    "nearest, half pixels": nearest((1, 3, 7, 4), halfPixelCenters=True),
    "nearest, corners": nearest((1, 11, 9, 4), alignCorners=True),
    "bilinear": bilinear((1, 12, 10, 4)),
    "bilinear, half pixels": bilinear((1, 3, 7, 4), halfPixelCenters=True),
    "bilinear, corners": bilinear((1, 11, 9, 4), alignCorners=True),
    "space to depth": made(
        "SPACE_TO_DEPTH", [(1, 6, 5, 4)], [], schema.SpaceToDepthOptionsT(blockSize=1)
    ),
    "depth to space": made(
        "DEPTH_TO_SPACE", [(1, 12, 10, 1)], [], schema.DepthToSpaceOptionsT(blockSize=2)
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_operator_computes_as_litert_does(case: str) -> None:
    x = np.random.default_rng(5).normal(size=IMAGE).astype(np.float32)
    interpreter = Interpreter(model_content=CASES[case])
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()

    found = execute_float(load_float_tflite(CASES[case], "m"), {"x": x})

    for detail in interpreter.get_output_details():
        wanted = interpreter.get_tensor(detail["index"])
        np.testing.assert_allclose(found[detail["name"]], wanted, rtol=1e-5, atol=1e-5)


def test_every_operator_of_the_table_has_a_case() -> None:
    tried = {
        schema.Model.GetRootAs(data, 0).OperatorCodes(0).BuiltinCode() for data in CASES.values()
    }
    names = {name for name, code in vars(schema.BuiltinOperator).items() if code in tried}

    assert names == set(MOVING_READERS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (strided((1, 6, 5, 4), [0] * 4, [9] * 4, [1] * 4, newAxisMask=2), "a new axis"),
        (strided((1, 0, 5, 4), [0, 3, 0, 0], [1, 3, 5, 4], [1] * 4), "takes nothing of 6"),
        (strided((1, 6, 5, 4), [0] * 4, [9] * 4, [1, 0, 1, 1]), "a stride of 0"),
        (gathered((1, 6, 5, 4), [0], batch_dims=1), "batch_dims 1"),
        (nearest((1, 3, 3, 4), alignCorners=True, halfPixelCenters=True), "choose one"),
        (
            made("SPLIT", [(1, 3, 5, 4)] * 4, [[1]], schema.SplitOptionsT(numSplits=4), x_at=1),
            "splits 6 values into 4 parts",
        ),
    ],
)
def test_what_we_cannot_say_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        load_float_tflite(data, "m")
