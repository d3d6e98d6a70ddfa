"""One ONNX node with its operands resolved, as the handlers of the operations see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from quantize.ir.graph import Array
from quantize.load.onnx_layout import View

AttributeValue: TypeAlias = object
Operand: TypeAlias = View | Array
"""What an ONNX tensor name stands for: a tensor that is computed, or values known at load."""


class UnsupportedNodeError(Exception):
    """A node uses something that we do not support; the message says what and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node.

    Attributes:
        name: Of the node, or of its first output where it has none.
        operator: ONNX's name of the operation.
        inputs: None where an optional input is left out.
        outputs: Names of the ONNX tensors it makes.
        attributes: As the file has them, defaults left out.
        opset: Version of the operation's own domain.
    """

    name: str
    operator: str
    inputs: tuple[Operand | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]
    opset: int

    @property
    def output(self) -> str:
        """The name of its first output."""
        return self.outputs[0]

    def operand(self, index: int) -> Operand:
        """Return an input that must be there."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise UnsupportedNodeError(f"input {index} is missing")
        return value

    def view(self, index: int = 0) -> View:
        """Return an input that must be computed."""
        value = self.operand(index)
        if not isinstance(value, View):
            raise UnsupportedNodeError(f"input {index} is a constant, expected a computed tensor")
        return value

    def with_view(self, view: View) -> "Node":
        """Return the node reading `view` as its input 0."""
        return replace(self, inputs=(view, *self.inputs[1:]))

    def constant(self, index: int) -> Array:
        """Return an input that must be known at load."""
        value = self.operand(index)
        if isinstance(value, View):
            raise UnsupportedNodeError(f"input {index} is computed, only a constant is supported")
        return value

    def optional_constant(self, index: int) -> Array | None:
        """Return an input that, where it is given, must be known at load."""
        given = index < len(self.inputs) and self.inputs[index] is not None
        return self.constant(index) if given else None

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise UnsupportedNodeError(f"{name} is {value!r}, expected an integer")
        return value

    def number(self, name: str, default: float) -> float:
        """Return a float attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            raise UnsupportedNodeError(f"{name} is {value!r}, expected a number")
        return float(value)

    def text(self, name: str, default: str) -> str:
        """Return a string attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, bytes | str):
            raise UnsupportedNodeError(f"{name} is {value!r}, expected a text")
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of integers, None where it is left out."""
        value = self.attributes.get(name)
        return None if value is None else tuple(int(v) for v in _list(name, value))

    def numbers(self, name: str) -> Array:
        """Return a list of floats, empty where it is left out."""
        return np.array(_list(name, self.attributes.get(name, ())), np.float64)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, empty where it is left out."""
        values = _list(name, self.attributes.get(name, ()))
        return tuple(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values)

    def axes(self, index: int) -> tuple[int, ...] | None:
        """Return the axes that newer opsets give as input `index` and older ones as attribute."""
        given = self.optional_constant(index)
        return self.integers("axes") if given is None else tuple(int(v) for v in given.ravel())


def axis_within(axis: int, rank: int) -> int:
    """Return the axis counted from the front."""
    if not -rank <= axis < rank:
        raise UnsupportedNodeError(f"axis {axis} of a tensor with {rank} axes")
    return axis % rank


def _list(name: str, value: AttributeValue) -> list[int | float | bytes]:
    if not isinstance(value, list | tuple):
        raise UnsupportedNodeError(f"{name} is {value!r}, expected a list")
    return list(value)
