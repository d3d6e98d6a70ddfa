"""IntGraph to QDQ ONNX: float in and out, channels-last at the boundary, integers inside.

Every activation stands in the file as int8 or int16 codes: each operation reads them through
DequantizeLinear and ends in QuantizeLinear, those that only move codes, too. ONNX Runtime fuses
that in int8. What was kept in float32 has none of both and ends in Identity, which names it.
A file for use has uint8 codes in the place of int8: `quantize.onnx_signs` says why.
"""

import json
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper

from quantize.emit.onnx_float import constant_in
from quantize.emit.onnx_nodes import (
    BATCH,
    MICROSOFT,
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
from quantize.ir.graph import Array, DType, IntGraph, QuantParams, TensorType
from quantize.ir.integer_params import code_bounds, code_limits, quant_of
from quantize.ir.moving_ops import DepthToSpace, ResizeBilinear, ResizeNearest, SpaceToDepth
from quantize.ir.ops import (
    Activate,
    Activation,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    MaxPool2D,
    Mean,
    Operation,
    PadFill,
    TransposeConv2D,
    input_names,
)
from quantize.ir.widths import width
from quantize.onnx_signs import make_unsigned

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
    """Return the QDQ ONNX file of an integer graph; equal graphs, equal bytes.

    It has opset 17 and IR 8. Codes of int16 are made and read by ONNX Runtime's own operator set:
    ONNX says them from opset 21 on, where ONNX Runtime's optimizer breaks int8 beside int16.

    Args:
        graph: What to emit.
        expose: Activations whose codes are further outputs, named NAME + ":codes", channels-last:
            for looking inside. A file for use has none, and uint8 for int8 (onnx_signs).
    """
    writer = _QdqWriter(graph, expose)
    for name in graph.inputs:
        writer.take_input(name)
    for operation in graph.operations:
        writer.write(operation)
    outputs = [writer.publish(name) for name in graph.outputs]
    outputs += [writer.expose(name) for name in expose]
    inputs = [float_value(name, graph.tensors[name].shape) for name in graph.inputs]
    data = serialize(graph.name, writer.nodes, inputs, outputs, {METADATA_KEY: writer.metadata()})
    return data if expose else _unsigned(data)


def _unsigned(data: bytes) -> bytes:
    model = onnx.load_model_from_string(data)
    make_unsigned(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


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
        self._take(name, value, layout)

    def _take(self, name: str, value: str, layout: Layout) -> None:
        """Append what makes a tensor of its real values: its codes, or its name in float32."""
        match self.graph.tensors[name]:
            case TensorType(dtype=DType.FLOAT32):
                code = self.nodes.add("Identity", [value], self._ids[name])
            case TensorType(quant=None):  # an index, which ONNX makes in int64
                to: dict[str, Attribute] = {"to": TensorProto.INT32}
                code = self.nodes.add("Cast", [value], self._ids[name], to)
            case _:
                code = self._quantize(value, name, self._ids[name])
        self._hold(name, code, layout)

    def _readers_are_windows(self, name: str) -> bool:
        readers = [op for op in self.graph.operations if name in input_names(op)]
        is_output = name in self.graph.outputs
        return not is_output and all(isinstance(op, _READ_CHANNELS_FIRST) for op in readers)

    def write(self, operation: Operation) -> None:
        """Append an operation: its inputs' real values, its nodes, its codes."""
        value = write_operation(operation, self)
        name = self._clamp(operation, value.name)
        if isinstance(operation, Mean) and not operation.keep_dims:
            name, value = self._flat_mean(operation, name), Value(name)
        if isinstance(operation, Dequantize):
            name = self._fenced(name)
        self._take(operation.output, name, value.layout)

    def _fenced(self, name: str) -> str:
        """Append a clip that changes nothing, between DequantizeLinear and what is kept in float32.

        Without it ONNX Runtime rounds the float weights behind it to int8, per tensor, without a
        word (its WeightBiasQuantization); with an Identity, which it takes out first, it does too.
        """
        lowest = self.nodes.share(np.array(np.finfo(np.float32).min, np.float32))
        return self.nodes.add("Clip", [name, lowest])

    def _flat_mean(self, operation: Mean, name: str) -> str:
        """Append what drops the axes of a mean: behind codes of their own, so that it fuses."""
        if width(operation, self.graph) is not DType.FLOAT32:
            kept = self._quantize(name, operation.output, None)
            name = self._dequantize(kept, operation.output, None)
        return write_reshape(operation.output, name, self)

    def _clamp(self, operation: Operation, name: str) -> str:
        """Append an activation's nodes where QuantizeLinear does not clip to the same codes."""
        activation: Activation = getattr(operation, "activation", Activation.NONE)
        made = self.graph.tensors[operation.output]
        if made.quant is None or isinstance(operation, Activate):
            return write_activation(activation, name, self.nodes)
        free = code_bounds(Activation.NONE, made.quant, made.dtype)
        if code_bounds(activation, made.quant, made.dtype) == free:
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
        return self._reals(held[layout], name)

    def _reals(self, code: str, name: str) -> str:
        """Return the name of what a tensor's codes mean; float32 means itself."""
        if self.graph.tensors[name].dtype is DType.FLOAT32:
            return code
        return self._dequantize(code, name, None)

    def _other_layout(self, name: str, layout: Layout) -> str:
        held, code = self._codes[name], self._ids[name]
        code = f"{code}t" if held else code
        if name in self.graph.constants:
            return self.nodes.store(code, constant_in(self.graph.constants[name], layout))
        permutation = TO_FIRST if layout is Layout.FIRST else TO_LAST
        real = self._reals(held[self._native[name]], name)
        if self.graph.tensors[name].dtype is DType.FLOAT32:
            return self.nodes.transpose(real, permutation, code)
        return self._quantize(self.nodes.transpose(real, permutation), name, code)

    def parameter(self, name: str, permutation: Sequence[int]) -> str:
        code, kind = self._ids[name], self.graph.tensors[name]
        if name not in self._codes:
            self._codes[name] = {Layout.LAST: code}
            values = self.graph.constants[name].transpose(permutation)
            # no DequantizeLinear takes int64; check_integer has seen to it that int32 holds it
            self.nodes.store(code, values.astype(np.int32) if kind.dtype is DType.INT64 else values)
        if kind.quant is None:
            return code
        axis = None if kind.quant.axis is None else tuple(permutation).index(kind.quant.axis)
        if kind.dtype is DType.INT8:
            return self._dequantize(code, name, axis)
        attributes: dict[str, Attribute] = {} if axis is None else {"axis": axis}
        return self.nodes.add("DequantizeLinear", [code, self._scale(kind.quant)], None, attributes)

    def pad_value(self, name: str, fill: PadFill) -> Array:
        kind = self.graph.tensors[name]
        if kind.quant is None:
            lowest = np.finfo(np.float32).min
            return np.array(0.0 if fill is PadFill.ZERO else lowest, np.float32)
        least, _ = code_limits(kind.dtype)
        steps = 0 if fill is PadFill.ZERO else least - kind.quant.zero_point
        return np.array(steps * kind.quant.scale[0], np.float32)

    def _quantize(self, value: str, name: str, output: str | None) -> str:
        """Append what makes codes of a tensor of its real values."""
        quant = quant_of(self.graph, name)
        inputs = [value, self._scale(quant), self._zero_point(name)]
        return self.nodes.add("QuantizeLinear", inputs, output, domain=self._domain(name))

    def _domain(self, name: str) -> str | None:
        return MICROSOFT if self.graph.tensors[name].dtype is DType.INT16 else None

    def _dequantize(
        self, codes: str, name: str, axis: int | None, *, output: str | None = None
    ) -> str:
        """Append a DequantizeLinear of a tensor; its zero point is there: fusions look for it."""
        inputs = [codes, self._scale(quant_of(self.graph, name)), self._zero_point(name)]
        attributes: dict[str, Attribute] = {} if axis is None else {"axis": axis}
        domain = self._domain(name)
        return self.nodes.add("DequantizeLinear", inputs, output, attributes, domain=domain)

    def _zero_point(self, name: str) -> str:
        quant, dtype = quant_of(self.graph, name), self.graph.tensors[name].dtype
        shape = () if quant.axis is None else (len(quant.scale),)
        return self.nodes.share(np.full(shape, quant.zero_point, np.dtype(dtype.value)))

    def _scale(self, quant: QuantParams) -> str:
        values = np.array(quant.scale, np.float32)
        return self.nodes.share(values.reshape(()) if quant.axis is None else values)

    def publish(self, name: str) -> onnx.ValueInfoProto:
        """Append the way out of a graph output: its real values."""
        if self.layout(name) is Layout.FIRST:
            self.nodes.transpose(self.read(name, Layout.FIRST), TO_LAST, name)
        elif self.graph.tensors[name].quant is None:
            self.nodes.add("Identity", [self._codes[name][Layout.LAST]], name)
        else:
            self._dequantize(self._codes[name][Layout.LAST], name, None, output=name)
        if self.graph.tensors[name].dtype is DType.INT32:
            shape: list[str | int | None] = [BATCH, *self.graph.tensors[name].shape[1:]]
            return helper.make_tensor_value_info(name, TensorProto.INT32, shape)
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
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.graph.tensors[name].dtype.value))
        return helper.make_tensor_value_info(name + CODES_SUFFIX, kind, shape)
