"""TFLite models: a float file becomes a FloatGraph, an int8 file straight an IntGraph.

An int8 file may be ours or anybody's. Float or uint8 at its edges is stripped off: what remains
takes and gives int8.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec
import numpy as np

from quantize.errors import GraphError, ModelError, UnsupportedModelError
from quantize.ir.graph import (
    Array,
    DType,
    FloatGraph,
    Graph,
    IntGraph,
    Profile,
    QuantParams,
    TensorType,
)
from quantize.ir.ops import ArgMax, Conv2D, DepthwiseConv2D, Operation, input_names
from quantize.ir.spec import check_float, check_integer
from quantize.load.tflite_edges import strip_edges
from quantize.load.tflite_file import FileOperator, FileTensor, TFLiteFile, read_tflite
from quantize.load.tflite_operations import read_operations
from quantize.load.tflite_view import OperatorError

METADATA_NAME = "edge_runtime.int_graph"  # quantize/emit/tflite_int8.py writes it
_Types: TypeAlias = Mapping[str, tuple[DType, np.dtype[Any]]]  # what a kind of file may hold

_INTEGER: _Types = {dtype.name: (dtype, np.dtype(dtype.value)) for dtype in DType}
_FLOAT: _Types = {"FLOAT32": (DType.FLOAT32, np.dtype(np.float32))}
_REMEDIES = {
    "FLOAT32": "float beside int8; quantize the whole model to int8 (full integer)",
    "FLOAT16": "float16; convert again in float32, without optimizations",
    "INT8": "int8 beside float (dynamic range); convert again without optimizations",
    "UINT8": "the old uint8 scheme; convert again with int8 types",
    "INT16": "16-bit activations; convert again with int8 activations",
    "INT64": "64-bit values; convert again with int8 activations",
}


class _Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What our own files state beyond TFLite's words.

    Attributes:
        profile: The arithmetic that the graph means.
        per_channel: Tensors that have a channel axis although it is of length 1.
        without_bias: Convolutions whose bias of zeros is only there because TFLite demands one.
    """

    profile: Profile
    per_channel: frozenset[str] = frozenset()
    without_bias: frozenset[str] = frozenset()


def is_int8_tflite(data: bytes, name: str = "model") -> bool:
    """Tell whether some operator of the file gives int8 or int16.

    Raises:
        ModelError: The bytes are no TFLite file, or are damaged.
    """
    file = read_tflite(data, name)
    made = [number for operator in file.operators for number in operator.outputs if number >= 0]
    return any(file.tensors[number].type_name in {"INT8", "INT16"} for number in made)


def load_int8_tflite(data: bytes, name: str, profile: Profile | None = None) -> IntGraph:
    """Return the graph of an int8 file.

    Args:
        data: The bytes of the file.
        name: Of the graph; it stands in the messages.
        profile: The arithmetic meant; None takes what the file states, else `tflm`.

    Raises:
        UnsupportedModelError: Names everything that we do not support, with what to do.
        ModelError: The bytes are damaged, or contradict themselves.
    """
    file = strip_edges(read_tflite(data, name))
    facts = _facts(file, name)
    file, operations = _operations(file, name, _INTEGER)
    operations = tuple(_drop_bias(operation, facts) for operation in operations)
    graph = _graph(file, name, operations, _INTEGER, facts)
    try:
        return check_integer(graph, profile or facts.profile)
    except GraphError as error:
        raise ModelError(f"{name}: {error}") from error


def load_float_tflite(data: bytes, name: str) -> FloatGraph:
    """Return the graph of a float32 file.

    Raises:
        UnsupportedModelError: Names everything that we do not support, with what to do.
        ModelError: The bytes are damaged, or contradict themselves.
    """
    file, operations = _operations(read_tflite(data, name), name, _FLOAT)
    graph = _graph(file, name, operations, _FLOAT, _Facts(Profile.TFLM))
    try:
        return check_float(graph)
    except GraphError as error:
        raise ModelError(f"{name}: {error}") from error


