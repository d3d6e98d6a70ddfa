"""The interpreter, which defines our integers, against LiteRT's reference kernels, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.emit.tflite_int8 import emit_tflite
from quantize.ir.graph import IntGraph, Profile
from quantize.ir.interpreter import execute, execute_operation, trace
from quantize.ir.ops import FullyConnected, Logistic, Mul, Prelu, Sub, Tanh
from quantize.load.tflite_model import load_int8_tflite
from tests.agreement.litert_reference import run_emitted, run_reference
from tests.models import random_inputs, with_profile
from tests.strategies import SINGLE_OPERATION_GRAPHS

pytestmark = pytest.mark.tflite


@pytest.mark.parametrize("kind", SINGLE_OPERATION_GRAPHS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_every_operation_equals_the_reference_kernel(
    kind: str, data: st.DataObject, seed: int
) -> None:
    graph = _comparable(data.draw(SINGLE_OPERATION_GRAPHS[kind]()))
    inputs = random_inputs(graph, np.random.default_rng(seed), 4)

    np.testing.assert_array_equal(execute(graph, inputs)["y"], run_emitted(graph, inputs)["y"])


@pytest.mark.parametrize("kind", ["fully connected", "mul", "sub", "prelu", "logistic", "tanh"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_where_tflite_micro_computes_otherwise_it_is_by_one_step(
    kind: str, data: st.DataObject, seed: int
) -> None:
    graph = with_profile(data.draw(SINGLE_OPERATION_GRAPHS[kind]()), Profile.TFLM)
    inputs = random_inputs(graph, np.random.default_rng(seed), 4)

    computed = execute(graph, inputs)["y"].astype(int)

    assert np.abs(computed - run_emitted(graph, inputs)["y"]).max() <= 1


OFFICIAL = {  # and the number of samples; 100 of each gave 0 differing bytes as well
    "mlperf_tiny/ic_resnet8_int8_official.tflite": 24,
    "mlperf_tiny/kws_dscnn_int8_official.tflite": 24,
    "mlperf_tiny/vww_mbv1_025_int8_official.tflite": 24,
    "mlperf_tiny/ad_fcae_int8_official.tflite": 100,
    "mlperf_tiny/sww_int8_official.tflite": 24,
    "mlperf_tiny/ic_resnet_large_int8_official.tflite": 4,
    "tflm/hello_world_int8.tflite": 100,
    "tflm/micro_speech_int8.tflite": 100,
}


@pytest.mark.shared_assets
@pytest.mark.parametrize("path", OFFICIAL)
def test_every_tensor_of_an_official_model_equals_the_reference_kernels(
    path: str, shared: Path, rng: np.random.Generator
) -> None:
    model = (shared / "models" / path).read_bytes()
    graph = load_int8_tflite(model, path, Profile.LITERT)
    inputs = mixed_inputs(graph, rng, OFFICIAL[path])

    computed = trace(graph, inputs)

    reference = run_reference(emit_tflite(graph), graph, inputs, keep_all=True)
    differing = {name: int((computed[name] != reference[name]).sum()) for name in reference}
    assert set(differing) == {operation.output for operation in graph.operations}
    assert not any(differing.values()), differing
    np.testing.assert_array_equal(
        computed[graph.outputs[0]], run_reference(model, graph, inputs)[graph.outputs[0]]
    )


@pytest.mark.shared_assets
@pytest.mark.parametrize("path", [path for path in OFFICIAL if "ad_fcae" not in path])
def test_in_profile_tflm_only_fully_connected_differs_and_by_one_step(
    path: str, shared: Path, rng: np.random.Generator
) -> None:
    graph = load_int8_tflite((shared / "models" / path).read_bytes(), path, Profile.TFLM)
    inputs = mixed_inputs(graph, rng, min(OFFICIAL[path], 8))

    reference = {**graph.constants, **inputs}
    reference |= run_reference(emit_tflite(graph), graph, inputs, keep_all=True)

    for operation in graph.operations:
        computed = execute_operation(operation, graph, reference)
        steps = np.abs(computed.astype(int) - reference[operation.output]).max()
        assert steps <= isinstance(operation, FullyConnected), operation.output


def mixed_inputs(graph: IntGraph, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Return half noise over all codes, half smooth walks, which drive other values."""
    noise = random_inputs(graph, rng, count)
    return {
        name: np.concatenate([codes[: count // 2], _walks(codes[count // 2 :], rng)])
        for name, codes in noise.items()
    }


def _walks(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    steps = rng.normal(0, 6, like.shape).cumsum(axis=1)
    return np.clip(steps, -128, 127).astype(np.int8)


def _comparable(graph: IntGraph) -> IntGraph:
    """Take the profile away from `tflm` where LiteRT computes otherwise than TFLite Micro."""
    if isinstance(graph.operations[0], FullyConnected | Mul | Sub | Prelu | Logistic | Tanh):
        return with_profile(graph, Profile.LITERT)
    return graph
