"""What is known of the nodes between DequantizeLinear and QuantizeLinear."""

from dataclasses import dataclass
from typing import Protocol

import onnx

from quantize.ir.graph import Array, QuantParams
from quantize.ir.ops import Activation, Operation

LAST_AXIS = {0: 0, 1: 3, 2: 1, 3: 2}
"""The channels-last axis of each channels-first one."""


@dataclass(frozen=True, slots=True)
class Real:
    """A dequantized activation: its name, its channels-last shape, the layout it is read in."""

    name: str
    shape: tuple[int, ...]
    is_first: bool


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A constant's codes and what they mean."""

    values: Array
    quant: QuantParams | None  # None: float32


class Source(Protocol):
    """What the file says of a value."""

    def producer(self, value: str) -> onnx.NodeProto | None:
        """Return the node that makes a value, if one does."""
        ...

    def is_named(self, code: str) -> bool:
        """Tell whether codes are a tensor of the graph."""
        ...

    def initializer(self, value: str) -> Array:
        """Return the values of an initializer."""
        ...

    def real(self, value: str) -> Real:
        """Return which tensor's codes a dequantized value stands for."""
        ...

    def parameter(self, value: str) -> tuple[str, Constant]:
        """Return the name and the codes of the weight or bias behind a dequantized value."""
        ...

    def keep(self, name: str, constant: Constant) -> None:
        """Add a constant to the graph."""
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """The nodes that make one tensor.

    Attributes:
        source: The file.
        output: The tensor's name.
        activation: Of the operation; None for those that have none.
        is_depthwise: A convolution of one channel that is a DepthwiseConv2D.
        is_real: The tensor is float32.
    """

    source: Source
    output: str
    activation: Activation | None
    is_depthwise: bool
    is_real: bool = False


Read = tuple[Operation, tuple[int, ...] | None, bool]
"""An operation, its declared shape, and whether its channels come first."""
