"""ONNX files: bytes to a float graph, channels-last, whoever exported them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import onnx
from onnx import numpy_helper

from quantize.errors import GraphError, ModelError, UnsupportedModelError
from quantize.ir.graph import Array
from quantize.ir.ops import LogSoftmax, Operation, Softmax
from quantize.ir.spec import check_float
from quantize.load.loaded import LoadedModel
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_constants import FOLDABLE, fold
from quantize.load.onnx_file import ML_DOMAIN, domain_of, infer_shapes, opsets, read_model
from quantize.load.onnx_inputs import fix_inputs, stored_axes
from quantize.load.onnx_layout import Shape, View, arranged_shape, arranged_view
from quantize.load.onnx_ml import class_labels
from quantize.load.onnx_node import Node, Operand, UnsupportedNodeError
from quantize.load.onnx_operators import ADVICE, DEFAULT_ADVICE, HANDLERS, RESULT_INDEX
from quantize.load.onnx_outputs import Returned, read_outputs, zip_map_labels

Permutations = dict[str, tuple[int, ...]]


def load_onnx(data: bytes, name: str) -> LoadedModel:
    """Return the float graph of an ONNX file, and how its inputs and outputs were permuted.

    Raises:
        ModelError: The bytes are no ONNX model, or one that contradicts itself.
        UnsupportedModelError: Names everything at once that is not supported.
    """
    model = read_model(data, name)
    shapes = fix_inputs(model, name)
    returned = read_outputs(model.graph)
    reading = _Reading(infer_shapes(model, name), GraphBuilder(name))
    inputs = reading.feed(shapes)
    for node in returned.nodes:
        reading.read(node)
    problems = [*returned.problems, *reading.problems]
    if problems:
        raise UnsupportedModelError(name, problems)
    return _finish(reading, returned, inputs)


@dataclass(slots=True)
class _Reading:
    """What is known while the nodes are read one after another.

    Attributes:
        model: With the shapes that ONNX inferred.
        builder: The graph so far.
        values: What each ONNX tensor name stands for.
        unknown: Names of tensors that a fault left without even a shape.
        problems: One line for each fault so far.
    """

    model: onnx.ModelProto
    builder: GraphBuilder
    values: dict[str, Operand] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def feed(self, shapes: Mapping[str, Shape]) -> Permutations:
        """Add constants and inputs; return how arrays of the source become the inputs."""
        for tensor in self.model.graph.initializer:
            self.values[tensor.name] = _known_values(tensor, self.builder.name)
        if self.model.graph.sparse_initializer:
            self.problems.append("sparse initializers: store the weights densely")
        permutations: Permutations = {}
        for name, shape in shapes.items():
            axes = stored_axes(self.model.graph, name, shape)
            self.builder.add_input(name, arranged_shape(shape, axes))
            self.values[name] = arranged_view(name, shape, axes)
            permutations.update(_unless_identity(name, axes))
        return permutations

    def read(self, proto: onnx.NodeProto) -> None:
        """Read one node; a fault is noted and what it makes is taken for granted."""
        label = f"{proto.name or proto.output[0]} ({proto.op_type})"
        try:
            self._read(proto)
        except UnsupportedNodeError as error:
            self.problems.append(f"{label}: {error}")
            self._assume(proto)
        except GraphError as error:
            self.problems.append(str(error))
            self._assume(proto)

    def _read(self, proto: onnx.NodeProto) -> None:
        given = [name for name in proto.input if name]
        known = {name: self.values[name] for name in given if name in self.values}
        constants = {n: value for n, value in known.items() if not isinstance(value, View)}
        versions = opsets(self.model)
        if len(constants) == len(set(given)) and proto.op_type in FOLDABLE:
            folded = fold(proto, constants, versions)
            self.values.update(zip(proto.output, folded, strict=True))
            return
        handler = HANDLERS.get((domain_of(proto), proto.op_type))
        if handler is None:
            raise UnsupportedNodeError(
                f"not supported; {ADVICE.get(proto.op_type, DEFAULT_ADVICE)}"
            )
        if self.unknown.intersection(given):  # that fault has been noted already
            self._assume(proto)
            return
        if missing := sorted(set(given) - set(known)):
            raise UnsupportedNodeError(f"reads {missing[0]}, an output that is not supported")
        inputs = tuple(self.values[name] if name else None for name in proto.input)
        node = _node(proto, inputs, versions.get(domain_of(proto), 1))
        made = handler(node, self.builder)
        if isinstance(made, tuple):
            self.values.update(zip(proto.output, made, strict=True))
        else:
            self.values[proto.output[RESULT_INDEX.get(proto.op_type, 0)]] = made

    def _assume(self, proto: onnx.NodeProto) -> None:
        """Let reading go on behind a fault, with the shapes that ONNX inferred."""
        for name in proto.output:
            shape = _inferred_shape(self.model.graph, name)
            if shape is None:
                self.unknown.add(name)
            else:
                self.values[name] = self.builder.add_placeholder(name, shape)


def _known_values(tensor: onnx.TensorProto, model: str) -> Array:
    try:
        return numpy_helper.to_array(tensor)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{model}: {tensor.name}: holds values of no known type or size"
        ) from error


def _node(proto: onnx.NodeProto, inputs: tuple[Operand | None, ...], opset: int) -> Node:
    return Node(
        name=proto.name or proto.output[0],
        operator=proto.op_type,
        inputs=inputs,
        outputs=tuple(proto.output),
        attributes={a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute},
        opset=opset,
    )


def _inferred_shape(graph: onnx.GraphProto, name: str) -> Shape | None:
    """Return a shape that ONNX inferred completely, with its batch in front, or None."""
    for value in (*graph.value_info, *graph.output):
        if value.name == name and value.type.WhichOneof("value") == "tensor_type":
            shape = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            return shape if shape[:1] == (1,) and min(shape) > 0 else None
    return None


def _unless_identity(name: str, axes: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    if axes != tuple(sorted(axes)):
        yield name, (0, *axes)


def _finish(reading: _Reading, returned: Returned, inputs: Permutations) -> LoadedModel:
    builder, outputs = reading.builder, Permutations()
    claims = []
    for name, source in returned.sources.items():
        view = reading.values.get(source)
        if not isinstance(view, View) or name in builder.inputs:
            raise UnsupportedModelError(builder.name, [f"output {name}: nothing computes it"])
        tensor, axes = builder.arrange_as_is(view)
        outputs.update(_unless_identity(name, axes))
        claims.append((tensor, name))
    graph = check_float(builder.finish(claims))
    labels = _labels(reading.model.graph)
    task = _task(reading.model.graph, graph.operations)
    return LoadedModel(graph, inputs, outputs, labels, task, builder.statistics)


def _labels(graph: onnx.GraphProto) -> tuple[str, ...]:
    proto = zip_map_labels(graph)
    return class_labels(_node(proto, (), 1)) if proto else ()


def _task(graph: onnx.GraphProto, operations: tuple[Operation, ...]) -> str | None:
    """Return what the model's own operations say that it is for."""
    kinds = {node.op_type for node in graph.node if domain_of(node) == ML_DOMAIN}
    if "LinearRegressor" in kinds:
        return "regression"
    if kinds & {"LinearClassifier", "ZipMap"} or _ends_in_softmax(operations):
        return "classification"
    return None


def _ends_in_softmax(operations: tuple[Operation, ...]) -> bool:
    return bool(operations) and isinstance(operations[-1], Softmax | LogSoftmax)
