import numpy as np
import onnx
import pytest

from quantize.emit.onnx_float import emit_float_onnx
from quantize.emit.onnx_simulated import emit_simulated_onnx
from quantize.executors import run_onnx
from quantize.ir.float_executor import trace_float
from quantize.ir.graph import FloatGraph
from quantize.ir.ops import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
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
    Pad,
    Prelu,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from quantize.ir.shapes import same_padding
from tests.models import float_graph, tiny_float_classifier

pytestmark = pytest.mark.ort


def every_operation() -> FloatGraph:
    rng = np.random.default_rng(4)
    same = same_padding((6, 6), (3, 3), (1, 1), (1, 1))
    shapes = {"w": (4, 3, 3, 3), "b": (4,), "d": (1, 3, 3, 8), "f": (5, 6), "c": (8,)}
    constants = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    operations = [
        Conv2D("x", "w", "b", "conv", padding=same, activation=Activation.RELU),
        DepthwiseConv2D("conv", "d", None, "deep", dilation=(2, 2)),
        Mul("deep", "c", "mul"),
        Add("mul", "deep", "add", Activation.RELU6),
        MaxPool2D("add", "max", (2, 2), (1, 1)),
        AveragePool2D(
            "max", "average", (2, 2), (1, 1), same_padding((1, 1), (2, 2), (1, 1), (1, 1))
        ),
        Sub("average", "average", "nothing", Activation.RELU),
        HardSwish("average", "swish"),
        LeakyRelu("swish", "leaky", 0.25),
        Prelu("leaky", "c", "bent"),
        Maximum("bent", "c", "bounded"),
        Minimum("bounded", "average", "average2"),
        Pad("average2", "pad", ((0, 0), (0, 1), (1, 0), (0, 0))),
        Logistic("pad", "logistic"),
        Tanh("pad", "tanh"),
        Concat(("logistic", "tanh"), "concat", 3),
        Transpose("concat", "turned", (0, 3, 1, 2)),
        Mean("concat", "kept", (1, 2), keep_dims=True),
        Mean("concat", "mean", (1,)),
        Softmax("mean", "scores", 0.5),
        LogSoftmax("mean", "logs"),
        L2Normalization("logs", "length 1"),
    ]
    return float_graph(operations, {"x": (1, 6, 6, 3)}, {k: constants[k] for k in "wbdc"})


@pytest.mark.parametrize("graph", [tiny_float_classifier(), every_operation()])
def test_every_tensor_is_what_numpy_computes_in_channels_last(graph: FloatGraph) -> None:
    rng = np.random.default_rng(2)
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    inputs = {graph.inputs[0]: rng.normal(size=(3, *shape)).astype(np.float32)}
    names = [operation.output for operation in graph.operations]

    found = run_onnx(emit_float_onnx(graph, names), inputs)

    expected = trace_float(graph, inputs)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_outputs_are_the_graphs_own_unless_asked_for() -> None:
    model = onnx.load_model_from_string(emit_float_onnx(tiny_float_classifier()))

    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.output] == ["scores"]


def test_simulated_rounding_is_that_of_the_scale_given() -> None:
    graph = tiny_float_classifier()
    inputs = {"image": np.random.default_rng(2).normal(size=(3, 6, 6, 2)).astype(np.float32)}
    scalars = {"scale:logits": np.float32(0.5), "zero_point:logits": np.int8(3)}
    scalars = {name: np.array(value) for name, value in scalars.items()}
    model = emit_simulated_onnx(graph, ["logits"], ["logits"])

    from quantize.executors import OnnxRunner  # noqa: PLC0415

    found = OnnxRunner(model)({**inputs, **scalars})["logits"]

    exact = trace_float(graph, inputs)["logits"]
    expected = (np.clip(np.rint(exact / 0.5) + 3, -128, 127) - 3) * 0.5
    np.testing.assert_allclose(found, expected, atol=1e-6)
