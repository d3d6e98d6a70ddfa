from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from quantize.errors import ModelError, UnsupportedModelError
from quantize.load.onnx_model import load_onnx
from tests.conftest import SHARED
from tests.onnx_models import (
    assert_reads_as_onnxruntime_runs,
    floats,
    kinds,
    node,
    onnx_bytes,
)

TORCH = Path(__file__).resolve().parents[2] / "golden" / "torch"

REFERENCE_MODELS = {
    "mlperf_tiny/ad_fcae_float_official.onnx": {"FullyConnected"},
    "mlperf_tiny/ad_fcae_float_sig.onnx": {"FullyConnected"},
    "mlperf_tiny/ic_resnet8_float.onnx": {
        "Add", "AveragePool2D", "Conv2D", "FullyConnected", "Softmax",
    },
    "mlperf_tiny/ic_resnet_large_float.onnx": {
        "Add", "AveragePool2D", "Conv2D", "FullyConnected", "Softmax",
    },
    "mlperf_tiny/kws_dscnn_float.onnx": {
        "AveragePool2D", "Conv2D", "DepthwiseConv2D", "FullyConnected", "Softmax",
    },
    "mlperf_tiny/vww_mbv1_025_float.onnx": {
        "AveragePool2D", "Conv2D", "DepthwiseConv2D", "FullyConnected", "Softmax",
    },
    "tflm/hello_world_float.onnx": {"FullyConnected"},
}  # fmt: skip


@pytest.mark.ort
@pytest.mark.shared_assets
@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_reference_models_mean_what_onnxruntime_computes(name: str) -> None:
    graph = assert_reads_as_onnxruntime_runs((SHARED / "models" / name).read_bytes())

    assert set(kinds(graph)) == REFERENCE_MODELS[name]


@pytest.mark.ort
@pytest.mark.shared_assets
@pytest.mark.parametrize("name", [n for n, found in REFERENCE_MODELS.items() if "Softmax" in found])
def test_reference_models_have_the_same_scores_before_the_softmax(name: str) -> None:
    model = onnx.load_model_from_string((SHARED / "models" / name).read_bytes())
    softmax = model.graph.node[-1]
    model.graph.output[0].name = softmax.input[0]
    model.graph.node.remove(softmax)

    graph = assert_reads_as_onnxruntime_runs(model.SerializeToString())

    assert graph.outputs == (softmax.input[0],)


@pytest.mark.ort
@pytest.mark.parametrize("name", sorted(path.name for path in TORCH.glob("*.onnx")))
def test_models_that_pytorch_exported_mean_what_onnxruntime_computes(name: str) -> None:
    graph = assert_reads_as_onnxruntime_runs((TORCH / name).read_bytes())

    assert "Transpose" not in kinds(graph)


@pytest.mark.ort
def test_a_residual_net_as_pytorch_writes_it() -> None:
    def conv(source: str, name: str, **attributes: object) -> onnx.NodeProto:
        return node("Conv", f"{source} {name}.w {name}.b", name, pads=[1, 1, 1, 1], **attributes)

    def norm(source: str, name: str) -> onnx.NodeProto:
        parts = " ".join(f"{name}.{part}" for part in ("s", "o", "m", "v"))
        return node("BatchNormalization", f"{source} {parts}", name)

    nodes = [
        conv("x", "c1", strides=[2, 2]),
        norm("c1", "n1"),
        node("Clip", "n1 zero six", "r1"),
        node("MaxPool", "r1", "p", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        conv("p", "c2"),
        norm("c2", "n2"),
        node("Add", "n2 p", "s"),
        node("Relu", "s", "r2"),
        node("Flatten", "r2", "f"),
        node("Gemm", "f fc.w fc.b", transB=1),
    ]
    constants = {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
    for name, read in (("c1", 3), ("c2", 4)):
        constants |= {f"{name}.w": floats(4, read, 3, 3), f"{name}.b": floats(4)}
    for name in ("n1", "n2"):
        constants |= {f"{name}.{part}": floats(4, seed=1) for part in "som"}
        constants[f"{name}.v"] = np.abs(floats(4, seed=2)) + np.float32(0.5)
    constants |= {"fc.w": floats(5, 64), "fc.b": floats(5)}

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, {"x": ("N", 3, 16, 16)}, constants))

    assert kinds(graph) == ["Pad", "Conv2D", "Pad", "MaxPool2D", "Conv2D", "Add", "FullyConnected"]


def test_everything_unsupported_is_named_at_once_with_advice() -> None:
    nodes = [
        node("Elu", "x", "a"),
        node("Conv", "a w", "b"),
        node("Elu", "b", "c"),
        node("Pad", "c pads", "d", mode="edge"),
        node("Relu", "d"),
    ]
    constants = {"w": floats(2, 1, 1, 1), "pads": np.zeros(8, np.int64)}

    with pytest.raises(UnsupportedModelError) as caught:
        load_onnx(onnx_bytes(nodes, {"x": ("N", 1, 4, 4)}, constants), "made")

    assert caught.value.problems == (
        "a (Elu): not supported; train with Relu, Clip(0, 6) or HardSwish in its place",
        "c (Elu): not supported; train with Relu, Clip(0, 6) or HardSwish in its place",
        "d (Pad): mode 'edge'; only 'constant' is supported",
    )


