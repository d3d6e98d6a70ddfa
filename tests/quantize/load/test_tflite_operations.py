"""Each operator in a float file of its own, judged by LiteRT; and the ones that are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from quantize.errors import ModelError, UnsupportedModelError
from quantize.ir.float_executor import execute_float
from quantize.ir.ops import Activation, Pad, PadFill
from quantize.load.tflite_model import load_float_tflite, load_int8_tflite
from quantize.load.tflite_moving import MOVING_READERS
from quantize.load.tflite_operations import SUPPORTED_OPERATORS
from tests.tflite_files import FileBuilder

pytestmark = pytest.mark.tflite
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
RELU, RELU6 = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6
IMAGE = (1, 6, 5, 4)


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, shape).astype(np.float32)


def _integers(*values: Any) -> np.ndarray:
    return np.array(values, np.int32)


def _one_operator(
    kind: str,
    shape: tuple[int, ...],
    output: tuple[int, ...],
    constants: tuple[np.ndarray, ...] = (),
    options: Any = None,
) -> bytes:
    """Return a float file of one operator: input x, constants behind it, output y."""
    builder = FileBuilder()
    x = builder.tensor("x", shape)
    others = [builder.constant(f"c{i}", values) for i, values in enumerate(constants)]
    y = builder.tensor("y", output)
    builder.operator(kind, [x, *others], [y], options)
    return builder.file([x], [y])


def _conv(**changes: Any) -> schema.Conv2DOptionsT:
    return schema.Conv2DOptionsT(**{"strideH": 1, "strideW": 1, "padding": VALID, **changes})


def _depthwise(**changes: Any) -> schema.DepthwiseConv2DOptionsT:
    plain = {"strideH": 1, "strideW": 1, "padding": VALID, "depthMultiplier": 2}
    return schema.DepthwiseConv2DOptionsT(**{**plain, **changes})


def _transpose_conv(size: tuple[int, int], kernel: int, **options: Any) -> bytes:
    """Return a file of one TRANSPOSE_CONV: the output's shape and the weight come before x."""
    builder = FileBuilder()
    output = (1, *size, 3)
    target = builder.constant("shape", _integers(*output))
    weight = builder.constant("w", _normal(3, kernel, kernel, 4))
    x, bias = builder.tensor("x", IMAGE), builder.constant("b", _normal(3))
    y = builder.tensor("y", output)
    settings = schema.TransposeConvOptionsT(strideH=2, strideW=2, **options)
    builder.operator("TRANSPOSE_CONV", [target, weight, x, bias], [y], settings)
    return builder.file([x], [y])


