"""What is fed: shapes with the batch fixed, and in which order an image's axes are stored."""

from collections.abc import Mapping, Sequence

import onnx

from quantize.errors import UnsupportedModelError
from quantize.load.onnx_layout import Shape, channels_last
from quantize.load.onnx_node import UnsupportedNodeError

FLOAT_TYPES = frozenset([onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16])
CHANNELS_FIRST_OPERATORS = frozenset(
    [
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "DepthToSpace",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "MaxPool",
        "Resize",
        "SpaceToDepth",
    ]
)
AXES_KEEPING_OPERATORS = frozenset(
    {
        "Add",
        "Cast",
        "Clip",
        "Concat",
        "Div",
        "Dropout",
        "Identity",
        "Mul",
        "Neg",
        "Pad",
        "Relu",
        "Sigmoid",
        "Slice",
        "Split",
        "Sub",
        "Tanh",
    }
)
COLOURS = frozenset([1, 3, 4])


def fix_inputs(model: onnx.ModelProto, name: str) -> dict[str, Shape]:
    """Return the shape of every input that is fed, after setting its batch to 1 in the model.

    Raises:
        UnsupportedModelError: An input is no float tensor with a batch and otherwise fixed sizes.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    shapes: dict[str, Shape] = {}
    problems = []
    for value in model.graph.input:
        if value.name in constants:
            continue
        try:
            shapes[value.name] = _fix(value)
        except UnsupportedNodeError as error:
            problems.append(f"input {value.name}: {error}")
    if problems or not shapes:
        raise UnsupportedModelError(name, problems or ["the model has no input"])
    return shapes


def stored_axes(graph: onnx.GraphProto, name: str, shape: Shape) -> tuple[int, ...]:
    """Return the order in which an input's axes, batch left out, are stored: channels last.

    The first operations that know what a channel is decide; where none does, 1, 3 or 4 rows in
    front of larger axes are taken for colours.
    """
    rank = len(shape)
    plain = tuple(range(1, rank))
    if rank not in {3, 4}:
        return plain
    channel = _channel_axis(graph, name, rank)
    if channel is None:
        looks_first = rank == 4 and shape[1] in COLOURS and min(shape[2:]) > max(COLOURS)
        channel = 1 if looks_first else rank - 1
    return channels_last(rank) if channel == 1 else plain


def _fix(value: onnx.ValueInfoProto) -> Shape:
    if value.type.WhichOneof("value") != "tensor_type":
        raise UnsupportedNodeError("is no tensor; only float32 tensors can be fed")
    tensor = value.type.tensor_type
    if tensor.elem_type not in FLOAT_TYPES:
        names = {number: name for name, number in onnx.TensorProto.DataType.items()}
        kind = names.get(tensor.elem_type, f"of unknown type {tensor.elem_type}")
        raise UnsupportedNodeError(f"is {kind}; export the model with a float32 input")
    dims = tensor.shape.dim
    if len(dims) < 2:
        raise UnsupportedNodeError(f"has {len(dims)} axes; expected a batch and at least one more")
    _fix_batch(dims[0])
    sizes = tuple(dim.dim_value for dim in dims)
    if free := [axis for axis, size in enumerate(sizes) if size < 1]:
        raise UnsupportedNodeError(
            f"axis {free[0]} has no fixed size ({dims[free[0]].dim_param or '?'}); "
            "export the model with fixed sizes (only the batch may be free)"
        )
    return sizes


def _fix_batch(dim: onnx.TensorShapeProto.Dimension) -> None:
    if dim.dim_value > 1:
        raise UnsupportedNodeError(
            f"has a batch of {dim.dim_value}; export the model with batch 1 or a free batch"
        )
    dim.dim_value = 1


def _channel_axis(graph: onnx.GraphProto, name: str, rank: int) -> int | None:
    """Return the input's axis that operations behind it take for the channels, None if none do."""
    readers = _readers(graph)
    waiting = [(name, tuple(range(rank)))]
    seen = {name}
    while waiting:
        tensor, axes = waiting.pop(0)
        for node in readers.get(tensor, ()):
            if node.op_type in CHANNELS_FIRST_OPERATORS and node.input[0] == tensor:
                return axes[1]
            moved = _pass_through(node, axes)
            if moved is not None and node.output[0] not in seen:
                seen.add(node.output[0])
                waiting.append((node.output[0], moved))
    return None


def _readers(graph: onnx.GraphProto) -> Mapping[str, Sequence[onnx.NodeProto]]:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def _pass_through(node: onnx.NodeProto, axes: tuple[int, ...]) -> tuple[int, ...] | None:
    if node.op_type in AXES_KEEPING_OPERATORS:
        return axes
    if node.op_type != "Transpose":
        return None
    given = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
    permutation = given[0] if given else list(reversed(range(len(axes))))
    return tuple(axes[axis] for axis in permutation) if len(permutation) == len(axes) else None
