"""Train a small MobileNetV2 (arXiv:1801.04381) on coloured digits.

    pip install jax optax onnx onnxruntime scikit-learn
    python -m examples.mobilenet_v2.train      # writes mobilenet_v2.onnx beside this file

Inverted residuals with linear bottlenecks and ReLU6, 32x32 RGB in -1..1, 10 classes; about 1.7
million multiply-adds. JAX's CPU build is enough: a quarter of an hour on one core.
"""

from pathlib import Path
from typing import TypeVar

from examples.training.digit_classifier import train
from examples.training.layers import Activation, Layers

Value = TypeVar("Value")
BLOCKS = (  # expansion, channels, repeats, stride
    (1, 12, 1, 1),
    (6, 16, 2, 2),
    (6, 24, 2, 2),
    (6, 40, 2, 1),
)


def mobilenet_v2(layers: Layers[Value], x: Value) -> Value:
    """Return the logits (N, 10) of pictures (N, 32, 32, 3)."""
    x = layers.conv(x, 16, kernel=3, stride=2, activation=Activation.RELU6)
    for expansion, channels, repeats, stride in BLOCKS:
        for index in range(repeats):
            x = bottleneck(layers, x, expansion, channels, stride if index == 0 else 1)
    x = layers.conv(x, 160, activation=Activation.RELU6)
    return layers.flat(layers.conv(layers.mean(x), 10, bias=0.0))


def bottleneck(
    layers: Layers[Value], x: Value, expansion: int, channels: int, stride: int
) -> Value:
    """Return an inverted residual."""
    y = x
    if expansion > 1:
        y = layers.conv(y, expansion * layers.channels(x), activation=Activation.RELU6)
    y = layers.depthwise(y, stride=stride, activation=Activation.RELU6)
    y = layers.conv(y, channels)
    return layers.add(x, y) if stride == 1 and layers.channels(x) == channels else y


if __name__ == "__main__":
    train(mobilenet_v2, Path(__file__).with_name("mobilenet_v2.onnx"))
