"""Builders of small legal integer graphs: one for every operation that C can say."""

from dataclasses import dataclass, field

import numpy as np

from quantize.ir.graph import Array, DType, Graph, IntGraph, QuantParams, TensorType
from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeMode,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    ArgMax,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    PadFill,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2D,
)
from quantize.ir.shapes import infer_shape, same_padding
from quantize.ir.spec import (
    L2_OUTPUT,
    LOG_SOFTMAX_OUTPUT,
    LOGISTIC_OUTPUT,
    SOFTMAX_OUTPUT,
    TANH_OUTPUT,
    check_integer,
)


def quant(scale: float, zero_point: int = 0) -> QuantParams:
    return QuantParams((float(np.float32(scale)),), zero_point)


X = quant(0.05, -3)
Y = quant(0.11, 7)


@dataclass(slots=True)
class Builder:
    """Puts a graph together, one tensor or operation a call."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    tensors: dict[str, TensorType] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    def input(self, name: str, shape: tuple[int, ...], params: QuantParams = X) -> str:
        self.tensors[name] = TensorType(shape, DType.INT8, params)
        self.inputs.append(name)
        return name

    def constant(self, name: str, values: Array, params: QuantParams) -> str:
        self.tensors[name] = TensorType(values.shape, DType(str(values.dtype)), params)
        self.constants[name] = values
        return name

    def weight(self, name: str, shape: tuple[int, ...], axis: int | None) -> str:
        values = self.rng.integers(-127, 128, shape, np.int8)
        channels = 1 if axis is None else shape[axis]
        scales = (0.004 + 0.001 * self.rng.random(channels)).astype(np.float32)
        params = QuantParams(tuple(float(scale) for scale in scales), 0, axis)
        return self.constant(name, values, params)

    def bias(self, name: str, weight: str, source: str, count: int) -> str:
        per_channel, x = self.tensors[weight].quant, self.tensors[source].quant
        assert per_channel is not None
        assert x is not None
        scale = tuple(float(np.float32(s) * np.float32(x.scale[0])) for s in per_channel.scale)
        axis = None if per_channel.axis is None else 0
        values = self.rng.integers(-3000, 3000, count).astype(np.int32)
        return self.constant(name, values, QuantParams(scale, 0, axis))

    def add(
        self, operation: Operation, params: QuantParams = Y, shape: tuple[int, ...] | None = None
    ) -> str:
        shapes = {name: tensor.shape for name, tensor in self.tensors.items()}
        inferred = infer_shape(operation, shapes, shape)
        self.tensors[operation.output] = TensorType(inferred, DType.INT8, params)
        self.operations.append(operation)
        return operation.output

    def build(self, *outputs: str, name: str = "small") -> IntGraph:
        graph = Graph(
            name,
            tuple(self.inputs),
            outputs,
            self.tensors,
            self.constants,
            tuple(self.operations),
        )
        return check_integer(graph)


def conv_graph(
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    *,
    is_depthwise: bool = False,
    is_per_channel: bool = True,
    has_bias: bool = True,
    is_same: bool = True,
    channels: tuple[int, int] = (3, 6),
) -> IntGraph:
    b = Builder()
    b.input("x", (1, 9, 8, channels[0]))
    shape = (1, *kernel, channels[1]) if is_depthwise else (channels[1], *kernel, channels[0])
    axis = 3 if is_depthwise else 0
    b.weight("w", shape, axis if is_per_channel else None)
    if has_bias:
        b.bias("b", "w", "x", channels[1])
    bias = "b" if has_bias else None
    padding = same_padding((9, 8), kernel, stride, dilation)
    kind = DepthwiseConv2D if is_depthwise else Conv2D
    operation = kind("x", "w", bias, "y", stride, dilation, activation=Activation.RELU)
    if is_same:
        operation = kind("x", "w", bias, "y", stride, dilation, padding, Activation.RELU6)
    return b.build(b.add(operation))


def transpose_conv_graph(
    kernel: tuple[int, int],
    size: tuple[int, int],
    crop: tuple[int, int] = (0, 0),
    *,
    is_per_channel: bool = True,
    has_bias: bool = True,
) -> IntGraph:
    b = Builder()
    b.input("x", (1, 4, 3, 5))
    b.weight("w", (6, *kernel, 5), 0 if is_per_channel else None)
    if has_bias:
        b.bias("b", "w", "x", 6)
    bias = "b" if has_bias else None
    return b.build(b.add(TransposeConv2D("x", "w", bias, "y", (2, 2), crop, size, Activation.RELU)))


def dense_graph(*, is_per_channel: bool = True, has_bias: bool = True) -> IntGraph:
    b = Builder()
    b.input("x", (1, 2, 5))
    b.weight("w", (7, 10), 0 if is_per_channel else None)
    if has_bias:
        b.bias("b", "w", "x", 7)
    return b.build(b.add(FullyConnected("x", "w", "b" if has_bias else None, "y")))


def one_operation(
    operation: Operation,
    shape: tuple[int, ...] = (1, 6, 5, 4),
    params: QuantParams = X,
    declared: tuple[int, ...] | None = None,
) -> IntGraph:
    b = Builder()
    b.input("x", shape)
    return b.build(b.add(operation, params, declared))


def two_inputs(operation: Operation, left: tuple[int, ...], right: tuple[int, ...]) -> IntGraph:
    b = Builder()
    b.input("a", left, X)
    keeps_scale = isinstance(operation, Concat | Minimum | Maximum)
    b.input("b", right, X if keeps_scale else quant(0.08, 11))
    return b.build(b.add(operation, X if keeps_scale else Y))


def with_constant(operation: Operation, shape: tuple[int, ...]) -> IntGraph:
    keeps_scale = isinstance(operation, Minimum | Maximum)
    b = Builder()
    b.input("a", (1, 4, 3, 5), X)
    values = b.rng.integers(-128, 128, shape, np.int8)
    b.constant("b", values, X if keeps_scale else quant(0.02, 5))
    return b.build(b.add(operation, X if keeps_scale else Y))


def residual_graph() -> IntGraph:
    """A net in the manner of ResNet: conv, conv, add over a dying input, pool, reshape, dense."""
    b = Builder()
    x = b.input("x", (1, 8, 8, 3))
    first = _conv(b, x, "c1", 8)
    second = _conv(b, _conv(b, first, "c2", 8), "c3", 8)
    total = b.add(Add(first, second, "sum", Activation.RELU), Y)
    pooled = b.add(AveragePool2D(total, "pool", (8, 8), (8, 8)), Y)
    flat = b.add(Reshape(pooled, "flat"), Y, (1, 8))
    b.weight("dw", (4, 8), None)
    b.bias("db", "dw", flat, 4)
    logits = b.add(FullyConnected(flat, "dw", "db", "logits"), quant(0.2, 4))
    return b.build(b.add(Softmax(logits, "probabilities"), SOFTMAX_OUTPUT), name="residual")


def squeeze_excite_graph() -> IntGraph:
    """A block in the manner of MobileNetV3, with the rest of what bends at 0 behind it."""
    b = Builder()
    x = b.input("x", (1, 8, 8, 3))
    swish = b.add(HardSwish(_conv(b, x, "c1", 8), "swish"), quant(0.04, -120))
    squeezed = b.add(Mean(swish, "squeezed", (1, 2), keep_dims=True), quant(0.02, -120))
    b.constant("three", np.array([[[[120]]]], np.int8), quant(3 / 120))
    raised = b.add(Add(squeezed, "three", "raised", Activation.RELU6), quant(6 / 255, -128))
    b.constant("sixth", np.array([[[[127]]]], np.int8), quant(1 / 6 / 127))
    gate = b.add(Mul(raised, "sixth", "gate"), quant(1 / 255, -128))
    excited = b.add(Mul(swish, gate, "excited"), quant(0.03, -120))
    leaky = b.add(LeakyRelu(_conv(b, excited, "c2", 8), "leaky", 0.125), quant(0.05, -40))
    b.constant("slope", b.rng.integers(-128, 128, (1, 1, 8), np.int8), quant(0.01, 3))
    bent = b.add(Prelu(leaky, "slope", "bent"), quant(0.04, -30))
    apart = b.add(Sub(bent, leaky, "apart"), X)
    b.constant("low", np.array([[[[-60]]]], np.int8), X)
    b.constant("high", np.array([[[[60]]]], np.int8), X)
    bounded = b.add(Maximum(apart, "low", "bounded"), X)
    least = b.add(Minimum(bounded, "high", "least"), X)
    length_1 = b.add(L2Normalization(least, "length_1"), L2_OUTPUT)
    return b.build(b.add(LogSoftmax(length_1, "y"), LOG_SOFTMAX_OUTPUT), name="squeeze_excite")


def _conv(b: Builder, source: str, name: str, channels: int) -> str:
    shape = b.tensors[source].shape
    b.weight(f"{name}_w", (channels, 3, 3, shape[3]), 0)
    b.bias(f"{name}_b", f"{name}_w", source, channels)
    padding = same_padding((shape[1], shape[2]), (3, 3), (1, 1), (1, 1))
    return b.add(Conv2D(source, f"{name}_w", f"{name}_b", name, padding=padding), Y)


def decoder_graph() -> IntGraph:
    """A net in the manner of a U-Net's decoder, with the focus of a detector in front."""
    b = Builder()
    x = b.input("x", (1, 8, 8, 2))
    small = b.add(SpaceToDepth(x, "small", 2), X)
    b.weight("w", (4, 2, 2, 8), 0)
    b.bias("b", "w", small, 4)
    up = b.add(TransposeConv2D(small, "w", "b", "up", (2, 2), (0, 0), (8, 8)), X)
    smooth = b.add(ResizeBilinear(small, "smooth", (8, 8), ResizeMode.HALF_PIXEL), X)
    some = b.add(Gather(smooth, "some", 3, (7, 0, 3)), X)
    near = b.add(ResizeNearest(small, "near", (8, 8), ResizeMode.ASYMMETRIC), X)
    part = b.add(Slice(near, "part", (0, 7, 0, 2), (1, 8, 8, 4), (1, -1, 1, 1)), X)
    joined = b.add(Concat((up, some, part), "joined", 3), X)
    shuffled = b.add(DepthToSpace(b.add(Pad(joined, "pad", _ONE_CHANNEL), X), "shuffled", 2), X)
    return b.build(shuffled, name="decoder")


