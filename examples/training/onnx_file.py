"""Layers as ONNX nodes: the same network as a float model file, batch normalization folded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from examples.training.layers import Activation, Layers
from examples.training.trainable import EPSILON, same_padding

OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the network: its name, and (channels, height, width)."""

    name: str
    shape: tuple[int, int, int]


class OnnxNetwork:
    """Collects nodes and folded weights as a network is called on it."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take weights and running averages together, by name."""
        self._weights = weights
        self._layers = 0
        self._values = 0
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def conv(
        self, x, channels, *, kernel=1, stride=1, activation=Activation.NONE, bias=None, factor=None
    ):
        name = self._next()
        weight = self._weights[f"{name}/weight"].transpose(3, 2, 0, 1)
        if bias is None:
            weight, offset = self._folded(name, weight)
        else:
            offset = self._weights[f"{name}/bias"]
        if factor is not None:
            weight = weight * np.reshape(factor, (-1, 1, 1, 1))
            offset = offset * np.array(factor)
        return self._activated(self._convolved(name, x, (weight, offset), stride), activation)

    def depthwise(self, x, *, kernel=3, stride=1, activation):
        name = self._next()
        weight = self._weights[f"{name}/weight"].transpose(2, 0, 1)[:, np.newaxis]
        y = self._convolved(name, x, self._folded(name, weight), stride, group=x.shape[0])
        return self._activated(y, activation)

    def channels(self, x: Node) -> int:
        return x.shape[0]

    def add(self, left: Node, right: Node) -> Node:
        return self.node("Add", (left, right), left.shape)

    def multiply(self, left: Node, right: Node) -> Node:
        return self.node("Mul", (left, right), left.shape)

    def mean(self, x: Node) -> Node:
        return self.node("GlobalAveragePool", (x,), (x.shape[0], 1, 1))

    def concat(self, left: Node, right: Node) -> Node:
        shape = (left.shape[0] + right.shape[0], *left.shape[1:])
        return self.node("Concat", (left, right), shape, axis=1)

    def upsample(self, x: Node) -> Node:
        scales = self.constant("twice", np.array([1, 1, 2, 2], np.float32))
        shape = (x.shape[0], 2 * x.shape[1], 2 * x.shape[2])
        settings = {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }
        return self.node("Resize", (x, "", scales), shape, **settings)

    def flat(self, x: Node) -> Node:
        return self.node("Flatten", (x,), x.shape, axis=1)

    def rows(self, x: Node) -> Node:
        last = self.node("Transpose", (x,), x.shape, perm=[0, 2, 3, 1])
        shape = self.constant(f"rows{x.shape[0]}", np.array([0, -1, x.shape[0]], np.int64))
        return self.node("Reshape", (last, shape), (x.shape[1] * x.shape[2], x.shape[0], 1))

    def join(self, first: Node, second: Node) -> Node:
        shape = (first.shape[0] + second.shape[0], *first.shape[1:])
        return self.node("Concat", (first, second), shape, axis=1)

    def node(self, kind: str, inputs: tuple, shape: tuple[int, int, int], **settings) -> Node:
        """Return the value of a new node."""
        self._values += 1
        name = f"{kind.lower()}{self._values:03}"
        names = [value if isinstance(value, str) else value.name for value in inputs]
        self.nodes.append(helper.make_node(kind, names, [name], name=name, **settings))
        return Node(name, shape)

    def constant(self, name: str, values: np.ndarray) -> str:
        """Return the name of a constant, which is stored once."""
        if all(constant.name != name for constant in self.constants):
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _next(self) -> str:
        self._layers += 1
        return f"layer{self._layers:02}"

    def _folded(self, name: str, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weight (O, ...) and bias with the batch normalization in them."""
        mean, variance, scale, offset = (
            self._weights[f"{name}/{part}"] for part in ("mean", "variance", "scale", "offset")
        )
        factor = scale / np.sqrt(variance + EPSILON)
        return weight * factor[:, np.newaxis, np.newaxis, np.newaxis], offset - mean * factor

    def _convolved(
        self,
        name: str,
        x: Node,
        weights: tuple[np.ndarray, np.ndarray],
        stride: int,
        group: int = 1,
    ) -> Node:
        weight, bias = weights
        kernel = weight.shape[-1]
        pads = [same_padding(size, kernel, stride) for size in x.shape[1:]]
        shape = (len(weight), *(-(-size // stride) for size in x.shape[1:]))
        inputs = (
            x,
            self.constant(f"{name}/weight", weight.astype(np.float32)),
            self.constant(f"{name}/bias", bias.astype(np.float32)),
        )
        return self.node(
            "Conv",
            inputs,
            shape,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before for before, _ in pads] + [behind for _, behind in pads],
            group=group,
        )

    def _activated(self, y: Node, activation: Activation) -> Node:
        match activation:
            case Activation.NONE:
                return y
            case Activation.RELU:
                return self.node("Relu", (y,), y.shape)
            case Activation.RELU6:
                bounds = (
                    self.constant("zero", np.float32(0)),
                    self.constant("six", np.float32(6)),
                )
                return self.node("Clip", (y, *bounds), y.shape)
            case Activation.HARD_SWISH:
                return self.node("HardSwish", (y,), y.shape)
            case Activation.HARD_SIGMOID:
                return self.node("HardSigmoid", (y,), y.shape, alpha=1 / 6, beta=0.5)
            case Activation.SILU:
                return self.multiply(y, self.node("Sigmoid", (y,), y.shape))


def write_onnx(
    path: Path,
    network: Callable[[Layers, Node], Any],
    weights: Mapping[str, np.ndarray],
    *,
    size: int,
    head: Callable[[OnnxNetwork, Any], Mapping[str, Node]],
) -> None:
    """Write a network of RGB pictures (N, 3, size, size) as a float ONNX file.

    Args:
        path: The file.
        network: What was trained.
        weights: Its weights and running averages, by name.
        size: Of a picture.
        head: What follows the network on the device only: the outputs by the names they get.
    """
    made = OnnxNetwork(weights)
    outputs = head(made, network(made, Node("image", (3, size, size))))
    names = {value.name: name for name, value in outputs.items()}
    for node in made.nodes:
        node.output[0] = names.get(node.output[0], node.output[0])
    graph = helper.make_graph(
        made.nodes,
        path.stem,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        made.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    print(f"{path.name}: {path.stat().st_size} bytes")
