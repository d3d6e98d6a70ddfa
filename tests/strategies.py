"""Hypothesis strategies: scales, QuantParams, legal graphs of one operation each."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from quantize.ir.graph import Array, DType, IntGraph, Profile, QuantParams, TensorType
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
    Padding,
    PadFill,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from quantize.ir.shapes import infer_shape, same_padding
from quantize.ir.spec import (
    L2_OUTPUT,
    LOG_SOFTMAX_OUTPUT,
    LOGISTIC_OUTPUT,
    SOFTMAX_OUTPUT,
    TANH_OUTPUT,
)
from tests.models import float32, int8, int_graph, weights
from tests.moving_strategies import MOVING_GRAPHS
from tests.transpose_conv_strategies import transpose_conv_graphs

Pair = tuple[int, int]

# The profiles that runtimes of others compute; `single` is a build of ours.
OUTSIDE = (Profile.TFLM, Profile.LITERT)


def scales(low: float = 2**-10, high: float = 4.0) -> st.SearchStrategy[float]:
    """Return positive floats that are exactly float32."""
    return st.floats(low, high, width=32)


def activation_quants(low: float = 2**-10, high: float = 4.0) -> st.SearchStrategy[QuantParams]:
    """Return per-tensor int8 parameters."""
    zero_points = st.integers(-128, 127)
    return st.builds(lambda s, z: QuantParams((s,), z), scales(low, high), zero_points)


def generators() -> st.SearchStrategy[np.random.Generator]:
    """Return seeded generators, for arrays whose values are of no interest to shrinking."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


_activations = st.sampled_from(Activation)
_small = st.integers(1, 4)
_pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
_image_shapes = st.tuples(st.just(1), st.integers(3, 9), st.integers(3, 9), st.integers(1, 5))


@st.composite
def _windows(
    draw: st.DrawFn, image: tuple[int, ...], *, dilated: bool = True
) -> tuple[Pair, Pair, Pair, Padding]:
    """Draw kernel, stride, dilation, padding that fit into the image."""
    kernel = draw(st.tuples(st.integers(1, min(4, image[1])), st.integers(1, min(4, image[2]))))
    stride = draw(_pairs)
    dilation = draw(_pairs) if dilated else (1, 1)
    same = same_padding((image[1], image[2]), kernel, stride, dilation)
    fits = all((kernel[i] - 1) * dilation[i] < image[i + 1] for i in (0, 1))
    return kernel, stride, dilation, draw(st.sampled_from([Padding(), same])) if fits else same


@st.composite
def conv_graphs(draw: st.DrawFn) -> IntGraph:
    image = draw(_image_shapes)
    kernel, stride, dilation, padding = draw(_windows(image))
    shape = (draw(st.integers(1, 6)), *kernel, image[3])
    has_bias, activation = draw(st.booleans()), draw(_activations)
    operation = Conv2D(
        "x", "w", "b" if has_bias else None, "y", stride, dilation, padding, activation
    )
    return draw(_weighted(operation, image, shape, 0))


@st.composite
def depthwise_graphs(draw: st.DrawFn) -> IntGraph:
    image = draw(_image_shapes)
    kernel, (step, _), dilation, padding = draw(_windows(image))
    same = same_padding((image[1], image[2]), kernel, (step, step), dilation)
    padding = Padding() if padding == Padding() else same
    shape = (1, *kernel, image[3] * draw(st.integers(1, 3)))
    has_bias, activation = draw(st.booleans()), draw(_activations)
    operation = DepthwiseConv2D(
        "x", "w", "b" if has_bias else None, "y", (step, step), dilation, padding, activation
    )
    return draw(_weighted(operation, image, shape, 3))


@st.composite
def fully_connected_graphs(draw: st.DrawFn) -> IntGraph:
    rest = draw(st.lists(_small, min_size=1, max_size=3))
    shape = (draw(st.integers(1, 6)), int(np.prod(rest)))
    has_bias, activation = draw(st.booleans()), draw(_activations)
    operation = FullyConnected("x", "w", "b" if has_bias else None, "y", activation)
    return draw(_weighted(operation, (1, *rest), shape, 0))


