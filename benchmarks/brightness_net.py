"""A network that knows dark from bright, as costly as one likes: the answer's time can be measured.

Every convolution averages, with weights that differ a little, so that no runtime can skip one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("dark", "bright")
STEEPNESS = 20.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Side of the square input in pixels, channels and number of the 3 x 3 convolutions."""

    side: int
    channels: int
    layers: int


def write_net(path: Path, cost: Cost, rng: np.random.Generator) -> None:
    """Write the float ONNX file: (1, 3, side, side) in [0, 1] to probabilities of two classes."""
    nodes, weights, last, channels = [], [], "x", 3
    for layer in range(cost.layers):
        shape = (cost.channels, channels, 3, 3)
        kernel = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel / kernel[0].sum(), f"w{layer}"))
        conv = helper.make_node("Conv", [last, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1])
        nodes += [conv, helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"])]
        last, channels = f"r{layer}", cost.channels
    sign = np.repeat([[-1.0], [1.0]], channels, 1).astype(np.float32) * STEEPNESS / channels
    bias = np.array([STEEPNESS / 2, -STEEPNESS / 2], np.float32)
    weights += [numpy_helper.from_array(sign.T.copy(), "a"), numpy_helper.from_array(bias, "b")]
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "a", "b"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["y"], axis=1),
    ]
    size = (1, 3, cost.side, cost.side)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 2))]
    graph = helper.make_graph(nodes, "brightness", inputs, outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def write_samples(path: Path, cost: Cost, rng: np.random.Generator) -> None:
    """Write calibration images, from dark to bright."""
    levels = np.linspace(0.0, 1.0, 4, dtype=np.float32)[:, None, None, None]
    noise = rng.uniform(-0.1, 0.1, (4, 3, cost.side, cost.side)).astype(np.float32)
    np.savez(path, x=np.clip(levels + noise, 0.0, 1.0))
