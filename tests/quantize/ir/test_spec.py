"""What a graph may not be: each rule of a stage has a graph that breaks it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from quantize.errors import GraphError
from quantize.ir.graph import DType, Graph, QuantParams, TensorType
from quantize.ir.ops import (
    Activate,
    Activation,
    ArgMax,
    Conv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    L2Normalization,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    MaxPool2D,
    Minimum,
    Operation,
    Padding,
    Prelu,
    Quantize,
    Reshape,
    Softmax,
)
from quantize.ir.spec import WIDE_CURVE_OUTPUT, check_float, check_integer
from tests.models import int8, quant, tiny_classifier

LOOSE = quant(0.5)
IMAGE = (1, 4, 4, 2)
SLOPED = {"x": (1, 4), "s": (1, 1, 4), "y": (1, 4)}
Break = Callable[[Graph], Graph]


def _pooled(**changes: object) -> Graph:
    pool = replace(MaxPool2D("x", "y", (2, 2), (2, 2)), **changes)  # type: ignore[arg-type]
    tensors = {"x": int8(IMAGE, LOOSE), "y": int8((1, 2, 2, 2), LOOSE)}
    return Graph("pool", ("x",), ("y",), tensors, {}, (pool,))


def _tensor(name: str, tensor: TensorType) -> Break:
    return lambda graph: replace(graph, tensors={**graph.tensors, name: tensor})


def _dense(weight: QuantParams, bias: DType = DType.INT32) -> Graph:
    tensors = {
        "x": int8((1, 3), LOOSE),
        "w": int8((2, 3), weight),
        "b": TensorType((2,), bias, LOOSE),
        "y": int8((1, 2), LOOSE),
    }
    constants = {"w": np.ones((2, 3), np.int8), "b": np.ones(2, bias.value)}
    operations = (FullyConnected("x", "w", "b", "y"),)
    return Graph("dense", ("x",), ("y",), tensors, constants, operations)


def _one(operation: Operation, output: QuantParams) -> Graph:
    tensors = {"x": int8((1, 4), quant(0.25)), "y": int8((1, 4), output)}
    return Graph("one", ("x",), ("y",), tensors, {}, (operation,))


def _broken_structure() -> dict[str, tuple[Graph, str]]:
    good = _pooled()
    pool = good.operations[0]
    return {
        "no such tensor": (replace(good, inputs=("z",)), "z: no tensor of that name"),
        "input named twice": (replace(good, inputs=("x", "x")), "named twice"),
        "no output": (replace(good, outputs=()), "no input or no output"),
        "output nobody makes": (replace(good, outputs=("x2",)), "x2: an output"),
        "read too early": (_pooled(input="y"), "before anything makes it"),
        "made twice": (replace(good, operations=(pool, pool)), "made twice"),
        "output unknown": (_pooled(output="q"), "q: no tensor of that name"),
        "stray tensor": (_tensor("q", int8((1,), LOOSE))(good), "q: a tensor that nothing"),
        "wrong shape": (_tensor("y", int8((1, 2, 3, 2), LOOSE))(good), "shape .1, 2, 2, 2., decl"),
        "constant of another type": (
            replace(_dense(LOOSE), constants={"w": np.ones((2, 3)), "b": np.ones(2, np.int32)}),
            "w: constant is float64",
        ),
        "slope of more axes": (
            replace(
                _one(Prelu("x", "s", "y"), LOOSE),
                inputs=("x", "s"),
                tensors={n: int8(shape, LOOSE) for n, shape in SLOPED.items()},
            ),
            "does not broadcast to",
        ),
        "batch of two": (
            replace(
                _one(Quantize("x", "y"), LOOSE),
                tensors={"x": int8((2, 4), LOOSE), "y": int8((2, 4), LOOSE)},
            ),
            "axis 0 is the batch",
        ),
    }


def _broken_integers() -> dict[str, tuple[Graph, str]]:
    softmax = QuantParams((1 / 256,), -128)
    no_scale = TensorType(IMAGE, DType.INT8)
    unread = _tensor("c", int8((1,), LOOSE))(_pooled())
    relu6 = Activate("x", "y", Activation.RELU6)
    return {
        "no scale": (_tensor("x", no_scale)(_pooled()), "x: int8 without scale"),
        "float": (_tensor("x", TensorType(IMAGE))(_pooled()), "x: float32 in an integer graph"),
        "scale of zero": (_dense(QuantParams((0.0,))), "w: a scale is not a positive float32"),
        "scale in double": (_dense(QuantParams((0.1,))), "w: a scale is not a positive float32"),
        "zero point too large": (_dense(QuantParams((0.5,), 128)), "w: zero point 128"),
        "zero point per channel": (_dense(QuantParams((0.5, 0.5), 1, 0)), "w: zero point 1"),
        "too few scales": (_dense(QuantParams((0.5,), 0, 0)), "w: 1 scales, expected 2"),
        "axis outside": (_dense(QuantParams((0.5,), 0, 2)), "w: channel axis 2"),
        "axis of inputs": (_dense(QuantParams((0.5,) * 3, 0, 1)), "along another axis than 0"),
        "weight with zero": (_dense(QuantParams((0.5,), 3)), "w: quantized along"),
        "int8 bias": (_dense(LOOSE, DType.INT8), "b: int8 in an integer graph, expected int32"),
        "dequantize": (_one(Dequantize("x", "y"), LOOSE), "y: int8 made by Dequantize"),
        "softmax scale": (_one(Softmax("x", "y"), LOOSE), "y: .*this operation has"),
        "softmax beta": (_one(Softmax("x", "y", 0.1), softmax), "beta 0.1 is not a float32"),
        "relu6 scale": (_one(relu6, LOOSE), "Activate changes the scale"),
        "hard swish far apart": (
            _one(HardSwish("x", "y"), quant(2**-9)),
            "over output scale is 128",
        ),
        "log softmax scale": (_one(LogSoftmax("x", "y"), LOOSE), "y: .*this operation has"),
        "l2 scale": (_one(L2Normalization("x", "y"), LOOSE), "y: .*this operation has"),
        "leak of zero": (_one(LeakyRelu("x", "y", 0.0), LOOSE), "alpha 0.0 is not a positive"),
        "leak in double": (_one(LeakyRelu("x", "y", 0.1), LOOSE), "alpha 0.1 is not a positive"),
        "slope that is computed": (_one(Prelu("x", "x", "y"), LOOSE), "x: a slope is a constant"),
        "extremum scale": (_one(Minimum("x", "x", "y"), LOOSE), "Minimum changes the scale"),
        "pool scale": (_tensor("y", int8((1, 2, 2, 2), quant(0.25)))(_pooled()), "changes the"),
        "per-channel activation": (_one(Quantize("x", "y"), QuantParams((0.5,) * 4, 0, 1)), "one"),
        "odd padding": (
            _tensor("y", int8((1, 3, 3, 2), LOOSE))(_pooled(padding=Padding(1, 1, 1, 1))),
            "neither VALID nor SAME",
        ),
        "unread constant": (
            replace(unread, constants={"c": np.zeros(1, np.int8)}),
            "c: a constant that nothing reads",
        ),
    }


BROKEN_STRUCTURE = _broken_structure()
BROKEN_INTEGERS = _broken_integers()


@pytest.mark.parametrize("name", BROKEN_STRUCTURE)
def test_an_unsound_graph_is_refused_by_name(name: str) -> None:
    graph, message = BROKEN_STRUCTURE[name]

    with pytest.raises(GraphError, match=message):
        check_integer(graph)


@pytest.mark.parametrize("name", BROKEN_INTEGERS)
def test_integers_that_no_kernel_takes_are_refused_by_name(name: str) -> None:
    graph, message = BROKEN_INTEGERS[name]

    with pytest.raises(GraphError, match=message):
        check_integer(graph)


def test_a_weight_that_is_no_constant_is_refused() -> None:
    dense = _dense(LOOSE)
    fed = replace(dense, inputs=("x", "w"), constants={"b": dense.constants["b"]})
    fed_bias = replace(dense, inputs=("x", "b"), constants={"w": dense.constants["w"]})

    with pytest.raises(GraphError, match="w: a weight is a constant"):
        check_integer(fed)
    with pytest.raises(GraphError, match="b: a bias is a constant"):
        check_integer(fed_bias)


def test_depthwise_scales_lie_along_the_last_axis_and_convolutions_along_the_first() -> None:
    weight = int8((2, 1, 1, 2), QuantParams((0.5, 0.5), 0, 3))
    tensors = {"x": int8(IMAGE, LOOSE), "w": weight, "y": int8((1, 4, 4, 2), LOOSE)}
    constants = {"w": np.ones((2, 1, 1, 2), np.int8)}
    graph = Graph("conv", ("x",), ("y",), tensors, constants, (Conv2D("x", "w", None, "y"),))

    with pytest.raises(GraphError, match="along another axis than 0"):
        check_integer(graph)


def test_float_graphs_hold_finite_floats_only() -> None:
    values = TensorType((1, 4))
    quantize = Graph("g", ("x",), ("y",), {"x": values, "y": values}, {}, (Quantize("x", "y"),))
    relu = (Activate("x", "y", Activation.RELU),)
    nan = {"c": np.full((1, 4), np.nan, np.float32)}

    with pytest.raises(GraphError, match="y: Quantize in a float graph"):
        check_float(quantize)
    with pytest.raises(GraphError, match="x: int8 in a float graph"):
        check_float(replace(quantize, tensors={"x": int8((1, 4), LOOSE), "y": values}))
    with pytest.raises(GraphError, match="c: a constant holds NaN or Inf"):
        check_float(
            replace(
                quantize,
                tensors={"x": values, "y": values, "c": values},
                constants=nan,
                operations=relu,
            )
        )


def test_a_checked_graph_equals_itself_and_no_other_stage_or_profile() -> None:
    graph = tiny_classifier()

    assert graph == check_integer(graph, graph.profile)
    assert graph == replace(graph, name="another")  # names are for people
    assert graph != replace(graph, outputs=graph.outputs[:0])
    assert graph.__eq__(object()) is NotImplemented


def _wide(operation: Operation, scale: float, output: QuantParams) -> Graph:
    tensors = {
        "x": TensorType((1, 4), DType.INT16, quant(scale)),
        "y": TensorType((1, 4), DType.INT16, output),
    }
    return Graph("wide", ("x",), ("y",), tensors, {}, (operation,))


def _wide_dense(**changes: object) -> Graph:
    dense = _dense(LOOSE, DType.INT64)
    wide = {n: replace(dense.tensors[n], dtype=DType.INT16) for n in ("x", "y")}
    return replace(dense, tensors={**dense.tensors, **wide, **changes})


BROKEN_TYPES = {
    "no int16 kernel": (_wide(HardSwish("x", "y"), 0.01, LOOSE), "HardSwish has no int16 kernel"),
    "zero point": (_wide(Quantize("x", "y"), 0.5, quant(0.5, 1)), "y: zero point 1 of int16"),
    "logistic of large scale": (_wide(Logistic("x", "y"), 4.0, WIDE_CURVE_OUTPUT), "at most 2.0"),
    "softmax of large scale": (_wide(Softmax("x", "y"), 4.0, WIDE_CURVE_OUTPUT), "at most 2.0"),
    "softmax in int16": (_wide(Softmax("x", "y"), 0.5, LOOSE), "this operation has"),
    "bias of int32": (
        replace(_dense(LOOSE), tensors=_wide_dense(b=_dense(LOOSE).tensors["b"]).tensors),
        "b: int32 in an integer graph, expected int64 by y",
    ),
    "bias beyond int32": (
        replace(_wide_dense(), constants={**_wide_dense().constants, "b": np.array([2**31, 0])}),
        "b: a bias beyond int32",
    ),
    "shift of a small output": (
        _wide_dense(y=TensorType((1, 2), DType.INT16, quant(2**-20))),
        "y: a shift of 1",
    ),
    "scale of a float": (
        _tensor("y", TensorType((1, 4), DType.FLOAT32, LOOSE))(_one(Dequantize("x", "y"), LOOSE)),
        "y: float32 with a scale",
    ),
    "input of int32": (
        replace(
            _tensor("z", TensorType((1,), DType.INT32, LOOSE))(_one(Quantize("x", "y"), LOOSE)),
            inputs=("x", "z"),
        ),
        "z: an input of int32",
    ),
}


@pytest.mark.parametrize("name", BROKEN_TYPES)
def test_types_that_no_kernel_takes_are_refused_by_name(name: str) -> None:
    graph, message = BROKEN_TYPES[name]

    with pytest.raises(GraphError, match=message):
        check_integer(graph)


def _indexed(**changes: object) -> Graph:
    tensors = {
        "x": TensorType((1, 3, 4), DType.INT8, QuantParams((0.5,))),
        "y": TensorType((1, 3), DType.INT32),
    }
    facts: dict[str, object] = {"outputs": ("y",), "operations": (ArgMax("x", "y"),)}
    facts |= {"tensors": tensors}
    return replace(Graph("g", ("x",), (), {}, {}, ()), **{**facts, **changes})  # type: ignore[arg-type]


def test_an_index_is_an_output() -> None:
    assert check_integer(_indexed()).tensors["y"].quant is None


def test_an_index_is_nothing_else() -> None:
    tensors = dict(_indexed().tensors)
    reading = {
        "tensors": tensors | {"z": TensorType((1, 3), DType.INT32)},
        "operations": (ArgMax("x", "y"), Reshape("y", "z")),
    }
    scaled = {"tensors": tensors | {"y": TensorType((1, 3), DType.INT32, QuantParams((1.0,)))}}
    vector = {"tensors": {"x": replace(tensors["x"], shape=(1,)), "y": TensorType((), DType.INT32)}}
    real = {"tensors": {"x": TensorType((1, 3, 4)), "y": TensorType((1, 3))}}

    for changes, said in (
        (reading, "z: int32 made by Reshape"),
        ({"outputs": ("x",)}, r"y: an index \(ArgMax\) that is no output"),
        (scaled, "y: int32 with a scale"),
        (vector, "expected an axis behind the batch"),
        (real, "y: float32 made by ArgMax"),
    ):
        with pytest.raises(GraphError, match=said):
            check_integer(_indexed(**changes))
    with pytest.raises(GraphError, match="y: ArgMax in a float graph"):
        check_float(_indexed(**real))


def test_an_index_is_not_read() -> None:
    tensors = dict(_indexed().tensors) | {"z": TensorType((1,), DType.INT32)}
    operations = (ArgMax("x", "y"), ArgMax("y", "z"))

    with pytest.raises(GraphError, match="y: int32 in an integer graph, expected int8 by z"):
        check_integer(_indexed(tensors=tensors, operations=operations, outputs=("y", "z")))
