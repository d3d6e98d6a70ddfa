"""Pooling, mean and softmax in C."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from quantize.ir import integer_params
from quantize.ir.fixed_point import quantize_factor
from quantize.ir.graph import DType, Graph, QuantParams, TensorType
from quantize.ir.interpreter import execute
from quantize.ir.ops import Mean, Softmax
from quantize.ir.spec import SOFTMAX_OUTPUT, check_integer
from tests.firmware_export.fixed_point_oracle import output_codes
from tests.firmware_export.kernel_host import Array, KernelHost

sanitized = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_scales = st.floats(2**-12, 16, width=32)
_zero_points = st.integers(-128, 127)
_window = st.tuples(st.integers(1, 8), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
_bounds = st.sampled_from([(-128, 127), (-20, 127), (0, 30)])


def _codes(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-128, 128, shape, np.int8)


def _spans(window: tuple[int, int, int, int]) -> list[slice]:
    """Return the cells of each output position that the input has: one slice for each."""
    size, kernel, stride, before = window
    starts = range(-before, size, stride)
    spans = [slice(max(start, 0), min(start + kernel, size)) for start in starts]
    return [span for span in spans if span.stop > span.start]


def _round_half_away(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


@pytest.mark.parametrize("kind", ["average_pool", "max_pool"])
@sanitized
@given(st.tuples(_window, _window), st.integers(1, 6), _bounds, st.integers(0, 2**32))
def test_pooling_equals_its_definition(
    kernels: KernelHost,
    kind: str,
    windows: tuple[tuple[int, int, int, int], tuple[int, int, int, int]],
    channels: int,
    bounds: tuple[int, int],
    seed: int,
) -> None:
    y, x = windows
    assume(y[3] < y[1] and x[3] < x[1])  # or the first window would touch nothing
    image = _codes(np.random.default_rng(seed), y[0], x[0], channels)
    rows, columns = _spans(y), _spans(x)

    sizes = (y[0], x[0], channels, len(rows), len(columns), channels)
    fields = (*sizes, y[1], x[1], y[2], x[2], y[3], x[3], *bounds)
    found = kernels(kind, *fields, image, len(rows) * len(columns) * channels)

    cells = [image[row, column].reshape(-1, channels) for row in rows for column in columns]
    if kind == "max_pool":
        values = np.array([cell.max(0) for cell in cells])
    else:
        values = np.array([[_round_half_away(v) for v in cell.mean(0)] for cell in cells])
    np.testing.assert_array_equal(found, np.clip(values, *bounds).ravel())


@sanitized
@given(
    st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=6),
    st.tuples(_scales, _scales),
    st.tuples(_zero_points, _zero_points),
    st.integers(0, 2**32),
)
def test_mean_over_any_axes_equals_its_definition(
    kernels: KernelHost,
    axes: list[tuple[int, bool]],
    scales: tuple[float, float],
    zero_points: tuple[int, int],
    seed: int,
) -> None:
    assume(any(is_reduced for _, is_reduced in axes))
    shape = tuple(size for size, _ in axes)
    codes = _codes(np.random.default_rng(seed), *shape)
    reduced = tuple(axis for axis, (_, is_reduced) in enumerate(axes) if is_reduced)
    kept = [axis for axis in range(len(shape)) if axis not in reduced]
    requant = _mean_requant(shape, reduced, scales)

    def fields(chosen: list[int]) -> list[int]:
        pairs = [(shape[axis], codes.strides[axis]) for axis in chosen]
        return [len(pairs), *(value for pair in pairs for value in pair)]

    outputs = math.prod(shape[axis] for axis in kept)
    shapes = (*fields(kept), *fields(list(reduced)))
    found = kernels("mean", *shapes, *zero_points, *requant, codes, outputs)

    sums = (codes.astype(np.int64) - zero_points[0]).sum(reduced)
    wanted = output_codes(sums, *map(np.array, requant), zero_points[1], (-128, 127))
    np.testing.assert_array_equal(found, wanted.ravel())


def _mean_requant(
    shape: tuple[int, ...], axes: tuple[int, ...], scales: tuple[float, float]
) -> tuple[int, int]:
    tensors = {
        "x": TensorType((1, *shape), DType.INT8, QuantParams((scales[0],))),
        "y": TensorType((1,), DType.INT8, QuantParams((scales[1],))),
    }
    graph = Graph("mean", ("x",), ("y",), tensors, {}, ())
    operation = Mean("x", "y", tuple(axis + 1 for axis in axes))
    requant = integer_params.mean_requant(operation, graph)
    return requant.multiplier, requant.shift


def _softmax_by_interpreter(codes: Array, scale: float, beta: float) -> Array:
    tensors = {
        "x": TensorType((1, codes.shape[1]), DType.INT8, QuantParams((scale,), 3)),
        "y": TensorType((1, codes.shape[1]), DType.INT8, SOFTMAX_OUTPUT),
    }
    operation = Softmax("x", "y", beta)
    graph = check_integer(Graph("softmax", ("x",), ("y",), tensors, {}, (operation,)))
    return execute(graph, {"x": codes})["y"]


def _softmax(kernels: KernelHost, codes: Array, scale: float, beta: float) -> Array:
    factor = min(float(np.float32(beta)) * scale * 2**26, 2.0**31 - 1)
    mantissa, shift = math.frexp(factor)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    lowest = -math.floor(31 * 2**26 / 2**shift)
    return kernels("softmax", *codes.shape, multiplier, shift, lowest, codes).reshape(codes.shape)


@sanitized
@given(
    st.integers(1, 5),
    st.integers(1, 300),
    _scales,
    st.sampled_from([1.0, 0.5, 3.75]),
    st.integers(0, 2**32),
)
def test_softmax_equals_the_interpreter(
    kernels: KernelHost, rows: int, depth: int, scale: float, beta: float, seed: int
) -> None:
    codes = _codes(np.random.default_rng(seed), rows, depth)

    found = _softmax(kernels, codes, scale, beta)

    np.testing.assert_array_equal(found, _softmax_by_interpreter(codes, scale, beta))


def test_softmax_is_within_one_code_of_the_real_one(
    kernels: KernelHost, rng: np.random.Generator
) -> None:
    codes, scale = _codes(rng, 50, 12), 0.0625

    found = _softmax(kernels, codes, scale, 1.0)

    real = np.exp(codes * scale)
    real /= real.sum(1, keepdims=True)
    assert np.abs(found - np.minimum(real * 256 - 128, 127)).max() <= 1


@pytest.mark.parametrize("depth", [512, 1000, 4095])
def test_softmax_of_very_many_equal_values_is_their_share(kernels: KernelHost, depth: int) -> None:
    codes = np.full((1, depth), 7, np.int8)

    found = _softmax(kernels, codes, 0.1, 1.0)

    np.testing.assert_array_equal(found, np.full_like(codes, -128 + round(256 / depth - 0.01)))


def test_the_factor_of_the_steepest_softmax_stays_in_int32(kernels: KernelHost) -> None:
    codes = np.array([[1, 2, 127, -128]], np.int8)

    assert quantize_factor(2.0**29).shift == 30
    assert _softmax(kernels, codes, 1e6, 1.0).tolist() == [[-128, -128, 127, -128]]
