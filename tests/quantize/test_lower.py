import numpy as np
import pytest

from quantize.errors import GraphError
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import DType, IntGraph, QuantParams, TensorType
from quantize.ir.interpreter import execute
from quantize.ir.ops import (
    Add,
    AveragePool2D,
    Concat,
    FullyConnected,
    HardSwish,
    Logistic,
    Minimum,
    Prelu,
    Quantize,
)
from quantize.ir.spec import LOGISTIC_OUTPUT, SOFTMAX_OUTPUT, WIDE_CURVE_OUTPUT
from quantize.lower import lower, quantize_array
from quantize.params import range_params
from quantize.recipe import Recipe
from quantize.report.subgraphs import logits_name
from quantize.report.task import last_activation
from quantize.weights import Weighted
from tests.models import float_graph, quant, tiny_float_classifier
from tests.quantize.dense import dense

WEIGHT = np.array([[1.0, -0.5, 0.25], [0.0101, 0.02, -0.02]])
PARAMS = {"x": quant(0.05, 3), "y": quant(0.1, -10)}


def test_weights_use_127_codes_of_their_own_channel() -> None:
    graph = lower(dense(WEIGHT, np.array([0.5, -0.5])), PARAMS)

    assert graph.constants["w"].tolist() == [[127, -64, 32], [64, 127, -127]]
    assert graph.tensors["w"].quant.scale == tuple(
        float(np.float32(peak / 127)) for peak in np.float32([1.0, 0.02]).astype(float)
    )


def test_a_recipe_for_old_runtimes_gives_fully_connected_one_scale() -> None:
    graph = lower(dense(WEIGHT, None), PARAMS, Recipe(fully_connected_per_channel=False))

    assert graph.tensors["w"].quant.axis is None
    assert graph.constants["w"].tolist() == [[127, -64, 32], [1, 3, -3]]


def test_a_bias_is_int32_in_the_accumulators_scale() -> None:
    graph = lower(dense(WEIGHT, np.array([0.5, -0.5])), PARAMS)
    scales = np.array(graph.tensors["w"].quant.scale) * graph.tensors["x"].quant.scale[0]

    assert graph.tensors["b"].dtype is DType.INT32
    assert graph.constants["b"].tolist() == np.rint(np.array([0.5, -0.5]) / scales).tolist()


def test_a_missing_bias_becomes_zeros() -> None:
    graph = lower(dense(WEIGHT, None), PARAMS)

    assert graph.constants[graph.operations[0].bias].tolist() == [0, 0]


def test_an_activation_without_params_is_named() -> None:
    with pytest.raises(GraphError, match="y: no scale"):
        lower(dense(WEIGHT, None), {"x": quant(0.05)})


def test_an_operation_that_keeps_its_scale_gets_a_quantize_before_it() -> None:
    pool = AveragePool2D("x", "y", (2, 2), (2, 2))
    graph = lower(float_graph([pool], {"x": (1, 4, 4, 1)}, {}), {"x": quant(0.1), "y": quant(0.2)})

    requantize, pooled = graph.operations
    assert isinstance(requantize, Quantize)
    assert pooled.input == requantize.output
    assert graph.tensors[pooled.input].quant == quant(0.2)


def test_a_concat_requantizes_only_the_inputs_that_differ() -> None:
    operations = [Logistic("x", "p"), Concat(("x", "p", "p"), "y", 1)]
    params = {"x": quant(0.1), "p": LOGISTIC_OUTPUT, "y": quant(0.1)}

    graph = lower(float_graph(operations, {"x": (1, 3)}, {}), params)

    concat = graph.operations[-1]
    assert concat.inputs[0] == "x"
    assert concat.inputs[1] == concat.inputs[2] != "p"


def test_a_constant_operand_is_quantized_over_its_own_range() -> None:
    values = np.array([0.0, 0.5, 2.55], np.float32)
    graph = lower(
        float_graph([Add("x", "c", "y")], {"x": (1, 3)}, {"c": values}),
        {"x": quant(0.1), "y": quant(0.1)},
    )

    assert graph.constants["c"].tolist() == [-128, -78, 127]
    assert graph.tensors["c"].quant == range_params(0.0, float(values[2]))


def test_a_weight_that_two_operations_share_is_stored_for_each_scale() -> None:
    first = FullyConnected("x", "w", "b", "h")
    second = FullyConnected("h", "w", "b", "y")
    constants = {"w": np.eye(3, dtype=np.float32), "b": np.ones(3, np.float32)}
    params = {"x": quant(0.05), "h": quant(0.2), "y": quant(0.1)}

    graph = lower(float_graph([first, second], {"x": (1, 3)}, constants), params)

    one, two = graph.operations
    assert one.weight == two.weight == "w"
    assert one.bias != two.bias
    assert graph.constants[one.bias][0] == 4 * graph.constants[two.bias][0]


def test_the_same_graph_is_lowered_to_the_same_integers() -> None:
    graph = tiny_float_classifier()
    free = {op.output: quant(0.1) for op in graph.operations}
    params = {**free, "image": quant(0.1), "scores": QuantParams((1 / 256,), -128)}

    assert lower(graph, params) == lower(graph, params)