@st.composite
def _weighted(
    draw: st.DrawFn,
    operation: Conv2D | DepthwiseConv2D | FullyConnected,
    image: tuple[int, ...],
    shape: tuple[int, ...],
    axis: int,
) -> IntGraph:
    """Draw scales and values; the output's scale is near what the accumulator spans."""
    x = draw(activation_quants(2**-8, 1.0))
    is_per_channel = draw(st.booleans())
    drawn = weights(
        shape,
        draw(generators()),
        input_scale=x.scale[0],
        axis=axis if is_per_channel else None,
    )
    kind, values, bias_kind, bias = drawn if is_per_channel else _per_tensor(drawn, shape[axis])
    assert kind.quant is not None
    spread = x.scale[0] * kind.quant.scale[0] * 70 * np.sqrt(values.size / shape[axis])
    y = QuantParams((float32(spread * draw(st.floats(0.1, 4.0))),), draw(st.integers(-128, 127)))
    tensors = {"x": int8(image, x), "w": kind}
    constants = {"w": values}
    if operation.bias is not None:
        tensors["b"], constants["b"] = bias_kind, bias
    return _finished(operation, tensors, constants, y, draw(st.sampled_from(OUTSIDE)))


def _per_tensor(
    drawn: tuple[TensorType, Array, TensorType, Array], channels: int
) -> tuple[TensorType, Array, TensorType, Array]:
    """Stretch the bias to `channels`, which a weight without an axis cannot know (depthwise)."""
    kind, values, bias_kind, bias = drawn
    stretched = np.resize(bias, channels)
    return kind, values, TensorType((channels,), DType.INT32, bias_kind.quant), stretched


def _finished(
    operation: Operation,
    tensors: dict[str, TensorType],
    constants: dict[str, Array],
    output: QuantParams,
    profile: Profile = Profile.TFLM,
    declared: tuple[int, ...] | None = None,
) -> IntGraph:
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    tensors["y"] = int8(infer_shape(operation, shapes, declared), output)
    return int_graph([operation], tensors, constants, ["y"], profile)


@st.composite
def elementwise_graphs(draw: st.DrawFn, kind: type[Add] | type[Sub] | type[Mul]) -> IntGraph:
    """Draw two tensors of one shape, or one that broadcasts; the right may be constant."""
    shape = draw(_image_shapes)
    other = draw(st.sampled_from([shape, (1, 1, 1, shape[3]), (1, 1, 1, 1)]))
    left, right = draw(activation_quants()), draw(activation_quants())
    if kind is not Mul:
        typical = max(left.scale[0], right.scale[0])
    else:
        typical = left.scale[0] * right.scale[0] * 64
    scale = float32(typical * draw(st.floats(0.25, 4.0)))
    y = QuantParams((scale,), draw(st.integers(-128, 127)))
    tensors = {"a": int8(shape, left), "b": int8(other, right)}
    constants: dict[str, Array] = {}
    if draw(st.booleans()):
        constants["b"] = draw(generators()).integers(-128, 128, other).astype(np.int8)
    return _finished(kind("a", "b", "y", draw(_activations)), tensors, constants, y)


@st.composite
def extremum_graphs(draw: st.DrawFn, kind: type[Minimum] | type[Maximum]) -> IntGraph:
    """Draw two tensors in one scale, of one shape or broadcasting; the right may be constant."""
    shape, quant = draw(_image_shapes), draw(activation_quants())
    other = draw(st.sampled_from([shape, (1, 1, 1, shape[3]), (1, shape[1], 1, 1), (1, 1, 1, 1)]))
    tensors = {"a": int8(shape, quant), "b": int8(other, quant)}
    constants: dict[str, Array] = {}
    if draw(st.booleans()):
        constants["b"] = draw(generators()).integers(-128, 128, other).astype(np.int8)
    return _finished(kind("a", "b", "y"), tensors, constants, quant)


@st.composite
def hard_swish_graphs(draw: st.DrawFn) -> IntGraph:
    """Draw scales about as far from each other as a trained net's are."""
    x = draw(activation_quants(2**-12, 1.0))
    ratio = draw(st.floats(0.3, 60.0))
    y = QuantParams((float32(x.scale[0] / ratio),), draw(st.integers(-128, 127)))
    return _finished(HardSwish("x", "y"), {"x": int8((1, 64), x)}, {}, y)


