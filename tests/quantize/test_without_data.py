"""Integers without data, from the file's batch normalizations or from propagation alone."""

from collections.abc import Sequence

import numpy as np
import onnx
import pytest

from quantize.calibrate.expected import behind_clamps
from quantize.errors import RecipeError
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array, IntGraph
from quantize.ir.integer_params import quant_of
from quantize.ir.interpreter import execute
from quantize.load.onnx_model import load_onnx
from quantize.passes.simplify import simplify
from quantize.recipe import RangeMethod, Recipe
from quantize.report.metrics import sqnr_db
from quantize.without_data import Unseen, data_free, quantize_unseen
from tests.onnx_models import node, onnx_bytes

RNG = np.random.default_rng(20)
IMAGES = RNG.uniform(0, 1, (64, 8, 8, 3)).astype(np.float32)


def model() -> bytes:
    """Return a net with batch normalizations whose statistics are those of IMAGES."""
    constants: dict[str, np.ndarray] = {
        "w1": RNG.normal(size=(6, 3, 3, 3)) * 4, "w2": RNG.normal(size=(6, 1, 3, 3)) * 4,
        "w3": RNG.normal(size=(4, 6)),
    }  # fmt: skip
    nodes = [
        node("Conv", "x w1", "c1", pads=[1, 1, 1, 1]),
        *_normalized("c1", 6, constants),
        node("Relu", "c1_n", "a1"),
        node("Conv", "a1 w2", "c2", group=6),
        *_normalized("c2", 6, constants),
        node("Relu", "c2_n", "a2"),
        node("GlobalAveragePool", "a2", "p"),
        node("Flatten", "p", "f"),
        node("Gemm", "f w3", "y", transB=1),
    ]
    named = {name: np.asarray(values, np.float32) for name, values in constants.items()}
    return onnx_bytes(nodes, {"x": ("N", 3, 8, 8)}, named)


def _normalized(
    name: str, channels: int, constants: dict[str, np.ndarray]
) -> Sequence[onnx.NodeProto]:
    parts = [f"{name}_{part}" for part in ("scale", "bias", "mean", "var")]
    for part, values in zip(parts, (0.5, 0.2, 1.0, 9.0), strict=True):
        constants[part] = values * RNG.uniform(0.5, 1.5, channels)
    return [node("BatchNormalization", f"{name} {' '.join(parts)}", f"{name}_n")]


def decibels(graph: IntGraph, wanted: Array) -> float:
    read, made = (quant_of(graph, name) for name in (graph.inputs[0], graph.outputs[0]))
    codes = np.clip(np.rint(IMAGES / read.scale[0]) + read.zero_point, -128, 127).astype(np.int8)
    found = execute(graph, {graph.inputs[0]: codes})[graph.outputs[0]].astype(np.float64)
    return sqnr_db(wanted, (found - made.zero_point) * made.scale[0]) or 0.0


def test_a_file_keeps_what_its_batch_normalizations_say() -> None:
    loaded = load_onnx(model(), "net")

    told = [loaded.statistics[name] for name in ("c1_n", "c2_n")]

    assert [len(entry.mean) for entry in told] == [6, 6]
    assert all((entry.deviation > 0).all() for entry in told)
    assert {"a1", "a2"} <= set(behind_clamps(loaded.graph, loaded.statistics))


@pytest.mark.parametrize("equalize", [0.0, 0.5])
def test_the_integers_follow_the_float_model(equalize: float) -> None:
    loaded = load_onnx(model(), "net")
    unseen = Unseen((0.0, 1.0), behind_clamps(loaded.graph, loaded.statistics))

    recipe = data_free(Recipe(equalize_strength=equalize))
    made = quantize_unseen(simplify(loaded.graph), unseen, recipe)

    wanted = execute_float(loaded.graph, {loaded.graph.inputs[0]: IMAGES})["y"]
    assert made.calibration.samples == 0
    assert set(made.methods.values()) == {RangeMethod.MIN_MAX}
    assert decibels(made.graph, wanted) > 15


def test_channels_are_not_pruned_without_data() -> None:
    with pytest.raises(RecipeError, match="prune_channels: needs calibration data"):
        data_free(Recipe(prune_channels=0.5))
