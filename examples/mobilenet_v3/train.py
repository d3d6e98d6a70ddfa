"""Train a small MobileNetV3 (arXiv:1905.02244) on coloured digits.

    pip install jax optax onnx onnxruntime scikit-learn
    python -m examples.mobilenet_v3.train      # writes mobilenet_v3.onnx beside this file

Inverted residuals with hard-swish and squeeze-and-excite, 32x32 RGB in -1..1, 10 classes; about
1.6 million multiply-adds. JAX's CPU build is enough: a quarter of an hour on one core.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from examples.training.digit_classifier import train
from examples.training.layers import Activation, Layers

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted residual: kernel, expanded and resulting channels, and what is in it."""

    kernel: int
    expanded: int
    channels: int
    stride: int
    activation: Activation
    has_excitation: bool


BLOCKS = (
    Block(3, 16, 16, 1, Activation.RELU, has_excitation=True),
    Block(3, 72, 24, 2, Activation.RELU, has_excitation=False),
    Block(3, 88, 24, 1, Activation.RELU, has_excitation=False),
    Block(5, 96, 40, 2, Activation.HARD_SWISH, has_excitation=True),
    Block(3, 160, 40, 1, Activation.HARD_SWISH, has_excitation=True),
)


def mobilenet_v3(layers: Layers[Value], x: Value) -> Value:
    """Return the logits (N, 10) of pictures (N, 32, 32, 3)."""
    x = layers.conv(x, 16, kernel=3, stride=2, activation=Activation.HARD_SWISH)
    for block in BLOCKS:
        x = bottleneck(layers, x, block)
    x = layers.mean(layers.conv(x, 160, activation=Activation.HARD_SWISH))
    x = layers.conv(x, 128, activation=Activation.HARD_SWISH, bias=0.0)
    return layers.flat(layers.conv(x, 10, bias=0.0))


def bottleneck(layers: Layers[Value], x: Value, block: Block) -> Value:
    """Return an inverted residual, its channels weighed where the block says so."""
    y = x
    if block.expanded != layers.channels(x):
        y = layers.conv(y, block.expanded, activation=block.activation)
    y = layers.depthwise(y, kernel=block.kernel, stride=block.stride, activation=block.activation)
    if block.has_excitation:
        y = layers.multiply(y, excitation(layers, y))
    y = layers.conv(y, block.channels)
    is_residual = block.stride == 1 and layers.channels(x) == block.channels
    return layers.add(x, y) if is_residual else y


def excitation(layers: Layers[Value], x: Value) -> Value:
    """Return the weight of each channel, (N, 1, 1, C), 0..1."""
    channels = layers.channels(x)
    squeezed = layers.conv(
        layers.mean(x), max(channels // 4, 8), activation=Activation.RELU, bias=0.0
    )
    return layers.conv(squeezed, channels, activation=Activation.HARD_SIGMOID, bias=0.0)


if __name__ == "__main__":
    train(mobilenet_v3, Path(__file__).with_name("mobilenet_v3.onnx"))
