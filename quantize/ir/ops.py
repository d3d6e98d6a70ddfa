"""Every operation a graph can hold: a closed union, one frozen dataclass each.

Tensors are named; an operation is named by its only output. Activations are channels-last with the
batch on axis 0 (its size is 1 in a graph, any number when a graph is executed). Weights are laid
out as TFLite lays them out: convolution OHWI, depthwise 1HWC, fully connected (out, in).
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeAlias, get_args

from quantize.ir.moving_ops import (
    DepthToSpace,
    Gather,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    SpaceToDepth,
)


class Activation(StrEnum):
    """A clamp that an operation applies to its own output."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"


class PadFill(StrEnum):
    """What a Pad puts around its input: real 0.0, or the least value (for a max pool behind it)."""

    ZERO = "zero"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True)
class Padding:
    """Rows and columns added around an image, in pixels."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Conv2D:
    """A convolution: (N, H, W, I) with weight (O, KH, KW, I), bias (O,) is (N, OH, OW, O)."""

    input: str
    weight: str
    bias: str | None
    output: str
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class DepthwiseConv2D:
    """A convolution per channel: weight (1, KH, KW, C*M), output channel c*M + m reads input c."""

    input: str
    weight: str
    bias: str | None
    output: str
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class TransposeConv2D:
    """The transpose of a convolution: (N, H, W, I) with weight (O, KH, KW, I) is (N, *size, O).

    Pixel (y, x) is spread by the weight over the window at (y, x) * stride - crop.
    """

    input: str
    weight: str
    bias: str | None
    output: str
    stride: tuple[int, int]
    crop: tuple[int, int]
    size: tuple[int, int]
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class FullyConnected:
    """A matrix product: (N, ...) flattened to (N, I), weight (O, I), bias (O,) is (N, O)."""

    input: str
    weight: str
    bias: str | None
    output: str
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Add:
    """The elementwise sum of two tensors that broadcast to one another."""

    left: str
    right: str
    output: str
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Mul:
    """The elementwise product of two tensors that broadcast to one another."""

    left: str
    right: str
    output: str
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Sub:
    """The elementwise difference left - right of two tensors that broadcast to one another."""

    left: str
    right: str
    output: str
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Minimum:
    """The lesser of each two elements of tensors that broadcast to one another."""

    left: str
    right: str
    output: str


@dataclass(frozen=True, slots=True)
class Maximum:
    """The greater of each two elements of tensors that broadcast to one another."""

    left: str
    right: str
    output: str


@dataclass(frozen=True, slots=True)
class AveragePool2D:
    """The mean of each window of (N, H, W, C); padded cells are not counted."""

    input: str
    output: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class MaxPool2D:
    """The greatest value of each window of (N, H, W, C); padded cells are not looked at."""

    input: str
    output: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over `axes` (sorted, none of them 0)."""

    input: str
    output: str
    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, slots=True)
class Pad:
    """`amounts` holds (before, after) of every axis; axis 0 is never padded."""

    input: str
    output: str
    amounts: tuple[tuple[int, int], ...]
    fill: PadFill = PadFill.ZERO


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same values in the shape that the output tensor declares (squeeze, flatten, too)."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Transpose:
    """Axis i of the output is axis `permutation[i]` of the input; permutation[0] is 0."""

    input: str
    output: str
    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """The inputs behind one another along `axis` (positive, not 0)."""

    inputs: tuple[str, ...]
    output: str
    axis: int


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(beta * x) over its sum along the last axis."""

    input: str
    output: str
    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class LogSoftmax:
    """x minus the logarithm of the sum of exp(x) along the last axis."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class L2Normalization:
    """x over the square root of the sum of its squares along the last axis."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Logistic:
    """1 / (1 + exp(-x))."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Tanh:
    """The hyperbolic tangent."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class HardSwish:
    """x * min(max(x + 3, 0), 6) / 6."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class LeakyRelu:
    """x where it is at least 0, else alpha * x; alpha is positive."""

    input: str
    output: str
    alpha: float


@dataclass(frozen=True, slots=True)
class Prelu:
    """x where it is at least 0, else slope * x; the constant slope broadcasts to the input."""

    input: str
    slope: str
    output: str


@dataclass(frozen=True, slots=True)
class Activate:
    """A clamp of its own (RELU, RELU6), for those that no producer could take in."""

    input: str
    output: str
    activation: Activation


@dataclass(frozen=True, slots=True)
class ArgMax:
    """Where the greatest along the last axis stands, the first of equals: int32 without scale.

    The last axis goes. The result is an index and no real, so that nothing but a model's output can
    be one, and no float graph has it.
    """

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Quantize:
    """The input in the output's scale and zero point: from float32, or from other integers."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Dequantize:
    """The real value of integers, as float32."""

    input: str
    output: str


Operation: TypeAlias = (
    Conv2D
    | DepthwiseConv2D
    | TransposeConv2D
    | FullyConnected
    | Add
    | Sub
    | Mul
    | Minimum
    | Maximum
    | AveragePool2D
    | MaxPool2D
    | Mean
    | Pad
    | Reshape
    | Transpose
    | Concat
    | Slice
    | Gather
    | ResizeNearest
    | ResizeBilinear
    | SpaceToDepth
    | DepthToSpace
    | Softmax
    | LogSoftmax
    | L2Normalization
    | Logistic
    | Tanh
    | HardSwish
    | LeakyRelu
    | Prelu
    | Activate
    | ArgMax
    | Quantize
    | Dequantize
)

Pair: TypeAlias = Add | Sub | Mul | Minimum | Maximum
"""Operations on two tensors that broadcast to one another."""

_TENSORS = frozenset({"input", "left", "right", "weight", "bias", "slope"})
_INPUT_FIELDS = {
    kind: [field.name for field in fields(kind) if field.name in _TENSORS]
    for kind in get_args(Operation)
}


def input_names(operation: Operation) -> tuple[str, ...]:
    """Return the tensors an operation reads, constants included, in the order of its fields."""
    if isinstance(operation, Concat):
        return operation.inputs
    values = [getattr(operation, name) for name in _INPUT_FIELDS[type(operation)]]
    return tuple(value for value in values if value is not None)


def rename_tensors(operation: Operation, names: dict[str, str]) -> Operation:
    """Return the operation with every tensor that `names` holds renamed, output included."""
    changes: dict[str, object] = {"output": names.get(operation.output, operation.output)}
    if isinstance(operation, Concat):
        changes["inputs"] = tuple(names.get(name, name) for name in operation.inputs)
    for field in _INPUT_FIELDS[type(operation)]:
        old = getattr(operation, field)
        changes[field] = names.get(old, old)
    return replace(operation, **changes)  # type: ignore[arg-type]  # fields of a union
