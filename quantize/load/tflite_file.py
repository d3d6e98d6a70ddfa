"""A TFLite file taken apart: tensors and operators as plain values, nothing interpreted.

Everything a file can get wrong on the level of bytes ends here, as one ModelError. Tables are read
one by one as they are needed, never the whole tree, and only from inside the file.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.errors import ModelError

MAX_FILE_BYTES = 2**31 - 1  # offsets in a flatbuffer are signed 32-bit numbers
_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_MAX_NAME_LENGTH = 4096  # converters join the names of what they fuse; longer ones are damage
_LAST_CODE_OF_OLD_FIELD = 127  # newer operators stand in builtin_code alone
_READ_ERRORS = (
    struct.error,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    MemoryError,
)
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class FileQuant:
    """Quantization as the file states it: as many zero points as scales, or none."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    dimension: int


@dataclass(frozen=True, slots=True, eq=False)
class FileTensor:
    """A tensor of the file.

    Attributes:
        name: Unique in the file; tensors that share or lack a name got one from their number.
        shape: As declared, free dimensions as 1.
        type_name: As the schema says it: INT8, FLOAT32, ...
        quant: None where no scale is given.
        content: The bytes of a constant, a view into the file (a damaged file may say a million
            times that it holds the same megabyte); None for what an operator or the user provides.
        is_plain: Neither sparse nor a variable.
    """

    name: str
    shape: tuple[int, ...]
    type_name: str
    quant: FileQuant | None
    content: memoryview | None
    is_plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class FileOperator:
    """An operator of the file; tensors by number, -1 for an optional input that is absent.

    Attributes:
        kind: The builtin's name, or CUSTOM and the custom name.
        options: An options object of the generated schema, None where there is none.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True, slots=True, eq=False)
class TFLiteFile:
    """One subgraph with its metadata; `tensors` are listed by number."""

    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: dict[str, memoryview]


def read_tflite(data: bytes, name: str) -> TFLiteFile:
    """Return the parts of the file; `name` stands in the messages.

    Raises:
        ModelError: The bytes are no TFLite file, are damaged, or hold more than one subgraph.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ModelError(f"{name}: {len(data)} bytes, a TFLite file has at most {MAX_FILE_BYTES}")
    if bytes(data[4:8]) != _FILE_IDENTIFIER:
        raise ModelError(f"{name}: no TFLite file, {_FILE_IDENTIFIER!r} is not at byte 4")
    try:
        return _read(bytes(data), name)
    except ModelError:
        raise
    except _READ_ERRORS as error:
        raise ModelError(f"{name}: damaged TFLite file ({type(error).__name__})") from error


def _read(data: bytes, name: str) -> TFLiteFile:
    model = schema.Model.GetRootAs(data, 0)
    if model.Version() != _SCHEMA_VERSION:
        raise ModelError(f"{name}: TFLite schema {model.Version()}, expected {_SCHEMA_VERSION}")
    if model.SubgraphsLength() != 1:
        raise ModelError(f"{name}: {model.SubgraphsLength()} subgraphs, expected 1")
    subgraph = model.Subgraphs(0)
    tensors = tuple(_tensors(model, subgraph, name))
    return TFLiteFile(
        tensors,
        tuple(_operators(model, subgraph, len(tensors), name)),
        _numbers(subgraph.InputsAsNumpy(), len(tensors), name),
        _numbers(subgraph.OutputsAsNumpy(), len(tensors), name),
        {
            _text(entry.Name()): _buffer(model, entry.Buffer(), name) or memoryview(b"")
            for entry in _each(model.Metadata, model.MetadataLength())
        },
    )


def _each(get: Callable[[int], _Read], count: int) -> Iterator[_Read]:
    return (get(number) for number in range(count))


