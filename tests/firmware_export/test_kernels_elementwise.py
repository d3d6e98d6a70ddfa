"""Operations on pairs, rescale, lookup and float I/O in C, element by element."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.ir.fixed_point import quantize_factor
from tests.firmware_export.fixed_point_oracle import output_codes, requantize
from tests.firmware_export.kernel_host import Array, KernelHost

sanitized = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_scales = st.floats(2**-12, 16, width=32)
_zero_points = st.integers(-128, 127)
_Broadcast = tuple[tuple[int, ...], tuple[int, ...]]


@st.composite
def broadcasts(draw: st.DrawFn) -> _Broadcast:
    """Two shapes of equal rank that broadcast to each other."""
    axes = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), min_size=1, max_size=6))
    left = tuple(1 if kind == 1 else size for size, kind in axes)
    right = tuple(1 if kind == 2 else size for size, kind in axes)
    return left, right


def _strides(shape: tuple[int, ...]) -> list[int]:
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return [0 if size == 1 else step for size, step in zip(shape, steps, strict=True)]


def _shape_fields(left: tuple[int, ...], right: tuple[int, ...]) -> list[int]:
    """Return no axes for equal shapes, else (axes, then size and both strides of each)."""
    if left == right:
        return [0]
    size = np.broadcast_shapes(left, right)
    rows = zip(size, _strides(left), _strides(right), strict=True)
    return [len(size), *(value for row in rows for value in row)]


def _factor(value: float) -> tuple[int, int]:
    requant = quantize_factor(value)
    return requant.multiplier, requant.shift


def _codes(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-128, 128, shape, np.int8)


@pytest.mark.parametrize("sign", [1, -1])
@sanitized
@given(
    shapes=broadcasts(),
    scales=st.tuples(_scales, _scales, _scales),
    zero_points=st.tuples(*[_zero_points] * 3),
    data=st.data(),
)
def test_sums_and_differences_equal_their_definition(
    kernels: KernelHost,
    sign: int,
    shapes: _Broadcast,
    scales: tuple[float, float, float],
    zero_points: tuple[int, int, int],
    data: st.DataObject,
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    left, right = (_codes(rng, *shape) for shape in shapes)
    bounds = data.draw(st.sampled_from([(-128, 127), (zero_points[2], 127), (-3, 90)]))
    twice = 2 * max(scales[:2])
    factors = [_factor(scales[0] / twice), _factor(scales[1] / twice)]
    factors.append(_factor(twice / (2**20 * scales[2])))

    size = math.prod(np.broadcast_shapes(*shapes))
    fields = (*_shape_fields(*shapes), *zero_points, *bounds, *(n for f in factors for n in f))
    found = kernels("add" if sign > 0 else "sub", *fields, left, right, size)

    widened = [
        np.vectorize(requantize)((codes.astype(np.int64) - zero) << 20, *factor)
        for codes, zero, factor in zip((left, right), zero_points[:2], factors[:2], strict=True)
    ]
    total = widened[0] + sign * widened[1]
    wanted = output_codes(total, *map(np.array, factors[2]), zero_points[2], bounds)
    np.testing.assert_array_equal(found, wanted.ravel())


@sanitized
@given(broadcasts(), st.floats(2**-20, 2**20), st.tuples(*[_zero_points] * 3), st.data())
def test_multiplication_equals_its_definition(
    kernels: KernelHost,
    shapes: _Broadcast,
    factor: float,
    zero_points: tuple[int, int, int],
    data: st.DataObject,
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    left, right = (_codes(rng, *shape) for shape in shapes)
    bounds = data.draw(st.sampled_from([(-128, 127), (zero_points[2], 127), (-3, 90)]))

    size = math.prod(np.broadcast_shapes(*shapes))
    fields = (*_shape_fields(*shapes), *zero_points, *bounds, *_factor(factor))
    found = kernels("mul", *fields, left, right, size)

    product = (left.astype(np.int64) - zero_points[0]) * (right.astype(np.int64) - zero_points[1])
    wanted = output_codes(product, *map(np.array, _factor(factor)), zero_points[2], bounds)
    np.testing.assert_array_equal(found, wanted.ravel())


@sanitized
@given(broadcasts(), st.booleans(), st.integers(0, 2**32))
def test_the_lesser_and_the_greater_of_two_are_numpys(
    kernels: KernelHost, shapes: _Broadcast, is_maximum: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left, right = (_codes(rng, *shape) for shape in shapes)

    size = math.prod(np.broadcast_shapes(*shapes))
    found = kernels("extremum", *_shape_fields(*shapes), int(is_maximum), left, right, size)

    wanted = np.maximum(left, right) if is_maximum else np.minimum(left, right)
    np.testing.assert_array_equal(found, wanted.ravel())


@sanitized
@given(
    broadcasts(),
    st.tuples(*[st.floats(2**-20, 2**10)] * 2),
    st.tuples(*[_zero_points] * 3),
    st.integers(0, 2**32),
)
def test_the_parametric_relu_equals_its_definition(
    kernels: KernelHost,
    shapes: _Broadcast,
    factors: tuple[float, float],
    zero_points: tuple[int, int, int],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    shape = np.broadcast_shapes(*shapes)
    codes, slope = _codes(rng, *shape), _codes(rng, *shapes[1])
    above, below = _factor(factors[0]), _factor(factors[1])

    fields = (*_shape_fields(shape, shapes[1]), *zero_points, *above, *below)
    found = kernels("prelu", *fields, codes, slope, math.prod(shape))

    value = codes.astype(np.int64) - zero_points[0]
    product = value * (slope.astype(np.int64) - zero_points[1])
    scaled = np.where(
        value >= 0,
        np.vectorize(requantize)(value, *above),
        np.vectorize(requantize)(product, *below),
    )
    np.testing.assert_array_equal(found, np.clip(scaled + zero_points[2], -128, 127).ravel())


@sanitized
@given(st.floats(2**-20, 2**20), _zero_points, _zero_points)
def test_rescaling_every_code_equals_its_definition(
    kernels: KernelHost, factor: float, zero_in: int, zero_out: int
) -> None:
    codes = np.arange(-128, 128, dtype=np.int8)

    found = kernels("rescale", zero_in, zero_out, zero_out, 127, *_factor(factor), codes)

    centred = codes.astype(np.int64) - zero_in
    wanted = output_codes(centred, *map(np.array, _factor(factor)), zero_out, (zero_out, 127))
    np.testing.assert_array_equal(found, wanted)


def test_a_factor_of_one_changes_nothing(kernels: KernelHost) -> None:
    codes = np.arange(-128, 128, dtype=np.int8)

    np.testing.assert_array_equal(kernels("rescale", 5, 5, -128, 127, 2**30, 1, codes), codes)


def test_lookup_counts_its_table_from_the_least_code(
    kernels: KernelHost, rng: np.random.Generator
) -> None:
    table, codes = _codes(rng, 256), np.arange(-128, 128, dtype=np.int8)

    np.testing.assert_array_equal(kernels("lookup", table, codes), table)


@sanitized
@given(st.lists(st.floats(width=32), min_size=1), _scales, _zero_points)
def test_quantizing_floats_rounds_half_away_and_clamps(
    kernels: KernelHost, values: list[float], scale: float, zero_point: int
) -> None:
    scale_array, reals = np.array([scale], np.float32), np.array(values, np.float32)

    found = kernels("quantize", scale_array, zero_point, reals)

    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.nan_to_num(reals / scale_array, nan=0.0).astype(np.float64)
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    np.testing.assert_array_equal(found, np.clip(rounded + zero_point, -128, 127))


@pytest.mark.parametrize(("real", "code"), [(0.5, 1), (-0.5, -1), (1.5, 2), (-2.5, -3), (0.49, 0)])
def test_a_float_half_way_rounds_away_from_zero(
    kernels: KernelHost, real: float, code: int
) -> None:
    one = np.ones(1, np.float32)

    assert kernels("quantize", one, 0, np.array([real], np.float32)).tolist() == [code]


@sanitized
@given(_scales, _zero_points)
def test_dequantizing_gives_scale_times_steps(
    kernels: KernelHost, scale: float, zero_point: int
) -> None:
    codes = np.arange(-128, 128, dtype=np.int8)
    scale_array = np.array([scale], np.float32)

    found = kernels("dequantize", scale_array, zero_point, codes).view(np.float32)

    np.testing.assert_array_equal(found, (codes.astype(np.float32) - zero_point) * scale_array)