def _facts(file: TFLiteFile, name: str) -> _Facts:
    content = file.metadata.get(METADATA_NAME)
    if content is None:
        return _Facts(Profile.TFLM)
    try:
        return msgspec.json.decode(content, type=_Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{name}: metadata {METADATA_NAME} is damaged") from error


def _drop_bias(operation: Operation, facts: _Facts) -> Operation:
    if isinstance(operation, Conv2D | DepthwiseConv2D) and operation.output in facts.without_bias:
        return replace(operation, bias=None)
    return operation


def _operations(
    file: TFLiteFile, name: str, types: _Types
) -> tuple[TFLiteFile, tuple[Operation, ...]]:
    """Return all operations, or report everything that is in their way at once.

    The file has the tensors besides that stand between operations of one operator.
    """
    by_name = {tensor.name: tensor for tensor in file.tensors}
    operations: list[Operation] = []
    problems = _edge_problems(file, types)
    for operator in file.operators:
        try:
            read = read_operations(file, operator)
            by_name |= {tensor.name: tensor for tensor in read.made}
            for operation in read.operations:
                _check_types(operation, by_name, types)
            operations += read.operations
        except OperatorError as error:
            problems.append(f"{_operator_name(file, operator)} ({operator.kind}) {error}")
    if problems:
        raise UnsupportedModelError(name, problems)
    return replace(file, tensors=tuple(by_name.values())), tuple(operations)


def _edge_problems(file: TFLiteFile, types: _Types) -> list[str]:
    if min((*file.inputs, *file.outputs), default=0) < 0:
        return ["an input or output of the model is no tensor"]
    read = {number for operator in file.operators for number in operator.inputs}
    unread = [file.tensors[number] for number in file.inputs if number not in read]
    return [
        f"input {tensor.name} is {_remedy(tensor)}"
        for tensor in unread
        if tensor.type_name not in types
    ]


def _operator_name(file: TFLiteFile, operator: FileOperator) -> str:
    outputs = [number for number in operator.outputs if number >= 0]
    return file.tensors[outputs[0]].name if outputs else "an operator without output"


def _check_types(operation: Operation, tensors: Mapping[str, FileTensor], types: _Types) -> None:
    if isinstance(operation, ArgMax) and types is _FLOAT:
        raise OperatorError(
            "makes an index; end a float model before it, decoders take the greatest"
        )
    for name in (*input_names(operation), operation.output):
        tensor = tensors[name]
        if tensor.type_name not in types:
            where = "is" if name == operation.output else f"reads {name}, which is"
            raise OperatorError(f"{where} {_remedy(tensor)}")
        if not tensor.is_plain:
            raise OperatorError(f"uses {name}, which is sparse or a variable; store it densely")


def _remedy(tensor: FileTensor) -> str:
    return _REMEDIES.get(tensor.type_name, f"{tensor.type_name}; supported are float32 and int8")


def _graph(
    file: TFLiteFile,
    name: str,
    operations: tuple[Operation, ...],
    types: _Types,
    facts: _Facts,
) -> Graph:
    inputs = tuple(file.tensors[number].name for number in file.inputs)
    outputs = tuple(file.tensors[number].name for number in file.outputs)
    used = {*inputs, *outputs}
    for operation in operations:
        used |= {*input_names(operation), operation.output}
    present = [tensor for tensor in file.tensors if tensor.name in used]
    indices = {operation.output for operation in operations if isinstance(operation, ArgMax)}
    return Graph(
        name,
        inputs,
        outputs,
        {
            t.name: TensorType(t.shape, DType.INT32)  # int64, too: no index is that great
            if t.name in indices
            else _tensor_type(t, name, types, facts)
            for t in present
        },
        {t.name: _constant(t, t.content, name, types) for t in present if t.content is not None},
        operations,
    )


def _tensor_type(tensor: FileTensor, model: str, types: _Types, facts: _Facts) -> TensorType:
    if tensor.type_name not in types:
        raise ModelError(f"{model}: {tensor.name} is {_remedy(tensor)}")
    dtype, _ = types[tensor.type_name]
    if dtype is DType.FLOAT32:
        return TensorType(tensor.shape)
    return TensorType(tensor.shape, dtype, _quant_params(tensor, model, facts))


def _quant_params(tensor: FileTensor, model: str, facts: _Facts) -> QuantParams:
    quant = tensor.quant
    if quant is None:
        raise ModelError(f"{model}: {tensor.name} is {tensor.type_name} without a scale")
    if len(set(quant.zero_points)) > 1:
        raise ModelError(f"{model}: {tensor.name} has several zero points, expected one")
    zero_point = quant.zero_points[0] if quant.zero_points else 0
    if len(quant.scales) == 1 and tensor.name not in facts.per_channel:
        return QuantParams(quant.scales, zero_point)
    # Old converters name the weight's axis on the bias, which has only one.
    axis = 0 if len(tensor.shape) == 1 else quant.dimension
    return QuantParams(quant.scales, zero_point, axis)


def _constant(tensor: FileTensor, content: memoryview, model: str, types: _Types) -> Array:
    _, kind = types[tensor.type_name]
    try:
        values = np.frombuffer(content, kind.newbyteorder("<")).reshape(tensor.shape)
    except ValueError as error:
        raise ModelError(
            f"{model}: {tensor.name} has {len(content)} bytes, "
            f"shape {tensor.shape} of {tensor.type_name}"
        ) from error
    return values.astype(kind, copy=False)
