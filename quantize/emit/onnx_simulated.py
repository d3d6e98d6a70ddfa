"""FloatGraph to float ONNX that rounds activations as integers would, for trying scales quickly.

Scales and zero points are inputs of the file, so one session tries them all. Weights stay float:
what is measured is the activations' share of the error alone.
"""

from collections.abc import Sequence

import onnx
from onnx import helper

from quantize.emit.onnx_float import FloatWriter
from quantize.emit.onnx_nodes import NodeList, Value, float_value, serialize
from quantize.ir.graph import FloatGraph

SCALE, ZERO_POINT = "scale:", "zero_point:"


def emit_simulated_onnx(graph: FloatGraph, rounded: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return an ONNX file that computes `graph` with some activations rounded to 256 levels.

    Args:
        graph: What to compute.
        rounded: The tensors to round; each adds the inputs "scale:NAME" (scalar float32) and
            "zero_point:NAME" (scalar int8).
        outputs: The tensors to return, as in `emit_float_onnx`.
    """
    writer = FloatWriter(graph, [*outputs, *map(_scale, rounded), *map(_zero_point, rounded)])
    chosen = set(rounded)
    for name in graph.inputs:
        if name in chosen:
            _round(writer, name)
    for operation in graph.operations:
        writer.write(operation)
        if operation.output in chosen:
            _round(writer, operation.output)
    for name in outputs:
        writer.publish(name)
    inputs = [float_value(name, graph.tensors[name].shape) for name in graph.inputs]
    for name in rounded:
        inputs.append(_scalar(_scale(name), onnx.TensorProto.FLOAT))
        inputs.append(_scalar(_zero_point(name), onnx.TensorProto.INT8))
    declared = [float_value(name, graph.tensors[name].shape) for name in outputs]
    return serialize(graph.name, writer.nodes, inputs, declared, {})


def _round(writer: FloatWriter, name: str) -> None:
    layout = writer.layout(name)
    params = [_scale(name), _zero_point(name)]
    nodes: NodeList = writer.nodes
    codes = nodes.add("QuantizeLinear", [writer.read(name, layout), *params])
    writer.hold(name, Value(nodes.add("DequantizeLinear", [codes, *params]), layout))


def _scale(name: str) -> str:
    return SCALE + name


def _zero_point(name: str) -> str:
    return ZERO_POINT + name


def _scalar(name: str, kind: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [])
