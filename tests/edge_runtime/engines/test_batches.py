"""Samples that share a call get the very bytes that each gets alone."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edge_runtime.engines.batches import CALL_BYTES, most_at_once, run_all
from edge_runtime.engines.onnx_engine import OnnxEngine
from edge_runtime.engines.protocol import Engine, EngineSettings, FloatArray
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import EngineError
from edge_runtime.manifest import load_bundle
from edge_runtime.worker.self_test import samples_at_once
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.ir.graph import IntGraph
from quantize.load.open import open_model
from tests.edge_runtime.bundles import sum_bundle
from tests.edge_runtime.engines.counting import Counting
from tests.models import random_inputs, tiny_classifier
from tests.strategies import SINGLE_OPERATION_GRAPHS

pytestmark = pytest.mark.ort

TWO_THREADS = EngineSettings(threads=2)
OFFICIAL = ("kws_dscnn", "ic_resnet8", "vww_mbv1_025", "ad_fcae")


def engine_of(graph: IntGraph) -> OnnxEngine:
    return OnnxEngine(emit_qdq_onnx(graph), TWO_THREADS)


def samples_of(graph: IntGraph, seed: int, count: int) -> list[dict[str, FloatArray]]:
    """Return random codes as the reals that they stand for."""
    codes = random_inputs(graph, np.random.default_rng(seed), count)
    reals = {}
    for name, values in codes.items():
        quant = graph.tensors[name].quant
        assert quant is not None
        centred = values.astype(np.float32) - quant.zero_point
        reals[name] = (centred * np.float32(quant.scale[0])).astype(np.float32)
    return [{name: values[i : i + 1] for name, values in reals.items()} for i in range(count)]


def assert_same(found: list[dict[str, FloatArray]], wanted: list[dict[str, FloatArray]]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert {name: (v.shape, v.dtype, v.tobytes()) for name, v in one.items()} == {
            name: (v.shape, v.dtype, v.tobytes()) for name, v in other.items()
        }


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 70), most=st.integers(1, 70))
def test_a_network_answers_the_same_in_batches_of_any_size(
    seed: int, count: int, most: int
) -> None:
    graph = tiny_classifier(seed % 5)
    engine, samples = engine_of(graph), samples_of(graph, seed, count)

    assert engine.takes_batches
    assert_same(run_all(engine, samples, most), run_all(engine, samples, 1))


@pytest.mark.parametrize("kind", [kind for kind in SINGLE_OPERATION_GRAPHS if kind != "mean"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), count=st.integers(2, 9))
def test_every_operation_that_is_emitted_answers_the_same_in_batches(
    kind: str, data: st.DataObject, seed: int, count: int
) -> None:
    graph = data.draw(SINGLE_OPERATION_GRAPHS[kind]())
    engine, samples = engine_of(graph), samples_of(graph, seed, count)

    assert_same(run_all(engine, samples, count), run_all(engine, samples, 1))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), count=st.integers(2, 9))
def test_a_mean_differs_by_one_code_at_most(data: st.DataObject, seed: int, count: int) -> None:
    """ONNX Runtime adds up in another order, which shows where a value is between two codes."""
    graph = data.draw(SINGLE_OPERATION_GRAPHS["mean"]())
    engine, samples = engine_of(graph), samples_of(graph, seed, count)
    quant = graph.tensors["y"].quant
    assert quant is not None

    pairs = zip(run_all(engine, samples, count), run_all(engine, samples, 1), strict=True)

    for together, alone in pairs:
        np.testing.assert_allclose(together["y"], alone["y"], atol=1.01 * quant.scale[0])


@pytest.mark.shared_assets
@pytest.mark.parametrize("name", OFFICIAL)
def test_the_official_files_answer_the_same_in_batches(shared: Path, name: str) -> None:
    path = shared / "models" / "mlperf_tiny" / f"{name}_int8_official.tflite"
    graph = open_model(path).content
    assert isinstance(graph, IntGraph)
    engine, samples = engine_of(graph), samples_of(graph, 7, 64)
    alone = run_all(engine, samples, 1)

    for most in (2, 3, 8, 64):
        assert_same(run_all(engine, samples, most), alone)


def test_as_many_go_together_as_may_and_the_rest_after_them() -> None:
    graph = tiny_classifier()
    engine = Counting(engine_of(graph))

    outputs = run_all(engine, samples_of(graph, 1, 7), 3)

    assert engine.calls == [3, 3, 1]
    assert len(outputs) == 7
    assert run_all(engine, [], 3) == []


def free_model(operation: str, **attributes: Any) -> bytes:
    """Return a file whose sizes say that it takes batches."""
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 2]) for n in ("x", "y")]
    node = helper.make_node(operation, ["x"], ["y"], **attributes)
    graph = helper.make_graph([node], "g", value[:1], value[1:])
    opsets = [helper.make_opsetid("", 17)]
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=opsets, ir_version=8)
    )


def test_a_file_that_mixes_its_samples_is_found_out_by_its_self_test(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)
    honest = OnnxEngine(free_model("Softmax", axis=1), TWO_THREADS)
    mixing = OnnxEngine(free_model("Softmax", axis=0), TWO_THREADS)
    merging = OnnxEngine(free_model("ReduceMax", axes=[0], keepdims=1), TWO_THREADS)

    assert samples_at_once(honest, manifest, bundle, 64) == 64
    assert samples_at_once(mixing, manifest, bundle, 64) == 1
    assert samples_at_once(merging, manifest, bundle, 64) == 1


def test_outputs_of_another_number_of_samples_are_refused_by_name() -> None:
    engine = OnnxEngine(free_model("ReduceMax", axes=[0], keepdims=1), TWO_THREADS)
    samples = [{"x": np.zeros((1, 2), np.float32)} for _ in range(3)]

    with pytest.raises(EngineError, match=r"engine onnx: output 'y' is \(1, 2\), 3 samples went"):
        run_all(engine, samples, 3)


@pytest.mark.tflite
def test_engines_say_whether_they_take_batches_and_need_not(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)
    able = {
        name: samples_at_once(load_engine(name, manifest, bundle, TWO_THREADS), manifest, bundle, 8)
        for name in ("onnx", "tflite")
    }

    assert able == {"onnx": 8, "tflite": 1}  # TfliteEngine does not speak of it


def test_a_file_of_fixed_size_takes_one_sample() -> None:
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in ("x", "y")]
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "g", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    engine: Engine = OnnxEngine(model.SerializeToString(), TWO_THREADS)

    assert most_at_once(engine, 8) == 1


def test_a_call_is_bounded_in_bytes() -> None:
    engine = OnnxEngine(free_model("Identity"), TWO_THREADS)

    assert most_at_once(engine, 8) == CALL_BYTES // 8
    assert most_at_once(engine, CALL_BYTES // 3) == 3
    assert most_at_once(engine, 2 * CALL_BYTES) == 1
