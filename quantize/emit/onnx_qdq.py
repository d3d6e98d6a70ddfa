"""IntGraph to QDQ ONNX: float in and out, channels-last at the boundary, integers inside.

Every activation stands in the file as int8 codes: each operation reads them through
DequantizeLinear and ends in QuantizeLinear, those that only move codes, too. ONNX Runtime fuses
that; on x86 it does not where a QuantizeLinear has another reader than one DequantizeLinear.
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
from quantize.ir.graph import Array, DType, IntGraph, QuantParams
from quantize.ir.integer_params import CODE_MIN, code_bounds, quant_of
from quantize.ir.moving_ops import DepthToSpace, ResizeBilinear, ResizeNearest, SpaceToDepth
from quantize.ir.ops import (
    Activate,
    Activation,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    MaxPool2D,
    Mean,
    Operation,
    PadFill,
    TransposeConv2D,
    input_names,
)

METADATA_KEY = "edge.graph"
CODES_SUFFIX = ":codes"
_READ_CHANNELS_FIRST = (
    Conv2D,
    DepthwiseConv2D,
    TransposeConv2D,
    AveragePool2D,
    MaxPool2D,
    ResizeNearest,
    ResizeBilinear,
    SpaceToDepth,
    DepthToSpace,
)


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
        """Append the way in: codes in the layout that every reader wants, if all agree on one."""
        shape, value, layout = self.graph.tensors[name].shape, name, Layout.LAST
        if len(shape) == 4 and self._readers_are_windows(name):
            value, layout = self.nodes.transpose(name, TO_FIRST), Layout.FIRST
        self._hold(name, self._quantize(value, quant_of(self.graph, name), self._ids[name]), layout)

    def _readers_are_windows(self, name: str) -> bool:
        readers = [op for op in self.graph.operations if name in input_names(op)]
        is_output = name in self.graph.outputs
        return not is_output and all(isinstance(op, _READ_CHANNELS_FIRST) for op in readers)

    def write(self, operation: Operation) -> None:
        """Append an operation: its inputs' real values, its nodes, its codes."""
        value = write_operation(operation, self)
        quant, code = quant_of(self.graph, operation.output), self._ids[operation.output]
        name = self._clamp(operation, value.name, quant)
        if isinstance(operation, Mean) and not operation.keep_dims:
            kept = self._quantize(name, quant, None)
            name = write_reshape(operation.output, self._dequantize(kept, quant, None), self)
            value = Value(name)
        self._hold(operation.output, self._quantize(name, quant, code), value.layout)

    def _clamp(self, operation: Operation, name: str, quant: QuantParams) -> str:
        """Append an activation's nodes where QuantizeLinear does not clip to the same codes."""
        activation: Activation = getattr(operation, "activation", Activation.NONE)
        is_free = code_bounds(activation, quant) == code_bounds(Activation.NONE, quant)
        if is_free and not isinstance(operation, Activate):
            return name
        return write_activation(activation, name, self.nodes)

    def _hold(self, name: str, code: str, layout: Layout) -> None:
        self._codes[name] = {layout: code}
        self._native[name] = layout

    def layout(self, name: str) -> Layout:
        return self._native.get(name, Layout.LAST)

    def read(self, name: str, layout: Layout) -> str:
        """Return the name of real values, dequantized anew for each reader: so fusions want it."""
        held = self._codes.setdefault(name, {})
        if layout not in held:
            held[layout] = self._other_layout(name, layout)
        return self._dequantize(held[layout], quant_of(self.graph, name), None)

    def _other_layout(self, name: str, layout: Layout) -> str:
        held, code = self._codes[name], self._ids[name]
        code = f"{code}t" if held else code
        if name in self.graph.constants:
            return self.nodes.store(code, constant_in(self.graph.constants[name], layout))
        permutation = TO_FIRST if layout is Layout.FIRST else TO_LAST
        quant = quant_of(self.graph, name)
        real = self._dequantize(held[self._native[name]], quant, None)
        return self._quantize(self.nodes.transpose(real, permutation), quant, code)

    def parameter(self, name: str, permutation: Sequence[int]) -> str:
        quant = quant_of(self.graph, name)
        code = self._ids[name]
        if name not in self._codes:
            self._codes[name] = {Layout.LAST: code}
            self.nodes.store(code, self.graph.constants[name].transpose(permutation))
        axis = None if quant.axis is None else tuple(permutation).index(quant.axis)
        if self.graph.tensors[name].dtype is DType.INT8:
            return self._dequantize(code, quant, axis)
        attributes: dict[str, Attribute] = {} if axis is None else {"axis": axis}
        return self.nodes.add("DequantizeLinear", [code, self._scale(quant)], None, attributes)

    def pad_value(self, name: str, fill: PadFill) -> Array:
        quant = quant_of(self.graph, name)
        steps = 0 if fill is PadFill.ZERO else CODE_MIN - quant.zero_point
        return np.array(steps * quant.scale[0], np.float32)

    def _quantize(self, name: str, quant: QuantParams, output: str | None) -> str:
        inputs = [name, self._scale(quant), self._zero_point(quant, DType.INT8)]
        return self.nodes.add("QuantizeLinear", inputs, output)

    def _dequantize(
        self, codes: str, quant: QuantParams, axis: int | None, *, output: str | None = None
    ) -> str:
        """Append a DequantizeLinear of int8; its zero point is there: fusions look for it."""
        inputs = [codes, self._scale(quant), self._zero_point(quant, DType.INT8)]
        attributes: dict[str, Attribute] = {} if axis is None else {"axis": axis}
        return self.nodes.add("DequantizeLinear", inputs, output, attributes)

    def _zero_point(self, quant: QuantParams, dtype: DType) -> str:
        shape = () if quant.axis is None else (len(quant.scale),)
        return self.nodes.share(np.full(shape, quant.zero_point, np.dtype(dtype.value)))

    def _scale(self, quant: QuantParams) -> str:
        values = np.array(quant.scale, np.float32)
        return self.nodes.share(values.reshape(()) if quant.axis is None else values)

    def publish(self, name: str) -> onnx.ValueInfoProto:
        """Append the way out of a graph output: its real values."""
        quant = quant_of(self.graph, name)
        if self.layout(name) is Layout.FIRST:
            self.nodes.transpose(self.read(name, Layout.FIRST), TO_LAST, name)
        else:
            self._dequantize(self._codes[name][Layout.LAST], quant, None, output=name)
        return float_value(name, self.graph.tensors[name].shape)

    def expose(self, name: str) -> onnx.ValueInfoProto:
        """Append the way out of a tensor's codes."""
        layout = self.layout(name)
        codes = self._codes[name][layout]
        order = (
            TO_LAST if layout is Layout.FIRST else tuple(range(len(self.graph.tensors[name].shape)))
        )
        self.nodes.transpose(codes, order, name + CODES_SUFFIX)
        shape: list[str | int | None] = [BATCH, *self.graph.tensors[name].shape[1:]]
        return helper.make_tensor_value_info(name + CODES_SUFFIX, onnx.TensorProto.INT8, shape)
