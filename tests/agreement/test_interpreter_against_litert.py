"""The interpreter, which defines our integers, against LiteRT's reference kernels, bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.ir.graph import IntGraph, Profile
from quantize.ir.interpreter import execute
from quantize.ir.ops import FullyConnected, Logistic, Mul, Tanh
from tests.agreement.litert_reference import run_emitted
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


def _comparable(graph: IntGraph) -> IntGraph:
    """Take the profile away from `tflm` where LiteRT computes otherwise than TFLite Micro."""
    if isinstance(graph.operations[0], FullyConnected | Mul | Logistic | Tanh):
        return with_profile(graph, Profile.LITERT)
    return graph
