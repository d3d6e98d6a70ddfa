"""Pad, transpose and concat in C: values that only move."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.firmware_export.kernel_host import KernelHost

sanitized = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_shapes = st.lists(st.integers(1, 4), min_size=1, max_size=6).map(tuple)


@sanitized
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=6
    ),
    st.integers(-128, 127),
    st.integers(0, 2**32),
)
def test_padding_surrounds_the_input_with_the_value(
    kernels: KernelHost, axes: list[tuple[int, int, int]], value: int, seed: int
) -> None:
    shape = tuple(size for size, _, _ in axes)
    codes = np.random.default_rng(seed).integers(-128, 128, shape, np.int8)
    wanted = np.pad(codes, [(before, after) for _, before, after in axes], constant_values=value)

    fields = [len(axes), *(number for axis in axes for number in axis)]
    found = kernels("pad", *fields, value, codes, wanted.size)

    np.testing.assert_array_equal(found, wanted.ravel())


@sanitized
@given(_shapes, st.integers(0, 2**32))
def test_transposing_equals_numpys(kernels: KernelHost, shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-128, 128, shape, np.int8)
    wanted = codes.transpose(rng.permutation(len(shape)))

    axes = zip(wanted.shape, wanted.strides, strict=True)
    fields = [len(shape), *(number for axis in axes for number in axis)]
    found = kernels("transpose", *fields, codes, codes.size)

    np.testing.assert_array_equal(found, wanted.ravel())


@sanitized
@given(_shapes, st.data())
def test_concatenating_equals_numpys(
    kernels: KernelHost, shape: tuple[int, ...], data: st.DataObject
) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    parts = [
        rng.integers(-128, 128, (*shape[:axis], size, *shape[axis + 1 :]), np.int8)
        for size in sizes
    ]
    wanted = np.concatenate(parts, axis)

    rows, output_row = math.prod(shape[:axis]), math.prod(wanted.shape[axis:])
    fields: list[int | np.ndarray] = [len(parts), wanted.size]
    offset = 0
    for part in parts:
        row = math.prod(part.shape[axis:])
        fields += [rows, row, output_row, offset, part]
        offset += row
    found = kernels("concat", *fields)

    np.testing.assert_array_equal(found, wanted.ravel())
