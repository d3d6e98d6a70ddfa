"""One TFLite operator and the file around it, as the readers of the operations see it."""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from quantize.errors import ModelError
from quantize.ir.ops import Operation
from quantize.load.tflite_file import FileOperator, FileTensor, TFLiteFile

_PARAMETER_TYPES: dict[str, np.dtype[Any]] = {"INT32": np.dtype("<i4"), "INT64": np.dtype("<i8")}


class OperatorError(ModelError):
    """An operator that we cannot take over; the message says why, not where."""


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One operator and the file around it."""

    file: TFLiteFile
    operator: FileOperator

    @property
    def outputs(self) -> tuple[FileTensor, ...]:
        """The tensors that it makes, at least one."""
        if not self.operator.outputs or min(self.operator.outputs) < 0:
            raise OperatorError(f"has outputs {self.operator.outputs}, expected tensors")
        return tuple(self.file.tensors[number] for number in self.operator.outputs)

    @property
    def options(self) -> Any:
        """Its options of the generated schema."""
        if self.operator.options is None:
            raise OperatorError("has no options")
        return self.operator.options

    @property
    def output(self) -> FileTensor:
        """The only tensor that it makes."""
        if len(self.operator.outputs) != 1 or self.operator.outputs[0] < 0:
            raise OperatorError(f"has {len(self.operator.outputs)} outputs, expected 1")
        return self.file.tensors[self.operator.outputs[0]]

    def has(self, position: int) -> bool:
        """Tell whether there is an input at this position."""
        inputs = self.operator.inputs
        return position < len(inputs) and inputs[position] >= 0

    def tensor(self, position: int) -> FileTensor:
        """Return the input at this position."""
        if not self.has(position):
            raise OperatorError(f"lacks its input {position}")
        return self.file.tensors[self.operator.inputs[position]]

    def name(self, position: int) -> str:
        """Return the name of the input at this position."""
        return self.tensor(position).name

    def image(self) -> tuple[int, ...]:
        """Return the shape of the first input, which must be (1, H, W, C)."""
        shape = self.tensor(0).shape
        if len(shape) != 4:
            raise OperatorError(f"reads shape {shape}, expected 4 axes")
        return shape

    def integers(self, position: int) -> tuple[int, ...]:
        """Return a constant vector (or matrix, flattened) of parameters."""
        tensor = self.tensor(position)
        dtype = _PARAMETER_TYPES.get(tensor.type_name)
        if tensor.content is None or dtype is None or len(tensor.content) % dtype.itemsize:
            raise OperatorError(f"{tensor.name} is no constant int32 vector")
        return tuple(int(value) for value in np.frombuffer(tensor.content, dtype))

    def between(self, shape: tuple[int, ...], what: str = "inner") -> FileTensor:
        """Return a new tensor on the way to the output: like it, but for its shape."""
        name = self.free_name(f"{self.output.name}/{what}")
        return replace(self.output, name=name, shape=shape, content=None)

    def free_name(self, name: str) -> str:
        """Return the name, or one like it that no tensor of the file has."""
        taken = {tensor.name for tensor in self.file.tensors}
        while name in taken:
            name += "_"
        return name


@dataclass(frozen=True, slots=True)
class Operations:
    """What one operator becomes.

    Attributes:
        operations: In the order in which they run.
        made: The tensors between them that the file does not have.
    """

    operations: tuple[Operation, ...]
    made: tuple[FileTensor, ...] = ()


Result: TypeAlias = Operation | Operations


def as_operations(result: Result) -> Operations:
    """Return what a reader of one operation gives as what a reader of several gives."""
    return result if isinstance(result, Operations) else Operations((result,))
