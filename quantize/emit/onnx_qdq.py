"""IntGraph to QDQ ONNX: float in and out, channels-last at the boundary, integers inside.

Every activation stands in the file as int8 codes. Operations that compute read them through
DequantizeLinear and end in QuantizeLinear, which is what ONNX Runtime fuses; those that only move
codes (Reshape, Transpose, Pad, Concat, MaxPool) work on the codes themselves.
"""

import json
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from quantize.emit.onnx_float import constant_in
from quantize.emit.onnx_nodes import (
    BATCH,
    TO_FIRST,
    TO_LAST,
    Attribute,
    Layout,
    NodeList,
    Value,
    float_value,
    serialize,
)
from quantize.emit.onnx_operations import write_activation, write_operation, write_reshape
from quantize.ir.graph import Array, IntGraph, QuantParams
from quantize.ir.integer_params import code_bounds, quant_of
from quantize.ir.ops import (
    Activate,
    Activation,
    Concat,
    DepthwiseConv2D,
    MaxPool2D,
    Mean,
    Operation,
    Pad,
    PadFill,
    Reshape,
    Transpose,
)

METADATA_KEY = "edge.graph"
CODES_SUFFIX = ":codes"
_MOVES_CODES = (Reshape, Transpose, Pad, Concat)


def emit_qdq_onnx(graph: IntGraph, expose: Sequence[str] = ()) -> bytes:
    """Return the QDQ ONNX file (opset 17, IR 8) of an integer graph; equal graphs, equal bytes.

    Args:
        graph: What to emit.
        expose: Activations whose codes are further outputs, named NAME + ":codes", channels-last
            int8: for looking inside. A file for use has none.
    """
    writer = _QdqWriter(graph, expose)
    for name in graph.inputs:
        writer.take_input(name)
    for operation in graph.operations:
        writer.write(operation)
    outputs = [writer.publish(name) for name in graph.outputs]
    outputs += [writer.expose(name) for name in expose]
    inputs = [float_value(name, graph.tensors[name].shape) for name in graph.inputs]
    return serialize(graph.name, writer.nodes, inputs, outputs, {METADATA_KEY: writer.metadata()})


