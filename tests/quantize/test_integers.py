"""The numeric half of the pipeline as a whole: deterministic, accurate, honest about its data."""

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from quantize.accuracy.moments import moments_of
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.errors import DataError
from quantize.executors import run_onnx
from quantize.integers import Reader, quantize_graph
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array, FloatGraph
from quantize.recipe import Recipe, WeightRounding
from tests.conftest import ROOT, SHARED
from tests.models import tiny_classifier, tiny_float_classifier

pytestmark = pytest.mark.ort
PLAIN = Recipe(
    equalize_strength=0.0,
    weight_rounding=WeightRounding.NEAREST,
    bias_correction=False,
    search_samples=0,
)


def reader(name: str, values: Array) -> Reader:
    def read(size: int) -> Iterator[dict[str, Array]]:
        for start in range(0, len(values), size):
            yield {name: values[start : start + size]}

    return read


def images(count: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(count, 6, 6, 2)).astype(np.float32)


def sqnr_db(exact: Array, found: Array) -> float:
    exact = exact.astype(np.float64)
    return float(10 * np.log10((exact**2).sum() / ((exact - found) ** 2).sum()))


def quantized_sqnr_db(graph: FloatGraph, recipe: Recipe) -> float:
    integers = quantize_graph(graph, reader("image", images(64)), recipe).graph
    inputs = {"image": images(64, 2)}
    found = run_onnx(emit_qdq_onnx(integers), inputs)["scores"]
    return sqnr_db(execute_float(graph, inputs)["scores"], found)


@pytest.mark.parametrize("recipe", [Recipe(), PLAIN])
def test_a_small_network_keeps_its_answers(recipe: Recipe) -> None:
    assert quantized_sqnr_db(tiny_float_classifier(), recipe) > 25


def test_the_defaults_do_not_lose_to_the_plain_recipe() -> None:
    graph = tiny_float_classifier(3)

    assert quantized_sqnr_db(graph, Recipe()) > quantized_sqnr_db(graph, PLAIN) - 1


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_batch_size_changes_no_byte(size: int) -> None:
    read = reader("image", images(64))
    graph = tiny_float_classifier()

    found, expected = (
        quantize_graph(graph, read, Recipe(search_samples=0, batch_size=n)).graph
        for n in (size, 16)
    )

    assert emit_qdq_onnx(found) == emit_qdq_onnx(expected)


def test_the_number_of_threads_changes_no_byte() -> None:
    script = (
        "import hashlib\n"
        "from tests.quantize.test_integers import *\n"
        "g = quantize_graph(tiny_float_classifier(), reader('image', images(64)), Recipe()).graph\n"
        "print(hashlib.sha256(emit_qdq_onnx(g)).hexdigest())\n"
    )

    def digest(threads: str) -> str:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert digest("1") == digest("2")


def test_the_methods_of_free_tensors_are_told() -> None:
    result = quantize_graph(tiny_float_classifier(), reader("image", images(20)), Recipe())

    assert set(result.methods) == {"image", "conv", "depthwise", "flat", "logits"}
    assert result.calibration.samples == 20


def test_no_samples_are_refused() -> None:
    with pytest.raises(DataError, match="no samples"):
        quantize_graph(tiny_float_classifier(), reader("image", images(0)), Recipe())


def test_progress_is_told() -> None:
    steps: list[str] = []

    def progress(step: str, done: int, total: int) -> None:
        assert done <= total
        steps.append(step)

    quantize_graph(tiny_float_classifier(), reader("image", images(8)), Recipe(), progress)

    assert list(dict.fromkeys(steps)) == ["equalize", "calibrate", "choose ranges", "refine"]


def test_moments_are_those_of_the_patches() -> None:
    graph = tiny_classifier()
    dense = next(op for op in graph.operations if op.output == "logits")
    codes = np.random.default_rng(1).integers(-128, 128, (9, 4)).astype(np.int8)

    moments = moments_of(dense, graph, codes)

    values = codes.astype(float) - graph.tensors[dense.input].quant.zero_point
    np.testing.assert_allclose(moments.mean()[0], values.mean(axis=0))
    np.testing.assert_allclose(moments.covariance()[0], np.cov(values.T, bias=True))


@pytest.mark.shared_assets
@pytest.mark.parametrize(
    ("model", "data", "least_db", "least_agreement", "most_bytes"),
    [
        ("kws_dscnn_float", "kws01", 28.3, 0.990, 75_000),
        ("ic_resnet8_float", "cifar10_raw", 23.2, 0.985, 93_000),
        ("ic_resnet_large_float", "cifar10_raw", 26.7, 0.993, 520_000),
    ],
)
def test_reference_models_reach_the_bar(
    model: str, data: str, least_db: float, least_agreement: float, most_bytes: int
) -> None:
    from quantize.load.onnx_model import load_onnx  # noqa: PLC0415
    from quantize.passes.simplify import simplify  # noqa: PLC0415

    source = (SHARED / "models" / "mlperf_tiny" / f"{model}.onnx").read_bytes()
    graph = simplify(load_onnx(source, model).graph)
    (name,) = graph.inputs
    calibration, evaluation = (
        np.load(SHARED / "evalsets" / data / f"{part}.npz")["x"].astype(np.float32)
        for part in ("calib", "eval")
    )
    exact = next(iter(run_onnx(source, {name: evaluation}).values()))

    integers = quantize_graph(graph, reader(name, calibration), Recipe()).graph
    file = emit_qdq_onnx(integers)
    found = run_onnx(file, {name: evaluation})[graph.outputs[0]]

    assert sqnr_db(exact, found) >= least_db
    assert np.mean(exact.argmax(axis=-1) == found.argmax(axis=-1)) >= least_agreement
    assert len(file) <= most_bytes
