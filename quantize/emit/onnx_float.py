"""FloatGraph to float ONNX, for running it fast and for looking at any tensor inside."""

from collections.abc import Sequence

import numpy as np

from quantize.emit.onnx_nodes import (
    TO_FIRST,
    TO_LAST,
    Layout,
    NodeList,
    Value,
    float_value,
    serialize,
)
from quantize.emit.onnx_operations import write_activation, write_operation, write_reshape
from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import Mean, Operation, PadFill


def emit_float_onnx(graph: FloatGraph, outputs: Sequence[str] | None = None) -> bytes:
    """Return an ONNX file that computes `graph` in float32.

    Args:
        graph: What to compute.
        outputs: The tensors to return, any of the graph's activations, in this order; None means
            the graph's own outputs. All are named as in the graph and channels-last, as are the
            inputs, with a free batch axis.
    """
    names = tuple(graph.outputs if outputs is None else outputs)
    writer = FloatWriter(graph, names)
    for operation in graph.operations:
        writer.write(operation)
    for name in names:
        writer.publish(name)
    return serialize(
        graph.name,
        writer.nodes,
        [float_value(name, graph.tensors[name].shape) for name in graph.inputs],
        [float_value(name, graph.tensors[name].shape) for name in names],
        {},
    )


class FloatWriter:
    """Appends the operations of a float graph one by one; a Reader of its tensors."""

    def __init__(self, graph: FloatGraph, outputs: Sequence[str]) -> None:
        self.graph = graph
        self.nodes = NodeList([*graph.inputs, *outputs])
        self._values = {name: {Layout.LAST: name} for name in graph.inputs}
        self._native = dict.fromkeys(graph.inputs, Layout.LAST)

    def write(self, operation: Operation) -> None:
        """Append an operation and its activation."""
        value = write_operation(operation, self)
        activation = getattr(operation, "activation", None)
        name = value.name if activation is None else self._activate(value, operation)
        if isinstance(operation, Mean) and not operation.keep_dims:
            name, value = write_reshape(operation.output, name, self), Value(name)
        self.hold(operation.output, Value(name, value.layout))

    def hold(self, name: str, value: Value) -> None:
        """Say which value a tensor of the graph is."""
        self._values[name] = {value.layout: value.name}
        self._native[name] = value.layout

    def _activate(self, value: Value, operation: Operation) -> str:
        return write_activation(operation.activation, value.name, self.nodes)  # type: ignore[union-attr]  # those without one do not come here

    def publish(self, name: str) -> None:
        """Append the way out of a tensor."""
        if name not in self.graph.inputs:
            self.nodes.add("Identity", [self.read(name, Layout.LAST)], name)

    def layout(self, name: str) -> Layout:
        """Return the layout in which an activation is there already."""
        return self._native.get(name, Layout.LAST)

    def read(self, name: str, layout: Layout) -> str:
        """Return the name of a value that holds the tensor in this layout."""
        if name in self.graph.constants:
            return self.nodes.share(constant_in(self.graph.constants[name], layout))
        values = self._values[name]
        if layout not in values:
            (held,) = values.values()
            permutation = TO_FIRST if layout is Layout.FIRST else TO_LAST
            values[layout] = self.nodes.transpose(held, permutation)
        return values[layout]

    def parameter(self, name: str, permutation: Sequence[int]) -> str:
        """Return the name of a permuted weight or bias."""
        return self.nodes.share(self.graph.constants[name].transpose(permutation))

    def pad_value(self, name: str, fill: PadFill) -> Array:
        """Return the scalar that a Pad puts around a tensor."""
        del name
        lowest = np.finfo(np.float32).min
        return np.array(0.0 if fill is PadFill.ZERO else lowest, np.float32)


def constant_in(values: Array, layout: Layout) -> Array:
    """Return a constant operand so that it broadcasts against images of this layout."""
    if layout is Layout.LAST:
        return values
    image = values.reshape((1,) * (4 - values.ndim) + values.shape)
    return np.ascontiguousarray(image.transpose(TO_FIRST))