class _QdqWriter:
    """Appends the operations of an integer graph one by one; a Reader of its tensors.

    The codes of tensor k are named PREFIXk, a second layout of them PREFIXkt.
    """

    def __init__(self, graph: IntGraph, expose: Sequence[str]) -> None:
        self.graph = graph
        public = {*graph.inputs, *graph.outputs, *(name + CODES_SUFFIX for name in expose)}
        self.nodes = NodeList(sorted(public))
        self._ids = {name: f"{self.nodes.prefix}{k}" for k, name in enumerate(graph.tensors)}
        self._codes: dict[str, dict[Layout, str]] = {}
        self._native: dict[str, Layout] = {}
        self._reads_codes = False

    def metadata(self) -> str:
        """Return what the nodes do not say: names, profile, absorbed activations, shapes."""
        graph = self.graph
        activations = [getattr(operation, "activation", None) for operation in graph.operations]
        facts = {
            "prefix": self.nodes.prefix,
            "profile": graph.profile.value,
            "tensors": list(graph.tensors),
            "activations": "".join("-" if a is None else a.value[-1] for a in activations),
            "depthwise": [
                operation.output
                for operation in graph.operations
                if isinstance(operation, DepthwiseConv2D)
                and graph.tensors[operation.input].shape[3] == 1
            ],
            "operands": {
                name: graph.tensors[name].shape
                for name, values in self._codes.items()
                if name in graph.constants and Layout.FIRST in values
            },
        }
        return json.dumps(facts, separators=(",", ":"))

    def take_input(self, name: str) -> None:
        quant = quant_of(self.graph, name)
        self._hold(name, self._quantize(name, quant, self._ids[name]), Layout.LAST)

    def write(self, operation: Operation) -> None:
        moves = isinstance(operation, _MOVES_CODES) or (
            isinstance(operation, MaxPool2D) and operation.activation is Activation.NONE
        )
        self._reads_codes = moves
        value = write_operation(operation, self)
        if moves:
            self._rename_last(value.name, self._ids[operation.output])
            self._hold(operation.output, self._ids[operation.output], value.layout)
        else:
            self._finish(operation, value)

    def _finish(self, operation: Operation, value: Value) -> None:
        quant = quant_of(self.graph, operation.output)
        name = self._clamp(operation, value.name, quant)
        code = self._ids[operation.output]
        if isinstance(operation, Mean) and not operation.keep_dims:
            kept = self._quantize(name, quant, None)
            self._rename_last(write_reshape(operation.output, kept, self), code)
            value = Value(code)
        else:
            self._quantize(name, quant, code)
        self._hold(operation.output, code, value.layout)

    def _clamp(self, operation: Operation, name: str, quant: QuantParams) -> str:
        """Append an activation's nodes where QuantizeLinear does not clip to the same codes."""
        activation: Activation = getattr(operation, "activation", Activation.NONE)
        is_free = code_bounds(activation, quant) == code_bounds(Activation.NONE, quant)
        if is_free and not isinstance(operation, Activate):
            return name
        return write_activation(activation, name, self.nodes)

    def _rename_last(self, old: str, new: str) -> None:
        node = self.nodes.nodes[-1]
        assert node.output[0] == old, old  # the node that makes a result is the last one
        node.output[0] = new

    def _hold(self, name: str, code: str, layout: Layout) -> None:
        self._codes[name] = {layout: code}
        self._native[name] = layout

    def layout(self, name: str) -> Layout:
        return self._native.get(name, Layout.LAST)

    def read(self, name: str, layout: Layout) -> str:
        codes = self._codes_in(name, layout)
        if self._reads_codes:
            return codes
        return self._dequantize(codes, quant_of(self.graph, name), None)

    def _codes_in(self, name: str, layout: Layout) -> str:
        held = self._codes.setdefault(name, {})
        if layout not in held:
            held[layout] = self._other_layout(name, layout)
        return held[layout]

    def _other_layout(self, name: str, layout: Layout) -> str:
        code = self._ids[name]
        if name in self.graph.constants:
            stored = code if not self._codes[name] else f"{code}t"
            return self.nodes.store(stored, constant_in(self.graph.constants[name], layout))
        permutation = TO_FIRST if layout is Layout.FIRST else TO_LAST
        return self.nodes.transpose(self._codes[name][self._native[name]], permutation, f"{code}t")

    def parameter(self, name: str, permutation: Sequence[int]) -> str:
        quant = quant_of(self.graph, name)
        code = self._ids[name]
        if name not in self._codes:
            self._codes[name] = {Layout.LAST: code}
            self.nodes.store(code, self.graph.constants[name].transpose(permutation))
        axis = None if quant.axis is None else tuple(permutation).index(quant.axis)
        return self._dequantize(code, quant, axis)

    def pad_value(self, name: str, fill: PadFill) -> Array:
        lowest = np.iinfo(np.int8).min
        value = quant_of(self.graph, name).zero_point if fill is PadFill.ZERO else lowest
        return np.array(value, np.int8)

    def _quantize(self, name: str, quant: QuantParams, output: str | None) -> str:
        scale, zero = self._scale(quant), self.nodes.share(np.array(quant.zero_point, np.int8))
        return self.nodes.add("QuantizeLinear", [name, scale, zero], output)

    def _dequantize(self, codes: str, quant: QuantParams, axis: int | None) -> str:
        """Append a DequantizeLinear; one without a zero point means 0."""
        inputs = [codes, self._scale(quant)]
        if quant.zero_point:
            inputs.append(self.nodes.share(np.array(quant.zero_point, np.int8)))
        attributes: dict[str, Attribute] = {} if axis is None else {"axis": axis}
        return self.nodes.add("DequantizeLinear", inputs, attributes=attributes)

    def _scale(self, quant: QuantParams) -> str:
        values = np.array(quant.scale, np.float32)
        return self.nodes.share(values.reshape(()) if quant.axis is None else values)

    def publish(self, name: str) -> onnx.ValueInfoProto:
        """Append the way out of a graph output: its real values."""
        self._reads_codes = True
        codes, quant = self.read(name, Layout.LAST), quant_of(self.graph, name)
        inputs = [codes, self._scale(quant), self.nodes.share(np.array(quant.zero_point, np.int8))]
        self.nodes.add("DequantizeLinear", inputs, name)
        return float_value(name, self.graph.tensors[name].shape)

    def expose(self, name: str) -> onnx.ValueInfoProto:
        """Append the way out of a tensor's codes."""
        self._reads_codes = True
        codes = self.read(name, Layout.LAST)
        self.nodes.add("Identity", [codes], name + CODES_SUFFIX)
        shape: list[str | int | None] = [BATCH, *self.graph.tensors[name].shape[1:]]
        return helper.make_tensor_value_info(name + CODES_SUFFIX, onnx.TensorProto.INT8, shape)
