"""Graphs: named tensors, constants and operations in the order they run.

`Graph` is what a loader or a pass puts together; `FloatGraph` and `IntGraph` are what
`quantize.ir.spec` returns after it has checked one. Nothing else makes them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.ir.ops import Operation

Array: TypeAlias = npt.NDArray[Any]  # the element type stands in the TensorType beside it


class DType(StrEnum):
    """What an element of a tensor is; the values are numpy's names."""

    FLOAT32 = "float32"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"


class Profile(StrEnum):
    """Whose integer arithmetic a graph means (docs/numerics.md)."""

    TFLM = "tflm"  # double rounding everywhere: TensorFlow Lite Micro's reference kernels, CMSIS-NN
    LITERT = (
        "litert"  # LiteRT's reference kernels: fully connected is rounded once, curves by table
    )
    SINGLE = "single"  # as tflm, but every factor rounded once: CMSIS-NN and TFLite so configured


@dataclass(frozen=True, slots=True)
class QuantParams:
    """real = scale * (quantized - zero_point).

    Attributes:
        scale: One positive value, or one per index of `axis`; each is exactly a float32.
        zero_point: Of all channels alike; 0 where there is an axis.
        axis: The channel axis of a per-channel tensor, None for per-tensor.
    """

    scale: tuple[float, ...]
    zero_point: int = 0
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class TensorType:
    """The facts about one tensor: shape (batch first, 1), element type, how integers mean reals."""

    shape: tuple[int, ...]
    dtype: DType = DType.FLOAT32
    quant: QuantParams | None = None

    @property
    def item_bytes(self) -> int:
        """Return how many bytes an element takes."""
        return np.dtype(self.dtype.value).itemsize

    @property
    def size_bytes(self) -> int:
        """Return how many bytes all of one sample take."""
        return math.prod(self.shape) * self.item_bytes


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph that nobody has checked yet.

    Attributes:
        name: For people and file names.
        inputs: Names of the tensors that are fed, in the model's order.
        outputs: Names of the tensors that are returned, in the model's order.
        tensors: Every tensor by name, constants included.
        constants: The values of the constant tensors; not to be written to.
        operations: In an order in which every input is there before it is read.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, TensorType]
    constants: Mapping[str, Array]
    operations: tuple[Operation, ...]

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same tensors, constants (bit for bit) and operations."""
        if not isinstance(other, Graph) or type(self) is not type(other):
            return NotImplemented
        return self._facts() == other._facts() and all(
            _same_bits(values, other.constants[name]) for name, values in self.constants.items()
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def _facts(self) -> tuple[object, ...]:
        return (
            self.inputs,
            self.outputs,
            dict(self.tensors),
            set(self.constants),
            self.operations,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FloatGraph(Graph):
    """A graph in float32 that `check_float` has passed."""


@dataclass(frozen=True, slots=True, eq=False)
class IntGraph(Graph):
    """A graph in integers that `check_integer` has passed; nothing is left to interpretation.

    The type of what an operation makes says how it computes: in int8, in int16, or in float32
    where an operation was kept out of the integers (`quantize.ir.widths`).
    """

    profile: Profile = Profile.TFLM

    def _facts(self) -> tuple[object, ...]:
        return (*Graph._facts(self), self.profile)  # noqa: SLF001  # super() fails in slots dataclasses


def _same_bits(left: Array, right: Array) -> bool:
    return (
        left.dtype == right.dtype
        and left.shape == right.shape
        and np.ascontiguousarray(left).tobytes() == np.ascontiguousarray(right).tobytes()
    )
