"""Convolutions and their like, written out in numpy from their definitions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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


def finishes(rng: np.random.Generator, channels: int, *, is_extreme: bool) -> Finish:
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


def codes_of(rng: np.random.Generator, *shape: int) -> Array:
    low, high = ((-128, 128), (-128, -120), (120, 128))[rng.integers(3)]
    return rng.integers(low, high, shape, np.int8)


def conv_sums(image: Array, weight: Array, y: Window, x: Window) -> Array:
    """Return sums (OH, OW, O) of `image` (H, W, I), zero point taken off, and (O, KH, KW, I)."""
    sums = np.zeros((y.out, x.out, len(weight)), np.int64)
    for row in range(y.kernel):
        for column in range(x.kernel):
            cells = x.taps(y.taps(image, row, 0), column, 1)
            sums += cells @ weight[:, row, column].T.astype(np.int64)
    return sums


def depthwise_sums(image: Array, weight: Array, y: Window, x: Window) -> Array:
    """Return sums (OH, OW, O) of `image` (H, W, I), zero point taken off, and (KH, KW, O)."""
    sums = np.zeros((y.out, x.out, weight.shape[2]), np.int64)
    repeated = np.repeat(image, weight.shape[2] // image.shape[2], axis=2)
    for row in range(y.kernel):
        for column in range(x.kernel):
            sums += x.taps(y.taps(repeated, row, 0), column, 1) * weight[row, column]
    return sums


def shape_fields(
    y: Window, x: Window, channels: tuple[int, int], zero_point: int, finish: Finish
) -> dict[str, Any]:
    """Return what edge_conv_t holds, in its order, but for the arrays."""
    return {
        "input": (y.size, x.size, channels[0]),
        "output": (y.out, x.out, channels[1]),
        "kernel_height": y.kernel,
        "kernel_width": x.kernel,
        "stride_height": y.stride,
        "stride_width": x.stride,
        "dilation_height": y.dilation,
        "dilation_width": x.dilation,
        "pad_top": y.before,
        "pad_left": x.before,
        "input_zero_point": zero_point,
        "output_zero_point": finish.zero_point,
        "activation_min": finish.bounds[0],
        "activation_max": finish.bounds[1],
    }