def _pool(**changes: Any) -> schema.Pool2DOptionsT:
    plain = {"strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 2, "padding": SAME}
    return schema.Pool2DOptionsT(**{**plain, **changes})


CASES: dict[str, Callable[[], bytes]] = {
    "conv valid": lambda: _one_operator(
        "CONV_2D", IMAGE, (1, 4, 4, 3), (_normal(3, 3, 2, 4), _normal(3)), _conv()
    ),
    "conv same, stride, relu": lambda: _one_operator(
        "CONV_2D",
        IMAGE,
        (1, 3, 3, 3),
        (_normal(3, 3, 3, 4), _normal(3)),
        _conv(strideH=2, strideW=2, padding=SAME, fusedActivationFunction=RELU),
    ),
    "conv dilated": lambda: _one_operator(
        "CONV_2D",
        IMAGE,
        (1, 2, 4, 3),
        (_normal(3, 3, 2, 4), _normal(3)),
        _conv(dilationHFactor=2),
    ),
    "depthwise": lambda: _one_operator(
        "DEPTHWISE_CONV_2D", IMAGE, (1, 4, 4, 8), (_normal(1, 3, 2, 8), _normal(8)), _depthwise()
    ),
    "transpose conv valid": lambda: _transpose_conv((13, 11), 3, padding=VALID),
    "transpose conv same": lambda: _transpose_conv((12, 10), 3, padding=SAME),
    "transpose conv same, odd": lambda: _transpose_conv((11, 9), 4, padding=SAME),
    "fully connected": lambda: _one_operator(
        "FULLY_CONNECTED",
        (1, 2, 3),
        (1, 4),
        (_normal(4, 6), _normal(4)),
        schema.FullyConnectedOptionsT(),
    ),
    "fully connected without bias": lambda: _one_operator(
        "FULLY_CONNECTED",
        (1, 6),
        (1, 4),
        (_normal(4, 6),),
        schema.FullyConnectedOptionsT(fusedActivationFunction=RELU6),
    ),
    "fully connected of rows": lambda: _one_operator(
        "FULLY_CONNECTED",
        (1, 5, 3),
        (1, 5, 4),
        (_normal(4, 3), _normal(4)),
        schema.FullyConnectedOptionsT(keepNumDims=True, fusedActivationFunction=RELU),
    ),
    "batch matmul": lambda: _one_operator(
        "BATCH_MATMUL", (1, 5, 3), (1, 5, 4), (_normal(3, 4),), schema.BatchMatMulOptionsT()
    ),
    "batch matmul, transposed": lambda: _one_operator(
        "BATCH_MATMUL",
        (1, 5, 3),
        (1, 5, 4),
        (_normal(1, 4, 3),),
        schema.BatchMatMulOptionsT(adjY=True),
    ),
    "add": lambda: _one_operator("ADD", IMAGE, IMAGE, (_normal(4),), schema.AddOptionsT()),
    "mul": lambda: _one_operator(
        "MUL", IMAGE, IMAGE, (_normal(*IMAGE),), schema.MulOptionsT(fusedActivationFunction=RELU)
    ),
    "sub": lambda: _one_operator(
        "SUB", IMAGE, IMAGE, (_normal(4),), schema.SubOptionsT(fusedActivationFunction=RELU6)
    ),
    "minimum": lambda: _one_operator(
        "MINIMUM", IMAGE, IMAGE, (_normal(4),), schema.MaximumMinimumOptionsT()
    ),
    "maximum": lambda: _one_operator("MAXIMUM", IMAGE, IMAGE, (_normal(*IMAGE),)),
    "hard swish": lambda: _one_operator("HARD_SWISH", IMAGE, IMAGE),
    "leaky relu": lambda: _one_operator(
        "LEAKY_RELU", IMAGE, IMAGE, options=schema.LeakyReluOptionsT(alpha=0.3)
    ),
    "leaky relu without a leak": lambda: _one_operator(
        "LEAKY_RELU", IMAGE, IMAGE, options=schema.LeakyReluOptionsT(alpha=0.0)
    ),
    "prelu": lambda: _one_operator("PRELU", IMAGE, IMAGE, (_normal(1, 1, 4),)),
    "average pool": lambda: _one_operator("AVERAGE_POOL_2D", IMAGE, (1, 3, 3, 4), options=_pool()),
    "max pool": lambda: _one_operator(
        "MAX_POOL_2D", IMAGE, (1, 2, 2, 4), options=_pool(padding=VALID)
    ),
    "mean": lambda: _one_operator(
        "MEAN", IMAGE, (1, 4), (_integers(-2, 1),), schema.ReducerOptionsT(keepDims=False)
    ),
    "mean, axes kept": lambda: _one_operator(
        "MEAN", IMAGE, (1, 1, 1, 4), (_integers(1, 2),), schema.ReducerOptionsT(keepDims=True)
    ),
    "pad": lambda: _one_operator(
        "PAD", IMAGE, (1, 7, 8, 4), (_integers([0, 0], [1, 0], [1, 2], [0, 0]),)
    ),
    "pad with zero said": lambda: _one_operator(
        "PADV2",
        IMAGE,
        (1, 7, 8, 4),
        (_integers([0, 0], [1, 0], [1, 2], [0, 0]), np.array(0, np.float32)),
    ),
    "reshape": lambda: _one_operator("RESHAPE", IMAGE, (1, 120), (_integers(-1, 120),)),
    "squeeze": lambda: _one_operator(
        "SQUEEZE", (1, 1, 4), (1, 4), options=schema.SqueezeOptionsT(squeezeDims=[1])
    ),
    "expand dims": lambda: _one_operator("EXPAND_DIMS", (1, 4), (1, 1, 4), (_integers(1)[0],)),
    "transpose": lambda: _one_operator(
        "TRANSPOSE", IMAGE, (1, 4, 6, 5), (_integers(0, 3, 1, 2),), schema.TransposeOptionsT()
    ),
    "concat": lambda: _one_operator(
        "CONCATENATION",
        IMAGE,
        (1, 6, 5, 6),
        (_normal(1, 6, 5, 2),),
        schema.ConcatenationOptionsT(axis=-1),
    ),
    "softmax": lambda: _one_operator(
        "SOFTMAX", (1, 7), (1, 7), options=schema.SoftmaxOptionsT(beta=0.5)
    ),
    "log softmax": lambda: _one_operator("LOG_SOFTMAX", (1, 7), (1, 7)),
    "l2 normalization": lambda: _one_operator(
        "L2_NORMALIZATION", (1, 7), (1, 7), options=schema.L2NormOptionsT()
    ),
    "logistic": lambda: _one_operator("LOGISTIC", IMAGE, IMAGE),
    "tanh": lambda: _one_operator("TANH", IMAGE, IMAGE),
    "relu": lambda: _one_operator("RELU", IMAGE, IMAGE),
    "relu6": lambda: _one_operator("RELU6", IMAGE, IMAGE),
}


@pytest.mark.parametrize("case", CASES)
def test_an_operator_computes_as_litert_does(case: str) -> None:
    data = CASES[case]()
    graph = load_float_tflite(data, "one")
    x = 3 * _normal(*graph.tensors["x"].shape)

    computed = execute_float(graph, {"x": x})["y"]

    np.testing.assert_allclose(computed, _litert(data, x), rtol=1e-5, atol=1e-5)


def _litert(data: bytes, x: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_every_supported_operator_has_a_case() -> None:
    tried = {
        schema.Model.GetRootAs(make(), 0).OperatorCodes(0).BuiltinCode() for make in CASES.values()
    }
    names = {name for name, code in vars(schema.BuiltinOperator).items() if code in tried}

    # An index is no float graph's: tests/agreement/test_arg_max.py reads it from int8 files.
    elsewhere = {"QUANTIZE", "DEQUANTIZE", "ARG_MAX", *MOVING_READERS}
    assert names == set(SUPPORTED_OPERATORS) - elsewhere


@pytest.mark.parametrize("fill", [np.float32(-np.inf), np.finfo(np.float32).min])
def test_a_pad_for_a_max_pool_keeps_its_meaning(fill: np.float32) -> None:
    amounts = _integers([0, 0], [1, 1])
    data = _one_operator("PADV2", (1, 3), (1, 5), (amounts, np.array(fill, np.float32)))

    graph = load_float_tflite(data, "one")

    assert graph.operations == (Pad("x", "y", ((0, 0), (1, 1)), PadFill.LOWEST),)


def test_a_missing_bias_stays_none_and_an_activation_is_kept() -> None:
    (operation,) = load_float_tflite(CASES["fully connected without bias"](), "one").operations

    assert (operation.bias, operation.activation) == (None, Activation.RELU6)


CONV_CONSTANTS = (_normal(3, 3, 2, 4), _normal(3))
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "custom": (lambda: _one_operator("CUSTOM", IMAGE, IMAGE), r"y \(CUSTOM Own\) is not supported"),
    "unknown": (lambda: _one_operator("CUMSUM", IMAGE, IMAGE), r"\(CUMSUM\) is not supported"),
    "activation": (
        lambda: _one_operator(
            "CONV_2D", IMAGE, (1, 4, 4, 3), CONV_CONSTANTS, _conv(fusedActivationFunction=4)
        ),
        "fuses activation 4, supported are none, RELU, RELU6",
    ),
    "stride": (
        lambda: _one_operator(
            "CONV_2D", IMAGE, (1, 4, 4, 3), CONV_CONSTANTS, _conv(strideH=0, padding=SAME)
        ),
        r"has stride \(0, 1\), expected at least 1",
    ),
    "dilation": (
        lambda: _one_operator(
            "CONV_2D", IMAGE, (1, 4, 4, 3), CONV_CONSTANTS, _conv(dilationWFactor=-1)
        ),
        r"has dilation \(1, -1\), expected at least 1",
    ),
    "padding": (
        lambda: _one_operator("CONV_2D", IMAGE, (1, 4, 4, 3), CONV_CONSTANTS, _conv(padding=7)),
        "has padding 7, expected SAME or VALID",
    ),
    "groups": (
        lambda: _one_operator(
            "CONV_2D", IMAGE, (1, 4, 4, 4), (_normal(4, 3, 2, 2), _normal(4)), _conv()
        ),
        "is a grouped convolution",
    ),
    "weight": (
        lambda: _one_operator("CONV_2D", IMAGE, IMAGE, (_normal(4, 4),), _conv()),
        r"has a weight of shape \(4, 4\), expected 4 axes",
    ),
    "image": (
        lambda: _one_operator("MAX_POOL_2D", (1, 6), (1, 6), options=_pool()),
        r"reads shape \(1, 6\), expected 4 axes",
    ),
    "shuffled": (
        lambda: _one_operator(
            "FULLY_CONNECTED",
            (1, 6),
            (1, 4),
            (_normal(4, 6),),
            schema.FullyConnectedOptionsT(weightsFormat=1),
        ),
        "has shuffled weights",
    ),
    "left side transposed": (
        lambda: _one_operator(
            "BATCH_MATMUL",
            (1, 3, 5),
            (1, 5, 4),
            (_normal(3, 4),),
            schema.BatchMatMulOptionsT(adjX=True),
        ),
        "transposes its left side",
    ),
    "several matrices": (
        lambda: _one_operator(
            "BATCH_MATMUL",
            (1, 2, 5, 3),
            (1, 2, 5, 4),
            (_normal(1, 2, 3, 4),),
            schema.BatchMatMulOptionsT(),
        ),
        "expected one matrix",
    ),
    "fill": (
        lambda: _one_operator(
            "PADV2", (1, 3), (1, 5), (_integers([0, 0], [1, 1]), np.array(0.5, np.float32))
        ),
        "pads with 0.5, supported are zero and the lowest value",
    ),
    "fill that is no number": (
        lambda: _one_operator("PADV2", (1, 3), (1, 5), (_integers([0, 0], [1, 1]), _normal(2))),
        "c1 is no constant number",
    ),
    "concat activation": (
        lambda: _one_operator(
            "CONCATENATION",
            (1, 3),
            (1, 3),
            options=schema.ConcatenationOptionsT(axis=1, fusedActivationFunction=1),
        ),
        "fuses an activation",
    ),
    "parameter": (
        lambda: _one_operator("TRANSPOSE", (1, 3), (1, 3), (_normal(2),)),
        "c0 is no constant int32 vector",
    ),
    "absent input": (lambda: _one_operator("MEAN", (1, 3), (1,)), "lacks its input 1"),
    "beta": (
        lambda: _one_operator(
            "SOFTMAX", (1, 3), (1, 3), options=schema.SoftmaxOptionsT(beta=float("nan"))
        ),
        "has beta nan, expected a positive number",
    ),
    "leak": (
        lambda: _one_operator(
            "LEAKY_RELU", (1, 3), (1, 3), options=schema.LeakyReluOptionsT(alpha=-0.5)
        ),
        "has alpha -0.5, expected a positive number",
    ),
    "normalization and activation": (
        lambda: _one_operator(
            "L2_NORMALIZATION",
            (1, 3),
            (1, 3),
            options=schema.L2NormOptionsT(fusedActivationFunction=RELU),
        ),
        "fuses an activation",
    ),
    "no options": (lambda: _one_operator("ADD", (1, 3), (1, 3), (_normal(1, 3),)), "has no opt"),
    "foreign options": (
        lambda: _one_operator("SOFTMAX", (1, 3), (1, 3), options=schema.AddOptionsT()),
        "has the options of another operator",
    ),
    "quantize": (
        lambda: _one_operator("DEQUANTIZE", (1, 3), (1, 3), (_normal(3).astype(np.float16),)),
        "Dequantize in a float graph",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_says_why(case: str) -> None:
    make, message = REFUSED[case]

    with pytest.raises(ModelError, match=message):
        load_float_tflite(make(), "one")


def test_float16_weights_are_refused_with_what_to_do() -> None:
    builder = FileBuilder()
    x, half = builder.tensor("x", (1, 4)), builder.constant("h", _normal(1, 4).astype(np.float16))
    full, y = builder.tensor("w", (1, 4)), builder.tensor("y", (1, 4))
    builder.operator("DEQUANTIZE", [half], [full])
    builder.operator("ADD", [x, full], [y], schema.AddOptionsT())

    with pytest.raises(UnsupportedModelError, match="reads h, which is float16; convert again"):
        load_float_tflite(builder.file([x], [y]), "half")


def test_an_int8_product_of_several_rows_is_refused_with_what_to_do() -> None:
    builder = FileBuilder()
    x = builder.tensor("x", (1, 5, 3), "int8", scale=0.1)
    w = builder.tensor("w", (4, 3), "int8", values=np.ones((4, 3)), scale=0.1)
    y = builder.tensor("y", (1, 5, 4), "int8", scale=0.1)
    builder.operator("FULLY_CONNECTED", [x, w], [y], schema.FullyConnectedOptionsT())

    with pytest.raises(UnsupportedModelError, match="quantize the float model here"):
        load_int8_tflite(builder.file([x], [y]), "m")


def test_an_operator_with_two_outputs_is_refused() -> None:
    builder = FileBuilder()
    x, y, z = (builder.tensor(name, (1, 4)) for name in "xyz")
    builder.operator("RELU", [x], [y, z])

    with pytest.raises(UnsupportedModelError, match="has 2 outputs, expected 1"):
        load_float_tflite(builder.file([x], [y]), "two")


def test_another_batch_than_1_is_refused() -> None:
    data = _one_operator("RELU", (3, 4), (3, 4))

    with pytest.raises(ModelError, match=r"one: y: shape \(3, 4\); axis 0 is the batch"):
        load_float_tflite(data, "one")
