"""Nodes and initializers of an ONNX graph under construction."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from quantize.ir.graph import Array
from quantize.ir.shapes import Shape

OPSET, IR_VERSION = 17, 8
MICROSOFT, MICROSOFT_VERSION = "com.microsoft", 1  # a set whose QuantizeLinear makes int16
BATCH = "N"

Attribute: TypeAlias = int | float | str | Sequence[int]


class Layout(Enum):
    """Where the channels of a value with four axes are; other ranks are always LAST."""

    LAST = "NHWC"
    FIRST = "NCHW"


TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
FIRST_AXIS = {last: first for first, last in enumerate(TO_FIRST)}


@dataclass(frozen=True, slots=True)
class Value:
    """A named ONNX value and its layout."""

    name: str
    layout: Layout = Layout.LAST


class NodeList:
    """Collects nodes in order; equal initializers are stored once.

    Names that this list makes begin with a prefix that no public name begins with.
    """

    def __init__(self, public: Iterable[str]) -> None:
        self.prefix = "q"
        names = tuple(public)
        while any(name.startswith(self.prefix) for name in names):
            self.prefix += "q"
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._shared: dict[bytes, str] = {}
        self._made = 0

    def fresh(self) -> str:
        """Return a name that nothing has."""
        self._made += 1
        return f"{self.prefix}_{self._made}"

    def add(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        *,
        domain: str | None = None,
    ) -> str:
        """Append a node with one output and return the output's name."""
        name = output if output is not None else self.fresh()
        node = helper.make_node(kind, list(inputs), [name], domain=domain)
        for key, value in sorted((attributes or {}).items()):
            node.attribute.append(helper.make_attribute(key, value))
        self.nodes.append(node)
        return name

    def store(self, name: str, values: Array) -> str:
        """Append an initializer of its own and return its name."""
        self.initializers.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def share(self, values: Array) -> str:
        """Return the name of an initializer with these values; a new one where none has them."""
        facts = f"{values.dtype.str}{values.shape}".encode() + values.tobytes()
        key = hashlib.sha256(facts).digest()
        if key not in self._shared:
            self._shared[key] = self.store(self.fresh(), values)
        return self._shared[key]

    def transpose(self, name: str, permutation: Sequence[int], output: str | None = None) -> str:
        """Append a Transpose."""
        return self.add("Transpose", [name], output, {"perm": tuple(permutation)})


def moves_nothing(shape: Shape) -> bool:
    """Tell whether both layouts of an image of this NHWC shape hold the same bytes in order."""
    return shape[3] == 1 or shape[1] * shape[2] == 1


def float_value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    """Return the declaration of a float input or output with a free batch axis."""
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [BATCH, *shape[1:]])


def serialize(
    name: str,
    nodes: NodeList,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    metadata: Mapping[str, str],
) -> bytes:
    """Return the bytes of the model; the same nodes give the same bytes."""
    graph = helper.make_graph(nodes.nodes, name, inputs, outputs, nodes.initializers)
    imports = [helper.make_opsetid("", OPSET)]
    if any(node.domain == MICROSOFT for node in nodes.nodes):
        imports.append(helper.make_opsetid(MICROSOFT, MICROSOFT_VERSION))
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)
    model.producer_name = "edge-runtime"
    helper.set_model_props(model, dict(metadata))
    return bytes(model.SerializeToString(deterministic=True))
