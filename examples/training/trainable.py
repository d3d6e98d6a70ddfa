"""Layers on arrays, (N, H, W, C), in JAX: for training and for a check of what was exported."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from examples.training.layers import Activation, Layers

Weights: TypeAlias = Mapping[str, jax.Array]
Network: TypeAlias = Callable[[Layers, jax.Array], Any]  # an array, or a tuple of them
EPSILON = 1e-3
MOMENTUM = 0.97


class Trainable:
    """Runs a network with given weights.

    Attributes:
        averages: Running mean and variance of every normalized layer, after this run.
    """

    def __init__(self, weights: Weights, averages: Weights, *, is_training: bool) -> None:
        self._weights = weights
        self.averages: dict[str, jax.Array] = dict(averages)
        self._is_training = is_training
        self._layers = 0

    def conv(
        self, x, channels, *, kernel=1, stride=1, activation=Activation.NONE, bias=None, factor=None
    ):
        name = self._next()
        shape = (kernel, kernel, x.shape[-1], channels)
        weight = self._weight(f"{name}/weight", shape, kernel * kernel * x.shape[-1])
        y = convolution(x, weight, stride)
        if bias is not None:
            y = y + self._constant(f"{name}/bias", channels, bias)
        else:
            y = self._normalized(name, y)
        return activate(y if factor is None else y * jnp.array(factor), activation)

    def depthwise(self, x, *, kernel=3, stride=1, activation):
        name = self._next()
        weight = self._weight(f"{name}/weight", (kernel, kernel, x.shape[-1]), kernel * kernel)
        return activate(self._normalized(name, taps(x, weight, stride)), activation)

    def channels(self, x: jax.Array) -> int:
        return x.shape[-1]

    def add(self, left: jax.Array, right: jax.Array) -> jax.Array:
        return left + right

    def multiply(self, left: jax.Array, right: jax.Array) -> jax.Array:
        return left * right

    def mean(self, x: jax.Array) -> jax.Array:
        return x.mean((1, 2), keepdims=True)

    def concat(self, left: jax.Array, right: jax.Array) -> jax.Array:
        return jnp.concatenate([left, right], -1)

    def upsample(self, x: jax.Array) -> jax.Array:
        return x.repeat(2, 1).repeat(2, 2)

    def flat(self, x: jax.Array) -> jax.Array:
        return x.reshape(len(x), -1)

    def rows(self, x: jax.Array) -> jax.Array:
        return x.reshape(len(x), -1, x.shape[-1])

    def join(self, first: jax.Array, second: jax.Array) -> jax.Array:
        return jnp.concatenate([first, second], 1)

    def _next(self) -> str:
        self._layers += 1
        return f"layer{self._layers:02}"

    def _weight(self, name: str, shape: tuple[int, ...], fan_in: int) -> jax.Array:
        return self._weights[name]

    def _constant(self, name: str, size: int, value: float) -> jax.Array:
        return self._weights[name]

    def _normalized(self, name: str, y: jax.Array) -> jax.Array:
        scale = self._constant(f"{name}/scale", y.shape[-1], 1.0)
        offset = self._constant(f"{name}/offset", y.shape[-1], 0.0)
        mean, variance = self._moments(name, y)
        return (y - mean) * (scale / jnp.sqrt(variance + EPSILON)) + offset

    def _moments(self, name: str, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        kept = f"{name}/mean", f"{name}/variance"
        if not self._is_training:
            return self.averages[kept[0]], self.averages[kept[1]]
        now = y.mean((0, 1, 2)), y.var((0, 1, 2))
        for average, value in zip(kept, now, strict=True):
            before = self.averages.get(average, value)
            self.averages[average] = MOMENTUM * before + (1 - MOMENTUM) * value
        return now


class Drawn(Trainable):
    """Runs a network once and draws the weights that it asks for (He's initialization).

    Attributes:
        weights: What was drawn.
    """

    def __init__(self, key: jax.Array) -> None:
        super().__init__({}, {}, is_training=True)
        self.weights: dict[str, jax.Array] = {}
        self._key = key

    def _weight(self, name: str, shape: tuple[int, ...], fan_in: int) -> jax.Array:
        self._key, key = jax.random.split(self._key)
        self.weights[name] = jax.random.normal(key, shape) * (2 / fan_in) ** 0.5
        return self.weights[name]

    def _constant(self, name: str, size: int, value: float) -> jax.Array:
        self.weights[name] = jnp.full(size, value)
        return self.weights[name]


def convolution(x: jax.Array, weight: jax.Array, stride: int) -> jax.Array:
    """Return the SAME convolution of x by weights (kh, kw, I, O)."""
    if weight.shape[:2] == (1, 1) and stride == 1:  # a product of matrices is faster on a CPU
        return jnp.einsum("nhwi,io->nhwo", x, weight[0, 0])
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, weight, (stride, stride), "SAME", dimension_numbers=layout
    )


def taps(x: jax.Array, weight: jax.Array, stride: int) -> jax.Array:
    """Return the SAME depthwise convolution by weights (k, k, C): shifted slices times their taps.

    JAX's own grouped convolution is many times slower on a CPU.
    """
    kernel = len(weight)
    pads = [same_padding(size, kernel, stride) for size in x.shape[1:3]]
    padded = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    height, width = (-(-size // stride) for size in x.shape[1:3])
    return sum(
        weight[i, j] * padded[:, i : i + stride * height : stride, j : j + stride * width : stride]
        for i in range(kernel)
        for j in range(kernel)
    )


def activate(y: jax.Array, activation: Activation) -> jax.Array:
    """Return y after its activation."""
    match activation:
        case Activation.NONE:
            return y
        case Activation.RELU:
            return jax.nn.relu(y)
        case Activation.RELU6:
            return jax.nn.relu6(y)
        case Activation.HARD_SWISH:
            return y * jax.nn.relu6(y + 3) / 6
        case Activation.HARD_SIGMOID:
            return jax.nn.relu6(y + 3) / 6
        case Activation.SILU:
            return jax.nn.silu(y)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return how much SAME pads in front and behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