def test_quantized_models_are_sent_back_to_their_float_model() -> None:
    nodes = [node("QuantizeLinear", "x s", "a"), node("DequantizeLinear", "a s")]
    data = onnx_bytes(nodes, {"x": ("N", 4)}, {"s": np.array(0.1, np.float32)})

    with pytest.raises(UnsupportedModelError, match="quantized already; give the float model"):
        load_onnx(data, "made")


def test_unknown_domains_are_refused_by_name() -> None:
    model = onnx.load_model_from_string(onnx_bytes([node("Relu", "x")], {"x": ("N", 4)}))
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))

    with pytest.raises(UnsupportedModelError, match=r"y \(Relu\): not supported"):
        load_onnx(model.SerializeToString(), "made")


@pytest.mark.ort
def test_two_outputs_of_one_tensor_keep_both_names() -> None:
    nodes = [node("Relu", "x", "a"), node("Identity", "a", "y")]

    graph = assert_reads_as_onnxruntime_runs(onnx_bytes(nodes, {"x": ("N", 4)}, outputs=("y", "a")))

    assert graph.outputs == ("y", "a")


@pytest.mark.ort
def test_an_output_that_is_also_read_keeps_its_name_and_layout() -> None:
    nodes = [node("Conv", "x w", "a"), node("Flatten", "a", "f"), node("MatMul", "f v")]
    constants = {"w": floats(2, 3, 1, 1), "v": floats(32, 4)}
    data = onnx_bytes(nodes, {"x": ("N", 3, 4, 4)}, constants, outputs=("y", "a", "f"))

    graph = assert_reads_as_onnxruntime_runs(data)

    assert graph.outputs == ("y", "a", "f")
    assert load_onnx(data, "made").output_permutations == {"a": (0, 2, 3, 1)}


@pytest.mark.ort
def test_an_input_that_is_returned_is_copied() -> None:
    data = onnx_bytes([node("Identity", "x")], {"x": ("N", 4)})

    assert assert_reads_as_onnxruntime_runs(data).outputs == ("y",)


def test_a_constant_that_is_returned_is_refused() -> None:
    nodes = [node("Identity", "c"), node("Relu", "x", "z")]
    data = onnx_bytes(nodes, {"x": (1, 4)}, {"c": floats(1, 4)}, outputs=("y", "z"))

    with pytest.raises(UnsupportedModelError, match="output y: nothing computes it"):
        load_onnx(data, "made")


def test_a_second_output_that_is_read_is_refused() -> None:
    nodes = [
        node("MaxPool", "x", "a indices", kernel_shape=[2, 2]),
        node("Cast", "indices", "b", to=1),
        node("Add", "a b"),
    ]

    with pytest.raises(UnsupportedModelError, match="indices"):
        load_onnx(onnx_bytes(nodes, {"x": ("N", 1, 4, 4)}), "made")


def test_nodes_that_no_output_needs_are_not_looked_at() -> None:
    nodes = [node("Relu", "x"), node("Erf", "x", "unused")]

    assert load_onnx(onnx_bytes(nodes, {"x": ("N", 4)}), "made").graph.outputs == ("y",)


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
def test_a_softmax_at_the_end_hints_at_classes(kind: str) -> None:
    loaded = load_onnx(onnx_bytes([node(kind, "x")], {"x": ("N", 4)}), "made")

    assert loaded.task_hint == "classification"


def test_the_same_bytes_give_an_equal_graph() -> None:
    data = onnx_bytes([node("MatMul", "x w")], {"x": ("N", 4)}, {"w": floats(4, 2)})

    assert load_onnx(data, "made").graph == load_onnx(data, "made").graph


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (node("MaxPool", "x", kernel_shape=[9, 9]), "does not fit into"),
        (node("MaxPool", "x", kernel_shape=[2, 2], auto_pad="SAME"), "auto_pad 'SAME'"),
        (node("Conv", "x w", group=2), "does not read"),
        (node("LeakyRelu", "x", alpha=-1.0), "alpha is -1; only positive"),
        (node("HardSigmoid", "x", alpha=-1.0), "alpha is -1; only positive"),
        (node("PRelu", "x eight"), "does not broadcast"),
        (node("PRelu", "x x"), "input 1 is computed"),
        (node("Clip", "x half zero"), "which is empty"),
        (node("Clip", "x two"), "a bound of shape"),
        (node("Concat", "x two4", axis=1), "input 1 is a constant"),
        (node("Dropout", "x half yes"), "training_mode is on"),
        (node("LinearRegressor", "x", coefficients=[1.0, 2.0, 3.0]), "3 coefficients for 4"),
    ],
)
def test_faults_are_named_whoever_finds_them_first(bad: onnx.NodeProto, message: str) -> None:
    constants = {
        "w": floats(2, 3, 1, 1),
        "zero": np.array(0, np.float32),
        "two": floats(2),
        "eight": floats(8),
        "two4": floats(1, 2, 4, 4),
        "half": np.array(0.5, np.float32),
        "yes": np.array(True),
    }
    graph = onnx_bytes([node("Relu", "x")], {"x": (1, 1, 4, 4)}, constants)
    model = onnx.load_model_from_string(graph)
    model.graph.node[0].CopyFrom(bad)
    for dim in model.graph.output[0].type.tensor_type.shape.dim:
        dim.ClearField("dim_value")

    with pytest.raises(ModelError, match=message):
        load_onnx(model.SerializeToString(), "made")
