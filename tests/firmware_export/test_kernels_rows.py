"""Logarithm of softmax and rows of length 1 in C."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.ir.graph import QuantParams
from quantize.ir.integer_params import log_softmax_params
from quantize.ir.interpreter import execute
from quantize.ir.ops import L2Normalization, LogSoftmax
from quantize.ir.spec import L2_OUTPUT, LOG_SOFTMAX_OUTPUT
from tests.firmware_export.kernel_host import Array, KernelHost
from tests.models import int8, int_graph

sanitized = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_rows = st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 10, 300]), st.integers(0, 2**32))


def _codes(rows: tuple[int, int, int]) -> Array:
    """Return codes (1, rows, depth), all over int8 or close together."""
    rng = np.random.default_rng(rows[2])
    low, high = sorted(int(end) for end in rng.integers(-128, 128, 2))
    return rng.integers(low, high + 1, (1, *rows[:2]), np.int8)


@sanitized
@given(_rows, st.floats(2.0**-25, 16, width=32))
def test_log_softmax_equals_the_interpreter(
    kernels: KernelHost, rows: tuple[int, int, int], scale: float
) -> None:
    codes = _codes(rows)
    tensors = {
        "x": int8(codes.shape, QuantParams((scale,))),
        "y": int8(codes.shape, LOG_SOFTMAX_OUTPUT),
    }
    operation = LogSoftmax("x", "y")
    graph = int_graph([operation], tensors, {}, ["y"])

    params = log_softmax_params(operation, graph)
    curve, reverse = params.curve, params.reverse
    fields = (curve.requant.multiplier, curve.requant.shift, -curve.radius)
    found = kernels("log_softmax", *rows[:2], *fields, reverse.multiplier, reverse.shift, codes)

    np.testing.assert_array_equal(found, execute(graph, {"x": codes})["y"].ravel())


@sanitized
@given(_rows, st.integers(-128, 127))
def test_rows_of_length_1_equal_the_interpreters(
    kernels: KernelHost, rows: tuple[int, int, int], zero_point: int
) -> None:
    codes = _codes(rows)
    tensors = {
        "x": int8(codes.shape, QuantParams((0.5,), zero_point)),
        "y": int8(codes.shape, L2_OUTPUT),
    }
    graph = int_graph([L2Normalization("x", "y")], tensors, {}, ["y"])

    found = kernels("l2_normalization", *rows[:2], zero_point, codes)

    np.testing.assert_array_equal(found, execute(graph, {"x": codes})["y"].ravel())


def test_the_longest_row_does_not_overflow(kernels: KernelHost) -> None:
    codes = np.full(32767, -128, np.int8)

    found = kernels("l2_normalization", 1, 32767, 127, codes)

    assert set(found.tolist()) == {round(-128 / math.sqrt(32767))}


@pytest.mark.parametrize("value", [0, 1, -1, 5])
def test_a_row_of_one_code_has_length_1(kernels: KernelHost, value: int) -> None:
    found = kernels("l2_normalization", 1, 1, 0, np.array([value], np.int8))

    assert found.tolist() == [int(np.clip(np.sign(value) * 128, -128, 127))]


def test_logarithms_are_right_to_six_digits(kernels: KernelHost) -> None:
    values = np.unique(np.geomspace(2**19, 2**31 - 1, 4000).astype(np.int32))

    found = kernels("log_of_sum", values).view(np.int32)

    np.testing.assert_allclose(found / 2**26, np.log(values / 2**19), atol=2e-6)