def test_codes_are_clipped() -> None:
    codes = quantize_array(np.array([-100.0, 0.0, 100.0]), quant(0.1, 5))

    assert codes.tolist() == [-128, 5, 127]


def test_a_hard_swish_whose_scales_are_far_apart_stands_before_a_quantize() -> None:
    graph = float_graph([HardSwish("x", "y")], {"x": (1, 256)}, {})
    params = {"x": quant(1.0, 127), "y": quant(1 / 680, 127)}  # from -255 to 0: little is left

    lowered = lower(graph, params)

    assert [type(operation) for operation in lowered.operations] == [HardSwish, Quantize]
    codes = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    reals = (codes.astype(np.float32) - 127) * np.float32(1.0)
    exact = execute_float(graph, {"x": reals})["y"]
    found = (execute(lowered, {"x": codes})["y"].astype(np.float32) - 127) / 680
    assert np.abs(found - exact).max() < 1 / 64  # the scale that was possible


def test_a_bound_is_a_constant_in_the_scale_of_what_it_bounds() -> None:
    bound = np.array([[0.5]], np.float32)
    graph = float_graph([Minimum("x", "c", "y")], {"x": (1, 4)}, {"c": bound})

    lowered = lower(graph, {"x": quant(0.1), "y": quant(0.01, -20)})

    assert [type(operation) for operation in lowered.operations] == [Quantize, Minimum]
    assert lowered.constants["c"].tolist() == [[30]]
    assert lowered.tensors["c"].quant == quant(0.01, -20)


def test_slopes_have_one_scale() -> None:
    slopes = np.array([[[0.25, -0.1, 0.05]]], np.float32)
    graph = float_graph([Prelu("x", "s", "y")], {"x": (1, 2, 2, 3)}, {"s": slopes})

    lowered = lower(graph, {"x": quant(0.1), "y": quant(0.1)})

    assert lowered.tensors["s"].quant == range_params(float(slopes.min()), 0.25)


def _typed(**layers: tuple[str, ...]) -> IntGraph:
    graph = tiny_float_classifier()
    names = [*graph.inputs, *(operation.output for operation in graph.operations)]
    params = dict.fromkeys(names, quant(0.05))
    params |= {"depthwise": quant(0.1), "flat": quant(0.1), "scores": SOFTMAX_OUTPUT}
    wide = dict.fromkeys(names, quant(0.001)) | {"scores": WIDE_CURVE_OUTPUT}
    return lower(graph, params, Recipe(**layers), wide)


def _forms(graph: IntGraph) -> list[tuple[str, str, str]]:
    kinds = graph.tensors
    return [(type(op).__name__, op.output, kinds[op.output].dtype) for op in graph.operations]


def test_a_layer_in_int16_reads_and_makes_int16_with_weights_of_int8_and_biases_of_int64() -> None:
    graph = _typed(int16_layers=("logits",))

    assert _forms(graph)[2:] == [
        ("Reshape", "flat", "int8"),
        ("Quantize", "flat/int16", "int16"),
        ("FullyConnected", "logits", "int16"),
        ("Quantize", "logits/int8", "int8"),
        ("Softmax", "scores", "int8"),
    ]
    assert graph.tensors["w3"].dtype is DType.INT8
    assert graph.tensors["b3"].dtype is DType.INT64


def test_a_layer_in_float_keeps_its_weights() -> None:
    graph = _typed(float_layers=("depthwise",))

    assert _forms(graph)[:5] == [
        ("Conv2D", "conv", "int8"),
        ("Dequantize", "conv/float32", "float32"),
        ("DepthwiseConv2D", "depthwise", "float32"),
        ("Reshape", "flat", "float32"),  # moves what it reads
        ("Quantize", "flat/int8", "int8"),
    ]
    given = tiny_float_classifier().constants["w2"]
    assert np.array_equal(graph.constants["w2"], given)


@pytest.mark.parametrize("layers", [{"int16_layers": ("all",)}, {"float_layers": ("all",)}])
def test_inputs_and_outputs_are_int8_whatever_is_chosen(layers: dict[str, tuple[str]]) -> None:
    graph = _typed(**layers)

    assert graph.tensors["image"].dtype is DType.INT8
    assert graph.tensors["scores"] == TensorType((1, 3), DType.INT8, SOFTMAX_OUTPUT)
    assert isinstance(graph.operations[-1], Quantize)
    assert last_activation(graph) == "softmax"
    assert logits_name(graph) == "logits"


def test_int16_without_scales_for_it_is_refused() -> None:
    graph = dense(WEIGHT, None)

    with pytest.raises(GraphError, match="no scale was chosen"):
        lower(graph, PARAMS, Recipe(int16_layers=("y",)))


def test_a_recipe_gives_every_weight_one_scale() -> None:
    graph = tiny_float_classifier()
    params = {name: range_params(-4.0, 4.0) for name in graph.tensors} | {"scores": SOFTMAX_OUTPUT}

    lowered = lower(graph, params, Recipe(per_channel=False))

    weights = [op.weight for op in lowered.operations if isinstance(op, Weighted)]
    assert weights
    for name in weights:
        quant = lowered.tensors[name].quant
        assert quant is not None
        assert (len(quant.scale), quant.axis) == (1, None)
