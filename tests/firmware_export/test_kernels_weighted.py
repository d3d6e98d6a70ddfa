"""Convolution, depthwise and fully connected in C against sums written out in numpy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.firmware_export.fixed_point_oracle import output_codes
from tests.firmware_export.kernel_host import Field, KernelHost

Array = npt.NDArray[Any]
sanitized = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Window:
    """One axis: the output size is drawn freely, so paddings are any numbers, also too large."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    out: int

    def taps(self, values: Array, tap: int, axis: int) -> Array:
        """Return what `tap` reads at every output position, 0 in the padding."""
        cells = np.arange(self.out) * self.stride - self.before + tap * self.dilation
        is_inside = (cells >= 0) & (cells < self.size)
        read = np.take(values, np.clip(cells, 0, self.size - 1), axis)
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        return read * is_inside.reshape(shape)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return Window(
        size=draw(st.integers(1, 8)),
        kernel=kernel,
        stride=draw(st.integers(1, 3)),
        dilation=dilation,
        before=draw(st.integers(0, kernel * dilation)),
        out=draw(st.integers(1, 6)),
    )


@dataclass(frozen=True)
class Finish:
    """How accumulators become codes."""

    bias: Array
    multiplier: Array
    shift: Array
    zero_point: int
    bounds: tuple[int, int]


def _finish(rng: np.random.Generator, channels: int, *, is_extreme: bool) -> Finish:
    low, high = sorted(rng.integers(-128, 128, 2).tolist()) if rng.random() < 0.5 else (-128, 127)
    multiplier = rng.integers(2**30, 2**31, channels)
    multiplier[rng.random(channels) < 0.1] = 0
    return Finish(
        bias=rng.integers(-(2**30), 2**30, channels) >> (0 if is_extreme else 16),
        multiplier=multiplier.astype(np.int32),
        shift=rng.integers(-31 if is_extreme else -10, 31 if is_extreme else -2, channels, np.int8),
        zero_point=int(rng.integers(-128, 128)),
        bounds=(low, high),
    )


def _codes(rng: np.random.Generator, *shape: int) -> Array:
    low, high = ((-128, 128), (-128, -120), (120, 128))[rng.integers(3)]
    return rng.integers(low, high, shape, np.int8)


def _conv_request(
    y: Window, x: Window, channels: tuple[int, int], zero_point: int, finish: Finish
) -> list[Field]:
    pairs = [(y.kernel, x.kernel), (y.stride, x.stride), (y.dilation, x.dilation)]
    return [
        *(y.size, x.size, channels[0], y.out, x.out, channels[1]),
        *(value for pair in pairs for value in pair),
        *(y.before, x.before, zero_point, finish.zero_point, *finish.bounds),
    ]


def _arrays(weight: Array, folded: Array, finish: Finish, image: Array, size: int) -> list[Field]:
    bias = folded.astype(np.int32)
    return [weight, bias, finish.multiplier, finish.shift, image, size]


@sanitized
@given(windows(), windows(), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.data())
def test_convolution_equals_its_definition(
    kernels: KernelHost, y: Window, x: Window, channels: tuple[int, int], data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = _codes(rng, y.size, x.size, channels[0])
    weight = _codes(rng, channels[1], y.kernel, x.kernel, channels[0])
    finish = _finish(rng, channels[1], is_extreme=data.draw(st.booleans()))

    folded = finish.bias - zero_point * weight.astype(np.int64).sum((1, 2, 3))
    codes = kernels(
        "conv",
        *_conv_request(y, x, channels, zero_point, finish),
        *_arrays(weight, folded, finish, image, y.out * x.out * channels[1]),
    )

    sums = np.zeros((y.out, x.out, channels[1]), np.int64) + finish.bias
    for row in range(y.kernel):
        for column in range(x.kernel):
            cells = x.taps(y.taps(image.astype(np.int64) - zero_point, row, 0), column, 1)
            sums += cells @ weight[:, row, column].T.astype(np.int64)
    wanted = output_codes(sums, finish.multiplier, finish.shift, finish.zero_point, finish.bounds)
    np.testing.assert_array_equal(codes.reshape(wanted.shape), wanted)


@sanitized
@given(windows(), windows(), st.integers(1, 9), st.sampled_from([1, 1, 2, 3]), st.data())
def test_depthwise_convolution_equals_its_definition(
    kernels: KernelHost, y: Window, x: Window, channels: int, copies: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    zero_point = data.draw(st.integers(-128, 127))
    image = _codes(rng, y.size, x.size, channels)
    weight = _codes(rng, y.kernel, x.kernel, channels * copies)
    finish = _finish(rng, channels * copies, is_extreme=data.draw(st.booleans()))

    folded = finish.bias - zero_point * weight.astype(np.int64).sum((0, 1))
    both = (channels, channels * copies)
    codes = kernels(
        "depthwise_conv",
        *_conv_request(y, x, both, zero_point, finish),
        *_arrays(weight, folded, finish, image, y.out * x.out * both[1]),
    )

    sums = np.zeros((y.out, x.out, both[1]), np.int64) + finish.bias
    repeated = np.repeat(image.astype(np.int64) - zero_point, copies, axis=2)
    for row in range(y.kernel):
        for column in range(x.kernel):
            sums += x.taps(y.taps(repeated, row, 0), column, 1) * weight[row, column]
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
    row, weight = _codes(rng, inputs), _codes(rng, outputs, inputs)
    finish = _finish(rng, outputs, is_extreme=data.draw(st.booleans()))
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
        *_arrays(np.ones(1, np.int8), np.array([5 + 7]), finish, image, 36),
    )

    wanted = np.full((6, 6), 5)
    wanted[2:4, 2:4] = image + 7 + 5
    np.testing.assert_array_equal(codes.reshape(6, 6), wanted)