@st.composite
def leaky_relu_graphs(draw: st.DrawFn) -> IntGraph:
    x, y = draw(activation_quants(2**-8, 1.0)), draw(activation_quants(2**-8, 1.0))
    alpha = draw(scales(2**-10, 2.0))
    return _finished(LeakyRelu("x", "y", alpha), {"x": int8((1, 4, 4, 3), x)}, {}, y)


@st.composite
def prelu_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(_image_shapes)
    slope = draw(st.sampled_from([shape, (1, 1, shape[3]), (1, 1, 1)]))
    x, y = draw(activation_quants(2**-8, 1.0)), draw(activation_quants(2**-8, 1.0))
    tensors = {"x": int8(shape, x), "s": int8(slope, draw(activation_quants(2**-10, 2**-6)))}
    constants = {"s": draw(generators()).integers(-128, 128, slope).astype(np.int8)}
    return _finished(Prelu("x", "s", "y"), tensors, constants, y)


@st.composite
def pool_graphs(draw: st.DrawFn, kind: type[AveragePool2D] | type[MaxPool2D]) -> IntGraph:
    image = draw(_image_shapes)
    kernel, stride, _, padding = draw(_windows(image, dilated=False))
    quant = draw(activation_quants())
    operation = kind("x", "y", kernel, stride, padding, draw(_activations))
    return _finished(operation, {"x": int8(image, quant)}, {}, quant)


@st.composite
def mean_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(st.sampled_from([(1, 7, 5, 3), (1, 4, 4, 2), (1, 1, 9, 4), (1, 6, 5)]))
    axes = draw(
        st.lists(st.integers(1, len(shape) - 1), min_size=1, unique=True).filter(
            lambda drawn: len(drawn) < len(shape)
        )
    )
    x, y = draw(activation_quants(2**-6, 1.0)), draw(activation_quants(2**-6, 1.0))
    operation = Mean("x", "y", tuple(sorted(axes)), draw(st.booleans()))
    return _finished(operation, {"x": int8(shape, x)}, {}, y)


@st.composite
def pad_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(st.sampled_from([(1, 4), (1, 3, 2), (1, 3, 4, 2)]))
    pair = st.tuples(st.integers(0, 3), st.integers(0, 3))
    amounts = ((0, 0), *(draw(pair) for _ in shape[1:]))
    quant = draw(activation_quants())
    is_one = quant.zero_point == -128  # real 0 is the lowest value: both fills are the same file
    fill = PadFill.ZERO if is_one else draw(st.sampled_from(PadFill))
    operation = Pad("x", "y", amounts, fill)
    return _finished(operation, {"x": int8(shape, quant)}, {}, quant)


@st.composite
def reshape_graphs(draw: st.DrawFn) -> IntGraph:
    quant = draw(activation_quants())
    declared = draw(st.sampled_from([(1, 24), (1, 6, 4), (1, 1, 8, 3), (1, 2, 3, 4)]))
    tensors = {"x": int8((1, 4, 3, 2), quant)}
    return _finished(Reshape("x", "y"), tensors, {}, quant, declared=declared)


@st.composite
def transpose_graphs(draw: st.DrawFn) -> IntGraph:
    quant = draw(activation_quants())
    shape = draw(st.sampled_from([(1, 4, 3), (1, 4, 3, 2), (1, 2, 3, 2, 2)]))
    permutation = (0, *draw(st.permutations(range(1, len(shape)))))
    return _finished(Transpose("x", "y", permutation), {"x": int8(shape, quant)}, {}, quant)


@st.composite
def concat_graphs(draw: st.DrawFn) -> IntGraph:
    quant, axis = draw(activation_quants()), draw(st.integers(1, 3))
    sizes = draw(st.lists(_small, min_size=2, max_size=4))
    shapes = [tuple(size if i == axis else n for i, n in enumerate((1, 3, 2, 4))) for size in sizes]
    tensors = {f"x{i}": int8(shape, quant) for i, shape in enumerate(shapes)}
    return _finished(Concat(tuple(tensors), "y", axis), tensors, {}, quant)