def _tensors(model: Any, subgraph: Any, name: str) -> Iterator[FileTensor]:
    taken: set[str] = set()
    for number, tensor in enumerate(_each(subgraph.Tensors, subgraph.TensorsLength())):
        unique = _unique(_text(tensor.Name()), number, taken)
        taken.add(unique)
        if tensor.ExternalBuffer():
            raise ModelError(f"{name}: {unique} is stored in another file")
        yield FileTensor(
            unique,
            _integers(tensor.ShapeAsNumpy()),
            _TYPE_NAMES.get(tensor.Type(), f"type {tensor.Type()}"),
            _quantization(tensor.Quantization()),
            _buffer(model, tensor.Buffer(), name),
            tensor.Sparsity() is None and not tensor.IsVariable(),
        )


def _unique(name: str, number: int, taken: set[str]) -> str:
    if not name or name in taken:
        name = f"{name or 'tensor'}_{number}"
    while name in taken:
        name += "_"
    return name


def _text(raw: bytes | None) -> str:
    """Return a name that may stand in a message: one line, nothing that a terminal obeys."""
    text = (raw or b"").decode(errors="replace")
    if len(text) > _MAX_NAME_LENGTH:
        raise ValueError(len(text))
    return "".join(character if character.isprintable() else "?" for character in text)


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in np.atleast_1d(values)) if _is_there(values) else ()


def _is_there(values: Any) -> bool:
    return not (isinstance(values, int) and values == 0)  # what generated code says for "absent"


def _numbers(values: Any, count: int, name: str) -> tuple[int, ...]:
    numbers = _integers(values)
    for number in numbers:
        if not -1 <= number < count:
            raise ModelError(f"{name}: tensor {number} is used, there are {count}")
    return numbers


def _quantization(quant: Any) -> FileQuant | None:
    if quant is None or not quant.ScaleLength():
        return None
    scales = tuple(float(scale) for scale in quant.ScaleAsNumpy())
    zero_points = _integers(quant.ZeroPointAsNumpy())
    if zero_points and len(zero_points) != len(scales):
        raise ValueError(zero_points)
    return FileQuant(scales, zero_points, quant.QuantizedDimension())


def _buffer(model: Any, number: int, name: str) -> memoryview | None:
    if not 0 <= number < model.BuffersLength():
        raise ModelError(f"{name}: buffer {number} is used, there are {model.BuffersLength()}")
    buffer = model.Buffers(number)
    if buffer.Offset() > 1:
        raise ModelError(f"{name}: buffer {number} lies behind the flatbuffer; keep it inside")
    return memoryview(buffer.DataAsNumpy()) if buffer.DataLength() else None


def _operators(model: Any, subgraph: Any, count: int, name: str) -> Iterator[FileOperator]:
    kinds = [_kind(code) for code in _each(model.OperatorCodes, model.OperatorCodesLength())]
    for operator in _each(subgraph.Operators, subgraph.OperatorsLength()):
        yield FileOperator(
            kinds[operator.OpcodeIndex()],
            _numbers(operator.InputsAsNumpy(), count, name),
            _numbers(operator.OutputsAsNumpy(), count, name),
            _options(operator),
        )


def _kind(code: Any) -> str:
    if code.Version() < 1:
        raise ValueError(code.Version())
    old = code.DeprecatedBuiltinCode()
    number = code.BuiltinCode() if old == _LAST_CODE_OF_OLD_FIELD else max(old, code.BuiltinCode())
    kind = _OPERATOR_NAMES.get(number, f"operator {number}")
    return f"CUSTOM {_text(code.CustomCode())}" if kind == "CUSTOM" else kind


def _options(operator: Any) -> Any:
    table = operator.BuiltinOptions()
    if table is None:
        return None
    return schema.BuiltinOptionsCreator(operator.BuiltinOptionsType(), table)


def _names_of(enumeration: type) -> dict[int, str]:
    members = vars(enumeration).items()
    return {number: name for name, number in members if not name.startswith("_")}


_TYPE_NAMES = _names_of(schema.TensorType)
_OPERATOR_NAMES = _names_of(schema.BuiltinOperator)
