"""The graph as it grows while the nodes of an ONNX model are read one after another."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from quantize.ir.graph import Array, Graph, TensorType
from quantize.ir.ops import Mul, Operation, Reshape, Transpose, input_names, rename_tensors
from quantize.ir.shapes import infer_shape
from quantize.ir.statistics import ChannelStatistics
from quantize.load.onnx_layout import (
    Shape,
    View,
    arranged_order,
    arranged_shape,
    axes_of,
    plain_view,
)
from quantize.load.onnx_node import UnsupportedNodeError


@dataclass(slots=True)
class GraphBuilder:
    """Tensors, constants and operations so far; handlers add to them and never take away."""

    name: str
    inputs: list[str] = field(default_factory=list)
    tensors: dict[str, TensorType] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    statistics: dict[str, ChannelStatistics] = field(default_factory=dict)

    def add_input(self, name: str, shape: Shape) -> None:
        """Add a tensor that is fed."""
        self.inputs.append(name)
        self.tensors[name] = TensorType(shape)

    def add_placeholder(self, name: str, shape: Shape) -> View:
        """Return the view of a tensor that nothing makes, so that reading goes on after a fault."""
        fresh = self.fresh_name(name)
        self.tensors[fresh] = TensorType(shape)
        return plain_view(fresh, shape)

    def add_constant(self, name: str, values: Array) -> str:
        """Return the name under which the values, as float32, are in the graph."""
        if not np.isfinite(values).all():
            raise UnsupportedNodeError(f"{name} holds NaN or Inf")
        fresh = self.fresh_name(name)
        self.constants[fresh] = np.ascontiguousarray(values, np.float32)
        self.tensors[fresh] = TensorType(values.shape)
        return fresh

    def add(self, operation: Operation, declared: Shape | None = None) -> Shape:
        """Return the shape of what the operation makes, after adding it."""
        shapes = {name: self.tensors[name].shape for name in input_names(operation)}
        shape = infer_shape(operation, shapes, declared)
        self.operations.append(operation)
        self.tensors[operation.output] = TensorType(shape)
        return shape

    def fresh_name(self, wanted: str) -> str:
        """Return the wanted name, numbered if it is taken."""
        name, count = wanted, 1
        while name in self.tensors:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def arrange(self, view: View, axes: Sequence[int], stored: Shape | None = None) -> str:
        """Return a tensor with the view's ONNX axes stored in the order `axes`, batch in front.

        `stored` differs from what follows only by axes of size 1.
        """
        shape = stored or arranged_shape(view.shape, axes)
        order = arranged_order(view, axes)
        if order == view.order:
            return self.reshape(view.tensor, shape)
        sizes = tuple(view.factors[index] for index in view.order)
        split = self.reshape(view.tensor, (view.stored[0], *sizes))
        moves = (0, *(1 + view.order.index(index) for index in order))
        output = self.fresh_name(f"{view.tensor}/transposed")
        self.add(Transpose(split, output, moves))
        return self.reshape(output, shape)

    def arrange_plain(self, view: View) -> str:
        """Return a tensor that is stored as ONNX has it."""
        return self.arrange(view, range(1, len(view.shape)))

    def arrange_as_is(self, view: View) -> tuple[str, tuple[int, ...]]:
        """Return a tensor that stores each ONNX axis by itself, moving as little as can be."""
        axes = axes_of(view) or tuple(range(1, len(view.shape)))
        return self.arrange(view, axes), axes

    def reshape(self, tensor: str, shape: Shape) -> str:
        """Return the tensor in this shape: itself if it has it already."""
        if self.tensors[tensor].shape == shape:
            return tensor
        output = self.fresh_name(f"{tensor}/reshaped")
        self.add(Reshape(tensor, output), shape)
        return output

    def scale(self, view: View, factor: float, name: str) -> View:
        """Return the view times a number."""
        ones = (1,) * len(view.stored)
        by = self.add_constant(f"{name}/factor", np.full(ones, factor))
        output = self.fresh_name(name)
        self.add(Mul(view.tensor, by, output))
        return replace(view, tensor=output)

    def finish(self, outputs: Sequence[tuple[str, str]]) -> Graph:
        """Return the graph; `outputs` are pairs of a tensor and the name that it takes."""
        names: dict[str, str] = {}
        for tensor, wanted in outputs:
            self._claim(tensor, wanted, names)
        self.statistics = {names.get(name, name): s for name, s in self.statistics.items()}
        return Graph(
            name=self.name,
            inputs=tuple(self.inputs),
            outputs=tuple(wanted for _, wanted in outputs),
            tensors={names.get(name, name): tensor for name, tensor in self.tensors.items()},
            constants=dict(self.constants),
            operations=tuple(rename_tensors(op, names) for op in self.operations),
        )

    def _claim(self, tensor: str, wanted: str, names: dict[str, str]) -> None:
        """Let `tensor` be called `wanted` in the end, by a copy where its own name is kept."""
        claimed = tensor
        if tensor in {*self.inputs, *names}:
            claimed = self.fresh_name(f"{tensor}/copy")
            self.add(Reshape(tensor, claimed), self.tensors[tensor].shape)
        if wanted != claimed and wanted in self.tensors and wanted not in names:
            names[wanted] = self.fresh_name(f"{wanted}/inner")
        names[claimed] = wanted