@st.composite
def softmax_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(st.sampled_from([(1, 2), (1, 12), (1, 3, 4), (1, 2, 2, 7)]))
    beta = draw(st.sampled_from([1.0, 0.5, 2.0, float32(0.3)]))
    tensors = {"x": int8(shape, draw(activation_quants()))}
    return _finished(Softmax("x", "y", beta), tensors, {}, SOFTMAX_OUTPUT)


@st.composite
def row_graphs(draw: st.DrawFn, kind: type[LogSoftmax] | type[L2Normalization]) -> IntGraph:
    shape = draw(st.sampled_from([(1, 2), (1, 12), (1, 3, 4), (1, 2, 2, 7), (1, 300)]))
    x = draw(activation_quants(2**-12, 1.0))
    output = LOG_SOFTMAX_OUTPUT if kind is LogSoftmax else L2_OUTPUT
    return _finished(kind("x", "y"), {"x": int8(shape, x)}, {}, output)


@st.composite
def curve_graphs(draw: st.DrawFn, kind: type[Logistic] | type[Tanh]) -> IntGraph:
    output = LOGISTIC_OUTPUT if kind is Logistic else TANH_OUTPUT
    tensors = {"x": int8((1, 64), draw(activation_quants(2**-12, 1.0)))}
    return _finished(kind("x", "y"), tensors, {}, output)


@st.composite
def activate_graphs(draw: st.DrawFn, activation: Activation) -> IntGraph:
    x = draw(activation_quants(2**-8, 1.0))
    y = x if activation is Activation.RELU6 else draw(activation_quants(2**-8, 1.0))
    return _finished(Activate("x", "y", activation), {"x": int8((1, 64), x)}, {}, y)


@st.composite
def arg_max_graphs(draw: st.DrawFn) -> IntGraph:
    shape = draw(st.sampled_from([(1, 2), (1, 300), (1, 3, 4), (1, 4, 3, 5)]))  # 300: many ties
    tensors = {
        "x": int8(shape, draw(activation_quants())),
        "y": TensorType(shape[:-1], DType.INT32),
    }
    return int_graph([ArgMax("x", "y")], tensors, {}, ["y"], draw(st.sampled_from(OUTSIDE)))


@st.composite
def quantize_graphs(draw: st.DrawFn) -> IntGraph:
    x, y = draw(activation_quants()), draw(activation_quants())
    return _finished(Quantize("x", "y"), {"x": int8((1, 64), x)}, {}, y)


SINGLE_OPERATION_GRAPHS: dict[str, Callable[[], st.SearchStrategy[IntGraph]]] = {
    "conv": conv_graphs,
    "depthwise": depthwise_graphs,
    "transpose conv": transpose_conv_graphs,
    "fully connected": fully_connected_graphs,
    "add": lambda: elementwise_graphs(Add),
    "mul": lambda: elementwise_graphs(Mul),
    "sub": lambda: elementwise_graphs(Sub),
    "minimum": lambda: extremum_graphs(Minimum),
    "maximum": lambda: extremum_graphs(Maximum),
    "hard swish": hard_swish_graphs,
    "leaky relu": leaky_relu_graphs,
    "prelu": prelu_graphs,
    "average pool": lambda: pool_graphs(AveragePool2D),
    "max pool": lambda: pool_graphs(MaxPool2D),
    "mean": mean_graphs,
    "pad": pad_graphs,
    "reshape": reshape_graphs,
    "transpose": transpose_graphs,
    "concat": concat_graphs,
    **MOVING_GRAPHS,
    "softmax": softmax_graphs,
    "log softmax": lambda: row_graphs(LogSoftmax),
    "l2 normalization": lambda: row_graphs(L2Normalization),
    "logistic": lambda: curve_graphs(Logistic),
    "tanh": lambda: curve_graphs(Tanh),
    "relu": lambda: activate_graphs(Activation.RELU),
    "relu6": lambda: activate_graphs(Activation.RELU6),
    "arg max": arg_max_graphs,
    "quantize": quantize_graphs,
}


def single_operation_graphs() -> st.SearchStrategy[IntGraph]:
    """Return legal graphs of one operation of any kind."""
    return st.one_of([make() for make in SINGLE_OPERATION_GRAPHS.values()])
