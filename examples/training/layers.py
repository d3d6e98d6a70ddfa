"""The layers that an example network is written in: one function is trained and exported.

`trainable.Trainable` runs a network on arrays, `onnx_file.OnnxNetwork` writes it as ONNX nodes.
"""

from enum import Enum
from typing import Protocol, TypeVar

Value = TypeVar("Value")


class Activation(Enum):
    """What follows a convolution or a dense layer."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"
    HARD_SWISH = "hard-swish"
    HARD_SIGMOID = "hard-sigmoid"
    SILU = "silu"


class Layers(Protocol[Value]):
    """Layers over values of whatever kind; weights are named in the order of the calls."""

    def conv(
        self,
        x: Value,
        channels: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        activation: Activation = Activation.NONE,
        bias: float | None = None,
        factor: tuple[float, ...] | None = None,
    ) -> Value:
        """Return a SAME convolution.

        Args:
            x: Its input.
            channels: Of the result.
            kernel: Height and width.
            stride: In both directions.
            activation: What follows.
            bias: To begin with, in place of batch normalization.
            factor: That each channel is multiplied by, known beforehand; folded into the file's
                weights.
        """

    def depthwise(
        self, x: Value, *, kernel: int = 3, stride: int = 1, activation: Activation
    ) -> Value:
        """Return a SAME depthwise convolution, batch-normalized."""

    def channels(self, x: Value) -> int:
        """Return how many channels a value has."""

    def add(self, left: Value, right: Value) -> Value:
        """Return the sum."""

    def multiply(self, left: Value, right: Value) -> Value:
        """Return the product; `right` may be (N, 1, 1, C)."""

    def mean(self, x: Value) -> Value:
        """Return the mean of each channel, as (N, 1, 1, C)."""

    def concat(self, left: Value, right: Value) -> Value:
        """Return the channels of both."""

    def upsample(self, x: Value) -> Value:
        """Return every pixel twice in both directions."""

    def flat(self, x: Value) -> Value:
        """Return (N, 1, 1, C) as (N, C)."""

    def rows(self, x: Value) -> Value:
        """Return (N, H, W, C) as (N, H * W, C)."""

    def join(self, first: Value, second: Value) -> Value:
        """Return the rows of both, (N, A + B, C)."""