_ONE_CHANNEL = ((0, 0), (0, 0), (0, 0), (0, 1))


def index_graph() -> IntGraph:
    """Scores of a 1x1 convolution, as a segmentation has them, and the index of the greatest."""
    b = Builder()
    x = b.input("x", (1, 5, 7, 2))
    b.weight("w", (3, 1, 1, 2), 0)
    b.bias("b", "w", x, 3)
    scores = b.add(Conv2D(x, "w", "b", "scores"), Y)
    b.tensors["best"] = TensorType((1, 5, 7), DType.INT32)
    b.operations.append(ArgMax(scores, "best"))
    return b.build(scores, "best", name="index")


def two_headed_graph() -> IntGraph:
    """Two inputs, two outputs: the sum and its clamp, which reads what is an output."""
    b = Builder()
    left, right = b.input("left in", (1, 3, 2), X), b.input("2nd*/in", (1, 3, 2), Y)
    total = b.add(Add(left, right, "sum"), quant(0.2, -5))
    return b.build(total, b.add(Activate(total, "clamp", Activation.RELU), quant(0.1, -128)))


EVERY_OPERATION: dict[str, IntGraph] = {
    "conv_same": conv_graph(),
    "conv_valid_stride": conv_graph((2, 3), (2, 1), is_same=False, has_bias=False),
    "conv_dilated": conv_graph((3, 2), dilation=(2, 3), is_per_channel=False),
    "conv_1x1": conv_graph((1, 1), channels=(4, 8)),
    "conv_1x1_stride": conv_graph((1, 1), (2, 2), channels=(5, 3)),
    "depthwise_same": conv_graph(is_depthwise=True, channels=(4, 4)),
    "depthwise_multiplier": conv_graph((2, 3), (2, 2), is_depthwise=True, channels=(3, 6)),
    "depthwise_dilated": conv_graph((2, 2), dilation=(2, 2), is_depthwise=True, has_bias=False),
    "depthwise_tensor": conv_graph(is_depthwise=True, is_per_channel=False, channels=(4, 4)),
    "transpose_conv": transpose_conv_graph((2, 2), (8, 6)),
    "transpose_conv_same": transpose_conv_graph((4, 4), (8, 6), (1, 1), has_bias=False),
    "transpose_conv_behind": transpose_conv_graph((3, 1), (10, 6), is_per_channel=False),
    "dense": dense_graph(),
    "dense_tensor": dense_graph(is_per_channel=False),
    "dense_no_bias": dense_graph(has_bias=False),
    "arg_max": index_graph(),
    "add": two_inputs(Add("a", "b", "y", Activation.RELU), (1, 4, 3, 5), (1, 4, 3, 5)),
    "add_broadcast": two_inputs(Add("a", "b", "y"), (1, 4, 1, 5), (1, 1, 3, 5)),
    "add_constant": with_constant(Add("a", "b", "y"), (5,)),
    "mul": two_inputs(Mul("a", "b", "y", Activation.RELU6), (1, 4, 3, 5), (1, 4, 3, 5)),
    "mul_broadcast": two_inputs(Mul("a", "b", "y"), (1, 4, 3, 5), (1, 1, 1, 5)),
    "mul_constant": with_constant(Mul("a", "b", "y"), (1, 1, 1, 1)),
    "sub": two_inputs(Sub("a", "b", "y", Activation.RELU), (1, 4, 3, 5), (1, 4, 3, 5)),
    "sub_broadcast": two_inputs(Sub("a", "b", "y"), (1, 1, 3, 5), (1, 4, 3, 1)),
    "sub_constant": with_constant(Sub("b", "a", "y"), (5,)),
    "minimum": two_inputs(Minimum("a", "b", "y"), (1, 4, 3, 5), (1, 4, 3, 5)),
    "minimum_constant": with_constant(Minimum("a", "b", "y"), (1, 1, 1, 1)),
    "maximum_broadcast": two_inputs(Maximum("a", "b", "y"), (1, 4, 3, 5), (1, 1, 1, 5)),
    "hard_swish": one_operation(HardSwish("x", "y"), params=Y),
    "leaky_relu": one_operation(LeakyRelu("x", "y", 0.125), params=Y),
    "prelu": with_constant(Prelu("a", "b", "y"), (1, 1, 5)),
    "prelu_full": with_constant(Prelu("a", "b", "y"), (4, 3, 5)),
    "average_pool": one_operation(AveragePool2D("x", "y", (2, 3), (2, 2))),
    "average_pool_same": one_operation(
        AveragePool2D("x", "y", (3, 3), (2, 2), same_padding((6, 5), (3, 3), (2, 2), (1, 1)))
    ),
    "max_pool": one_operation(MaxPool2D("x", "y", (2, 2), (2, 1), activation=Activation.RELU)),
    "max_pool_same": one_operation(
        MaxPool2D("x", "y", (3, 3), (2, 2), same_padding((6, 5), (3, 3), (2, 2), (1, 1)))
    ),
    "mean": one_operation(Mean("x", "y", (1, 2)), params=Y),
    "mean_last": one_operation(Mean("x", "y", (3,), keep_dims=True), params=Y),
    "mean_split": one_operation(Mean("x", "y", (1, 3)), params=Y),
    "pad": one_operation(Pad("x", "y", ((0, 0), (1, 2), (0, 3), (2, 1)))),
    "pad_lowest": one_operation(Pad("x", "y", ((0, 0), (1, 1), (1, 1), (0, 0)), PadFill.LOWEST)),
    "pad_rank_2": one_operation(Pad("x", "y", ((0, 0), (2, 3))), (1, 5)),
    "reshape": one_operation(Reshape("x", "y"), declared=(1, 24, 5)),
    "transpose": one_operation(Transpose("x", "y", (0, 3, 1, 2))),
    "transpose_rank_3": one_operation(Transpose("x", "y", (0, 2, 1)), (1, 4, 7)),
    "concat_channels": two_inputs(Concat(("a", "b", "a"), "y", 3), (1, 4, 3, 5), (1, 4, 3, 2)),
    "concat_rows": two_inputs(Concat(("a", "b"), "y", 1), (1, 4, 3), (1, 2, 3)),
    "slice": one_operation(Slice("x", "y", (0, 1, 4, 0), (1, 3, 3, 4), (1, 2, -2, 1))),
    "slice_channels": one_operation(Slice("x", "y", (0, 0, 0, 1), (1, 6, 5, 2), (1, 1, 1, 1))),
    "gather": one_operation(Gather("x", "y", 2, (4, 0, 0, 3))),
    "gather_channels": one_operation(Gather("x", "y", 3, (3, 1, 2))),
    "resize_nearest": one_operation(ResizeNearest("x", "y", (12, 10), ResizeMode.ASYMMETRIC)),
    "resize_nearest_down": one_operation(ResizeNearest("x", "y", (3, 2), ResizeMode.HALF_PIXEL)),
    "resize_bilinear": one_operation(ResizeBilinear("x", "y", (12, 10), ResizeMode.HALF_PIXEL)),
    "resize_bilinear_corners": one_operation(
        ResizeBilinear("x", "y", (11, 4), ResizeMode.ALIGN_CORNERS)
    ),
    "space_to_depth": one_operation(SpaceToDepth("x", "y", 2), (1, 4, 6, 3)),
    "depth_to_space": one_operation(DepthToSpace("x", "y", 2), (1, 4, 3, 8)),
    "softmax": one_operation(Softmax("x", "y"), (1, 10), SOFTMAX_OUTPUT),
    "softmax_rows": one_operation(Softmax("x", "y", 0.5), (1, 4, 6), SOFTMAX_OUTPUT),
    "log_softmax": one_operation(LogSoftmax("x", "y"), (1, 4, 6), LOG_SOFTMAX_OUTPUT),
    "l2_normalization": one_operation(L2Normalization("x", "y"), (1, 4, 6), L2_OUTPUT),
    "logistic": one_operation(Logistic("x", "y"), params=LOGISTIC_OUTPUT),
    "tanh": one_operation(Tanh("x", "y"), params=TANH_OUTPUT),
    "relu": one_operation(Activate("x", "y", Activation.RELU), params=Y),
    "relu6": one_operation(Activate("x", "y", Activation.RELU6)),
    "quantize": one_operation(Quantize("x", "y"), params=Y),
    "residual": residual_graph(),
    "decoder": decoder_graph(),
    "squeeze_excite": squeeze_excite_graph(),
    "two_headed": two_headed_graph(),
}
