"""Our own QDQ ONNX files, read back: bytes to the integer graph that they were printed from.

The nodes and initializers are the truth; the metadata only adds what they do not say: names, the
arithmetic profile, activations that a QuantizeLinear took over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from onnx import helper, numpy_helper

from quantize.errors import GraphError, ModelError
from quantize.ir.graph import Array, DType, Graph, IntGraph, Profile, QuantParams, TensorType
from quantize.ir.ops import Activation, Operation, input_names
from quantize.ir.shapes import infer_shape
from quantize.ir.spec import check_integer
from quantize.load.onnx_qdq_chain import Chain, Constant, Real
from quantize.load.onnx_qdq_operations import read_operation
from quantize.onnx_signs import make_signed

METADATA_KEY = "edge.graph"
_ACTIVATIONS = {"-": None, **{activation.value[-1]: activation for activation in Activation}}


def is_qdq_onnx(data: bytes) -> bool:
    """Tell whether the bytes are a QDQ ONNX file that we wrote."""
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError:
        return False
    return any(entry.key == METADATA_KEY for entry in model.metadata_props)


def load_qdq_onnx(data: bytes, name: str) -> IntGraph:
    """Return the integer graph of a QDQ ONNX file that `emit_qdq_onnx` wrote.

    Raises:
        ModelError: The bytes are no such file, or one that contradicts itself.
    """
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelError(f"{name}: not an ONNX file, or truncated") from error
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in properties:
        raise ModelError(f"{name}: no {METADATA_KEY!r} among its metadata, so not a file of ours")
    try:
        make_signed(model.graph)
        return _Reading(model.graph, json.loads(properties[METADATA_KEY])).graph()
    except (GraphError, KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{name}: contradicts itself: {error}") from error


@dataclass(slots=True)
class _Reading:
    """What is known while the nodes are read in order."""

    source: onnx.GraphProto
    facts: Mapping[str, Any]
    tensors: dict[str, TensorType] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    initializers: dict[str, Array] = field(init=False)
    producers: dict[str, onnx.NodeProto] = field(init=False)
    names: dict[str, str] = field(init=False)
    is_first: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.initializers = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in self.source.initializer
        }
        self.producers = {node.output[0]: node for node in self.source.node}
        prefix = self.facts["prefix"]
        self.names = {f"{prefix}{k}": name for k, name in enumerate(self.facts["tensors"])}

    def graph(self) -> IntGraph:
        for value in self.source.input:
            self._take_input(value)
        for node in self.source.node:
            if node.op_type in {"QuantizeLinear", "Identity", "Transpose", "Cast"}:
                self._take(node)
        graph = Graph(
            self.source.name,
            tuple(value.name for value in self.source.input),
            tuple(value.name for value in self.source.output if value.name in self.tensors),
            {name: self.tensors[name] for name in self.facts["tensors"]},
            self.constants,
            tuple(self.operations),
        )
        return check_integer(graph, Profile(self.facts["profile"]))

    def _take_input(self, value: onnx.ValueInfoProto) -> None:
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        self.tensors[value.name] = TensorType((1, *dims[1:]))

    def _take(self, node: onnx.NodeProto) -> None:
        """Take the codes or reals that a node makes: an input's, a result's, or a copy."""
        code = node.output[0]
        if code not in self.names:
            self._take_copy(code)
            return
        name, (dtype, quant) = self.names[code], self._made(node)
        if name in self.tensors:
            self.tensors[name] = TensorType(self.tensors[name].shape, dtype, quant)
            self.is_first[code] = node.input[0] in self.producers
            return
        chain = self._chain(name, is_real=quant is None)
        operation, declared, self.is_first[code] = read_operation(chain, node.input[0])
        shapes = {read: self.tensors[read].shape for read in input_names(operation)}
        shape = infer_shape(operation, shapes, declared)
        self.tensors[name] = TensorType(shape, dtype, quant)
        self.operations.append(operation)
        if dtype is DType.INT16:
            self._widen_bias(operation)

    def _made(self, node: onnx.NodeProto) -> tuple[DType, QuantParams | None]:
        """Return the type and the params of what a QuantizeLinear, an Identity or a Cast makes."""
        if node.op_type == "Identity":
            return DType.FLOAT32, None
        if node.op_type == "Cast":
            return DType.INT32, None
        return DType(self.initializers[node.input[2]].dtype.name), self._params(node)

    def _widen_bias(self, operation: Operation) -> None:
        """Say a bias in int64, as operations in int16 have it; ONNX holds it in int32."""
        bias = getattr(operation, "bias", None)
        if bias is not None:
            self.constants[bias] = self.constants[bias].astype(np.int64)
            self.tensors[bias] = replace(self.tensors[bias], dtype=DType.INT64)

    def _take_copy(self, code: str) -> None:
        if code[:-1] in self.names and code.endswith("t"):
            self.is_first[code] = not self.is_first[code[:-1]]

    def _chain(self, name: str, *, is_real: bool) -> Chain:
        activation = _ACTIVATIONS[self.facts["activations"][len(self.operations)]]
        return Chain(self, name, activation, name in self.facts["depthwise"], is_real)

    def producer(self, value: str) -> onnx.NodeProto | None:
        """Return the node that makes a value; None for graph inputs and initializers."""
        return self.producers.get(value)

    def is_named(self, code: str) -> bool:
        """Tell whether codes are a tensor of the graph."""
        return code in self.names

    def initializer(self, value: str) -> Array:
        """Return the values of an initializer."""
        return self.initializers[value]

    def real(self, value: str) -> Real:
        """Return which tensor's codes a dequantized value stands for."""
        is_bare = value in self.names or value[:-1] in self.names
        code = value if is_bare else self.producers[value].input[0]
        name = self.names.get(code) or self.names[code[:-1]]
        if code in self.initializers:
            return self._operand(value, code, name)
        return Real(name, self.tensors[name].shape, is_first=self.is_first[code])

    def _operand(self, value: str, code: str, name: str) -> Real:
        values = self.initializers[code]
        shape = self.facts["operands"].get(name)
        if shape is not None and values.ndim == 4:
            values = values.transpose(0, 2, 3, 1).reshape(shape)
        quant = self._params(self.producers[value]) if value != code else None
        self.keep(name, Constant(np.ascontiguousarray(values), quant))
        return Real(name, values.shape, is_first=False)

    def parameter(self, value: str) -> tuple[str, Constant]:
        """Return the name, values and params of the weight or bias behind a dequantized value."""
        if value in self.names:
            return self.names[value], Constant(self.initializers[value], None)
        node = self.producers[value]
        return self.names[node.input[0]], Constant(
            self.initializers[node.input[0]], self._params(node)
        )

    def keep(self, name: str, constant: Constant) -> None:
        """Add a constant to the graph."""
        dtype = DType(constant.values.dtype.name)
        self.constants[name] = constant.values
        self.tensors[name] = TensorType(constant.values.shape, dtype, constant.quant)

    def _params(self, node: onnx.NodeProto) -> QuantParams:
        scale = self.initializers[node.input[1]]
        zero = self.initializers[node.input[2]].reshape(-1) if len(node.input) > 2 else [0]
        axis = next((helper.get_attribute_value(a) for a in node.attribute), None)
        if scale.ndim == 0 or axis is None:
            return QuantParams((float(scale.reshape(())),), int(zero[0]))
        return QuantParams(tuple(map(float, scale)), int(zero[0]), int(axis))
