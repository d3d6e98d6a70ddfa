"""Builders of tiny graphs in code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from quantize.ir.graph import (
    Array,
    DType,
    FloatGraph,
    Graph,
    IntGraph,
    Profile,
    QuantParams,
    TensorType,
)
from quantize.ir.ops import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mean,
    Operation,
    Reshape,
    Softmax,
    input_names,
)
from quantize.ir.shapes import infer_shape, same_padding
from quantize.ir.spec import SOFTMAX_OUTPUT, check_float, check_integer


def float32(value: float) -> float:
    """Return the nearest float32, as a Python float: what a scale has to be."""
    return float(np.float32(value))


def quant(scale: float, zero_point: int = 0) -> QuantParams:
    return QuantParams((float32(scale),), zero_point)


def int8(shape: Sequence[int], params: QuantParams) -> TensorType:
    return TensorType(tuple(shape), DType.INT8, params)


def int_graph(
    operations: Sequence[Operation],
    tensors: Mapping[str, TensorType],
    constants: Mapping[str, Array],
    outputs: Sequence[str],
    profile: Profile = Profile.TFLM,
) -> IntGraph:
    """Return a checked graph; what no operation makes and is not constant is an input."""
    made = {operation.output for operation in operations}
    inputs = tuple(name for name in tensors if name not in made and name not in constants)
    graph = Graph("tiny", inputs, tuple(outputs), tensors, constants, tuple(operations))
    return check_integer(graph, profile)


def weights(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    input_scale: float,
    axis: int | None = 0,
) -> tuple[TensorType, Array, TensorType, Array]:
    """Return type and values of a random int8 weight, then of the int32 bias that belongs to it."""
    channels = shape[3 if len(shape) == 4 and axis == 3 else 0]
    count = 1 if axis is None else channels
    scales = tuple(float32(scale) for scale in rng.uniform(0.002, 0.02, count))
    bias_scales = tuple(float32(input_scale * scale) for scale in scales)
    values = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-2000, 2000, channels).astype(np.int32)
    return (
        TensorType(shape, DType.INT8, QuantParams(scales, 0, axis)),
        values,
        TensorType(
            (channels,), DType.INT32, QuantParams(bias_scales, 0, None if axis is None else 0)
        ),
        bias,
    )


def tiny_classifier(seed: int = 1, profile: Profile = Profile.TFLM) -> IntGraph:
    """Return conv, depthwise, residual add, mean, fully connected, softmax on an 8x8x3 image."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, TensorType] = {}
    constants: dict[str, Array] = {}

    def add_weights(name: str, shape: tuple[int, ...], input_scale: float, axis: int = 0) -> None:
        kind, values, bias_kind, bias = weights(shape, rng, input_scale=input_scale, axis=axis)
        tensors[f"{name}/weight"], constants[f"{name}/weight"] = kind, values
        tensors[f"{name}/bias"], constants[f"{name}/bias"] = bias_kind, bias

    tensors["image"] = int8((1, 8, 8, 3), quant(1 / 255, -128))
    tensors["conv"] = int8((1, 4, 4, 4), quant(0.05, -128))
    tensors["depthwise"] = int8((1, 4, 4, 4), quant(0.09, 3))
    tensors["sum"] = int8((1, 4, 4, 4), quant(0.1, -20))
    tensors["mean"] = int8((1, 4), quant(0.07, -5))
    tensors["logits"] = int8((1, 5), quant(0.06, 10))
    tensors["scores"] = int8((1, 5), SOFTMAX_OUTPUT)
    add_weights("conv", (4, 3, 3, 3), float32(1 / 255))
    add_weights("depthwise", (1, 3, 3, 4), float32(0.05), axis=3)
    add_weights("logits", (5, 4), float32(0.07))
    operations = (
        Conv2D(
            "image",
            "conv/weight",
            "conv/bias",
            "conv",
            stride=(2, 2),
            padding=same_padding((8, 8), (3, 3), (2, 2), (1, 1)),
            activation=Activation.RELU,
        ),
        DepthwiseConv2D(
            "conv",
            "depthwise/weight",
            "depthwise/bias",
            "depthwise",
            padding=same_padding((4, 4), (3, 3), (1, 1), (1, 1)),
        ),
        Add("conv", "depthwise", "sum"),
        Mean("sum", "mean", (1, 2)),
        FullyConnected("mean", "logits/weight", "logits/bias", "logits"),
        Softmax("logits", "scores"),
    )
    return int_graph(operations, tensors, constants, ("scores",), profile)


def tiny_float_classifier(seed: int = 1) -> FloatGraph:
    """Return conv, depthwise, reshape, fully connected, softmax on a 6x6x2 image, in float32."""
    rng = np.random.default_rng(seed)
    same = same_padding((6, 6), (3, 3), (2, 2), (1, 1))
    operations = (
        Conv2D("image", "w1", "b1", "conv", (2, 2), (1, 1), same, Activation.RELU6),
        DepthwiseConv2D("conv", "w2", None, "depthwise", activation=Activation.RELU),
        Reshape("depthwise", "flat"),
        FullyConnected("flat", "w3", "b3", "logits"),
        Softmax("logits", "scores"),
    )
    shapes = {"w1": (4, 3, 3, 2), "b1": (4,), "w2": (1, 2, 2, 4), "w3": (3, 16), "b3": (3,)}
    constants = {n: rng.normal(0, 0.5, s).astype(np.float32) for n, s in shapes.items()}
    return float_graph(operations, {"image": (1, 6, 6, 2)}, constants, declared={"flat": (1, 16)})


def float_graph(
    operations: Sequence[Operation],
    inputs: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, Array],
    *,
    declared: Mapping[str, tuple[int, ...]] | None = None,
) -> FloatGraph:
    """Return a checked float graph; shapes are inferred, `declared` holds those of reshapes.

    The outputs are what no operation reads.
    """
    shapes = {**inputs, **{name: values.shape for name, values in constants.items()}}
    for operation in operations:
        hint = (declared or {}).get(operation.output)
        shapes[operation.output] = infer_shape(operation, shapes, hint)
    read = {name for operation in operations for name in input_names(operation)}
    outputs = tuple(op.output for op in operations if op.output not in read)
    tensors = {name: TensorType(shape) for name, shape in shapes.items()}
    return check_float(
        Graph("tiny", tuple(inputs), outputs, tensors, dict(constants), tuple(operations))
    )


def with_profile(graph: IntGraph, profile: Profile) -> IntGraph:
    return replace(graph, profile=profile)


def random_inputs(graph: IntGraph, rng: np.random.Generator, count: int) -> dict[str, Array]:
    """Return `count` samples of every input, over all codes; floats are normal."""
    return {name: _random(graph.tensors[name], rng, count) for name in graph.inputs}


def _random(kind: TensorType, rng: np.random.Generator, count: int) -> Array:
    shape = (count, *kind.shape[1:])
    if kind.dtype is DType.FLOAT32:
        return rng.normal(0.0, 3.0, shape).astype(np.float32)
    limits = np.iinfo(kind.dtype.value)
    return rng.integers(limits.min, limits.max + 1, shape).astype(kind.dtype.value)
