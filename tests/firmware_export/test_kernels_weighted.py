"""Convolution, depthwise and fully connected in C against sums written out in numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_export.weighted_parameters import POINTER_BYTES
from tests.firmware_export.fixed_point_oracle import output_codes
from tests.firmware_export.kernel_host import Field, KernelHost
from tests.firmware_export.weighted_oracle import (
    Array,
    Finish,
    Window,
    codes_of,
    conv_sums,
    depthwise_sums,
    finishes,
    sanitized,
    windows,
)


def _conv_request(
    y: Window, x: Window, channels: tuple[int, int], zero_point: int, finish: Finish
) -> list[Field]:
    pairs = [(y.kernel, x.kernel), (y.stride, x.stride), (y.dilation, x.dilation)]
    return [
        *(y.size, x.size, channels[0], y.out, x.out, channels[1]),
        *(value for pair in pairs for value in pair),
        *(y.before, x.before, zero_point, finish.zero_point, *finish.bounds),
    ]


def _tables(weight: Array, folded: Array, finish: Finish) -> list[Field]:
    return [weight, folded.astype(np.int32), finish.multiplier, finish.shift]


@sanitized
@given(windows(), windows(), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.data())
def test_convolution_equals_its_definition(
    kernels: KernelHost, y: Window, x: Window, channels: tuple[int, int], data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = codes_of(rng, y.size, x.size, channels[0])
    weight = codes_of(rng, channels[1], y.kernel, x.kernel, channels[0])
    finish = finishes(rng, channels[1], is_extreme=data.draw(st.booleans()))

    folded = finish.bias - zero_point * weight.astype(np.int64).sum((1, 2, 3))
    codes = kernels(
        "conv",
        *_conv_request(y, x, channels, zero_point, finish),
        *_tables(weight, folded, finish),
        *(image, weight[0].size, y.out * x.out * channels[1]),
    )

    sums = conv_sums(image.astype(np.int64) - zero_point, weight, y, x) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@sanitized
@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(1, 3), st.data())
def test_a_pointwise_convolution_reads_its_input_where_it_lies(
    kernels: KernelHost, channels: tuple[int, int], stride: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    y, x = (Window(stride * (out - 1) + 1, 1, stride, 1, 0, out) for out in (2, 3))
    image = codes_of(rng, y.size, x.size, channels[0])
    weight = codes_of(rng, channels[1], 1, 1, channels[0])
    finish = finishes(rng, channels[1], is_extreme=False)
    request = [
        *_conv_request(y, x, channels, -3, finish),
        *_tables(weight, finish.bias, finish),
        image,
    ]

    codes = kernels("pointwise_conv", *request, 6 * channels[1])

    wanted = kernels("conv", *request, channels[0], 6 * channels[1])
    np.testing.assert_array_equal(codes, wanted)


@sanitized
@given(windows(), windows(), st.integers(1, 9), st.sampled_from([1, 1, 2, 3]), st.data())
def test_depthwise_convolution_equals_its_definition(
    kernels: KernelHost, y: Window, x: Window, channels: int, copies: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = codes_of(rng, y.size, x.size, channels)
    weight = codes_of(rng, y.kernel, x.kernel, channels * copies)
    finish = finishes(rng, channels * copies, is_extreme=data.draw(st.booleans()))

    folded = finish.bias - zero_point * weight.astype(np.int64).sum((0, 1))
    both = (channels, channels * copies)
    codes = kernels(
        "depthwise_conv",
        *_conv_request(y, x, both, zero_point, finish),
        *_tables(weight, folded, finish),
        *(image, y.kernel * x.kernel * POINTER_BYTES + channels, y.out * x.out * both[1]),
    )

    sums = depthwise_sums(image.astype(np.int64) - zero_point, weight, y, x) + finish.bias
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@sanitized
@given(st.integers(1, 70), st.integers(1, 11), st.data())
def test_fully_connected_equals_its_definition(
    kernels: KernelHost, inputs: int, outputs: int, data: st.DataObject
) -> None:
    is_per_channel = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    row, weight = codes_of(rng, inputs), codes_of(rng, outputs, inputs)
    finish = finishes(rng, outputs, is_extreme=data.draw(st.booleans()))
    scales = outputs if is_per_channel else 1
    multiplier, shift = finish.multiplier[:scales], finish.shift[:scales]

    folded = finish.bias - zero_point * weight.astype(np.int64).sum(1)
    shape = (inputs, outputs, int(is_per_channel), finish.zero_point, *finish.bounds)
    codes = kernels(
        "fully_connected",
        *shape,
        *(weight, folded.astype(np.int32), multiplier, shift, row, outputs),
    )

    sums = weight.astype(np.int64) @ (row.astype(np.int64) - zero_point) + finish.bias
    wanted = output_codes(sums, multiplier, shift, finish.zero_point, finish.bounds)
    np.testing.assert_array_equal(codes, wanted)


def test_a_window_that_lies_wholly_in_the_padding_gives_the_bias(kernels: KernelHost) -> None:
    y = x = Window(size=2, kernel=1, stride=1, dilation=1, before=2, out=6)
    image = np.array([[1, 2], [3, 4]], np.int8)
    finish = Finish(
        np.array([5]), np.array([2**30], np.int32), np.array([1], np.int8), 0, (-128, 127)
    )

    codes = kernels(
        "conv",
        *_conv_request(y, x, (1, 1), -7, finish),
        *_tables(np.ones(1, np.int8), np.array([5 + 7]), finish),
        *(image, 1, 36),
    )

    wanted = np.full((6, 6), 5)
    wanted[2:4, 2:4] = image + 7 + 5
    np.testing.assert_array_equal(codes.reshape(6, 6), wanted)
