"""Operations in int16 and in float32, in the interpreter and in LiteRT's reference kernels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import Kernels, TfliteRunner
from quantize.integers import quantize_graph
from quantize.ir.graph import DType, IntGraph, Profile, QuantParams, TensorType
from quantize.ir.interpreter import execute, trace
from quantize.ir.ops import Logistic, Tanh
from quantize.ir.spec import WIDE_CURVE_OUTPUT
from quantize.load.open import open_float_model
from quantize.passes.simplify import simplify
from quantize.recipe import Recipe
from tests.agreement.litert_reference import run_emitted, run_reference
from tests.models import float32, int_graph, random_inputs, with_profile
from tests.wide_strategies import REAL_KINDS, WIDE_KINDS, border_graphs, real_graphs, wide_graphs

pytestmark = pytest.mark.tflite

MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", WIDE_KINDS)
@MANY
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_every_operation_in_int16_equals_the_reference_kernel(
    kind: str, data: st.DataObject, seed: int
) -> None:
    graph = with_profile(data.draw(wide_graphs(kind)), Profile.LITERT)
    inputs = random_inputs(graph, np.random.default_rng(seed), 4)

    np.testing.assert_array_equal(execute(graph, inputs)["y"], run_emitted(graph, inputs)["y"])


@pytest.mark.parametrize("kind", ["logistic", "tanh"])
@pytest.mark.parametrize("power", [-11, -12, -13])
@pytest.mark.parametrize("beside", [0.9988, 0.9994, 0.9999, 1.0, 1.0001, 1.0006, 1.0012])
def test_a_curves_scale_that_is_nearly_a_power_of_two_counts_as_that(
    kind: str, power: int, beside: float, rng: np.random.Generator
) -> None:
    wide = TensorType((1, 64), DType.INT16, QuantParams((float32(2.0**power * beside),)))
    operation = Logistic("x", "y") if kind == "logistic" else Tanh("x", "y")
    tensors = {"x": wide, "y": replace(wide, quant=WIDE_CURVE_OUTPUT)}
    graph = with_profile(int_graph([operation], tensors, {}, ["y"]), Profile.LITERT)
    inputs = random_inputs(graph, rng, 20)

    np.testing.assert_array_equal(execute(graph, inputs)["y"], run_emitted(graph, inputs)["y"])


@MANY
@given(graph=border_graphs(), seed=st.integers(0, 2**32 - 1))
def test_what_leads_from_one_type_to_another_equals_the_reference_kernel(
    graph: IntGraph, seed: int
) -> None:
    inputs = random_inputs(graph, np.random.default_rng(seed), 4)

    np.testing.assert_array_equal(execute(graph, inputs)["y"], run_emitted(graph, inputs)["y"])


@pytest.mark.parametrize("kind", REAL_KINDS)
@MANY
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_every_operation_in_float_is_that_of_litert(
    kind: str, data: st.DataObject, seed: int
) -> None:
    graph = data.draw(real_graphs(kind))
    inputs = random_inputs(graph, np.random.default_rng(seed), 2)

    computed = execute(graph, inputs)["y"]

    for kernels in Kernels:
        found = TfliteRunner(emit_tflite(graph), kernels=kernels)(inputs)["y"]
        least = 2e-5 * np.abs(computed).max()
        np.testing.assert_allclose(found, computed, rtol=2e-5, atol=least)


FLOAT_MODELS = ("ic_resnet8_float.onnx", "kws_dscnn_float.onnx")


@pytest.mark.ort
@pytest.mark.shared_assets
@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_every_tensor_of_a_network_in_int16_equals_the_reference_kernels(
    name: str, shared: Path, rng: np.random.Generator
) -> None:
    _, loaded = open_float_model(shared / "models" / "mlperf_tiny" / name)
    source = simplify(loaded.graph)
    shape = source.tensors[source.inputs[0]].shape[1:]
    samples = rng.uniform(0.0, 255.0, (8, *shape)).astype(np.float32)

    recipe = Recipe(Profile.LITERT, int16_layers=("all",), search_samples=0)
    graph = quantize_graph(source, lambda _: iter([{source.inputs[0]: samples}]), recipe).graph

    inputs = random_inputs(graph, rng, 8)
    computed = trace(graph, inputs)
    reference = run_reference(emit_tflite(graph), graph, inputs, keep_all=True)
    differing = {made: int((computed[made] != reference[made]).sum()) for made in reference}
    assert set(differing) == {operation.output for operation in graph.operations}
    assert not any(differing.values()), differing
