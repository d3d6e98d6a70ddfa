"""Blocks of known nets, from float ONNX through quantizing to every runtime and to C."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from quantize.executors import run_onnx
from quantize.integers import quantize_graph
from quantize.ir.graph import Array, IntGraph, Profile
from quantize.ir.interpreter import execute
from quantize.load.onnx_model import load_onnx
from quantize.measure import EXECUTORS
from quantize.passes.simplify import simplify
from quantize.recipe import Recipe
from quantize.report.codes import codes_by_name, reals_by_name
from quantize.report.parity import compare_operations, interpret
from tests.agreement.litert_reference import run_emitted
from tests.agreement.test_c_against_interpreter import run_all, write_exports
from tests.models import with_profile
from tests.onnx_models import floats, node, onnx_bytes

pytestmark = [pytest.mark.ort, pytest.mark.tflite]

IMAGE = {"x": ("N", 3, 10, 8)}


def conv(source: str, name: str, **attributes: object) -> onnx.NodeProto:
    return node("Conv", f"{source} {name}_w {name}_b", name, **attributes)


def weights(name: str, *shape: int) -> dict[str, Array]:
    seed = sum(name.encode())
    fan_in = float(np.prod(shape[1:]))
    return {
        f"{name}_w": floats(*shape, seed=seed) * np.float32(1.4 / np.sqrt(fan_in)),
        f"{name}_b": floats(shape[0], seed=seed + 1) * np.float32(0.1),
    }


STEM = [conv("x", "stem", pads=[1, 1, 1, 1])]
STEM_WEIGHTS = weights("stem", 8, 3, 3, 3)

MOBILE_NET_V3 = (  # inverted residual with squeeze-excite
    [
        *STEM,
        node("HardSwish", "stem", "a"),
        conv("a", "deep", group=8, pads=[1, 1, 1, 1]),
        node("HardSwish", "deep", "b"),
        node("GlobalAveragePool", "b", "squeezed"),
        conv("squeezed", "less"),
        node("Relu", "less", "c"),
        conv("c", "more"),
        node("HardSigmoid", "more", "gate", alpha=1 / 6),
        node("Mul", "b gate", "excited"),
        conv("excited", "out"),
        node("Add", "out a"),
    ],
    STEM_WEIGHTS
    | weights("deep", 8, 1, 3, 3)
    | weights("less", 4, 8, 1, 1)
    | weights("more", 8, 4, 1, 1)
    | weights("out", 8, 8, 1, 1),
)
YOLO = (  # SiLU, a leaky branch, a difference of both
    [
        *STEM,
        node("Sigmoid", "stem", "gate"),
        node("Mul", "stem gate", "silu"),
        conv("silu", "left", pads=[1, 1, 1, 1]),
        node("LeakyRelu", "left", "leaky", alpha=0.1),
        conv("silu", "right"),
        node("PRelu", "right slope", "bent"),
        node("Sub", "leaky bent", "apart"),
        node("Clip", "apart low high", "bounded"),
        node("Max", "bounded leaky"),
    ],
    STEM_WEIGHTS
    | weights("left", 8, 8, 3, 3)
    | weights("right", 8, 8, 1, 1)
    | {"slope": np.abs(floats(8, 1, 1)) * np.float32(0.3)}
    | {"low": np.array(-0.75, np.float32), "high": np.array(0.5, np.float32)},
)
BLOCKS = {"mobile_net_v3": MOBILE_NET_V3, "yolo": YOLO}


@pytest.fixture(params=BLOCKS)
def model(request: pytest.FixtureRequest) -> bytes:
    nodes, constants = BLOCKS[request.param]
    return onnx_bytes(nodes, IMAGE, constants)


@pytest.fixture
def graph(model: bytes) -> IntGraph:
    reference = simplify(load_onnx(model, "block").graph)
    recipe = Recipe(search_samples=8)
    return quantize_graph(
        reference, lambda size: iter([{"x": images(max(size, 48))}]), recipe
    ).graph


def images(count: int, seed: int = 4) -> Array:
    return np.random.default_rng(seed).normal(size=(count, 10, 8, 3)).astype(np.float32)


def test_the_integers_keep_the_answers(model: bytes, graph: IntGraph) -> None:
    inputs = {"x": images(16, seed=9)}
    exact = run_onnx(model, {"x": inputs["x"].transpose(0, 3, 1, 2)})["y"].transpose(0, 2, 3, 1)

    codes = execute(graph, codes_by_name(graph, inputs))

    noise = reals_by_name(graph, codes)["y"] - exact
    assert 10 * np.log10((exact**2).sum() / (noise**2).sum()) > 28


def test_litert_gives_the_same_bytes(graph: IntGraph) -> None:
    graph = with_profile(graph, Profile.LITERT)
    codes = codes_by_name(graph, {"x": images(8, seed=9)})

    np.testing.assert_array_equal(execute(graph, codes)["y"], run_emitted(graph, codes)["y"])


@pytest.mark.parametrize("name", ["onnxruntime", "litert_default"])
def test_no_operation_of_a_device_runtime_is_further_off_than_one_step(
    graph: IntGraph, name: str
) -> None:
    codes = dict(codes_by_name(graph, {"x": images(8, seed=9)}))
    reference = interpret(graph, codes, traced=8, has_classes=False)

    compared = compare_operations(reference, EXECUTORS[name])

    assert max(entry.max_lsb for entry in compared) <= 1, compared


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_the_exported_c_gives_the_same_bytes(graph: IntGraph, tmp_path: Path) -> None:
    names = write_exports(tmp_path, [graph])

    assert run_all(tmp_path, names) == dict.fromkeys(names, "-1")
