"""TFLite models as graphs: official files, and what is refused with what to do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from quantize.emit.tflite_int8 import METADATA_NAME, emit_tflite
from quantize.errors import ModelError, UnsupportedModelError
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Profile
from quantize.ir.ops import Conv2D, DepthwiseConv2D, FullyConnected, Mean
from quantize.load import tflite_model
from quantize.load.tflite_file import read_tflite
from quantize.load.tflite_model import is_int8_tflite, load_float_tflite, load_int8_tflite
from quantize.load.tflite_operations import SUPPORTED_OPERATORS
from tests.models import tiny_classifier
from tests.tflite_files import edited

pytestmark = pytest.mark.tflite
INT8_FILES = (
    "mlperf_tiny/ad_fcae_int8_official.tflite",
    "mlperf_tiny/ic_resnet8_int8_official.tflite",
    "mlperf_tiny/ic_resnet_large_int8_official.tflite",
    "mlperf_tiny/kws_dscnn_int8_official.tflite",
    "mlperf_tiny/sww_int8_official.tflite",
    "mlperf_tiny/vww_mbv1_025_int8_official.tflite",
    "tflm/hello_world_int8.tflite",
    "tflm/micro_speech_int8.tflite",
    "tflm/person_detect_int8.tflite",
)
FLOAT_FILES = (
    "mlperf_tiny/ad_fcae_float_official.tflite",
    "mlperf_tiny/ic_resnet8_float.tflite",
    "mlperf_tiny/kws_dscnn_float.tflite",
    "mlperf_tiny/vww_mbv1_025_float_sig.tflite",
    "tflm/hello_world_float.tflite",
)


@pytest.mark.shared_assets
@pytest.mark.parametrize("path", INT8_FILES)
def test_an_official_int8_file_comes_back_smaller_and_equal(path: str, shared: Path) -> None:
    data = (shared / "models" / path).read_bytes()
    graph = load_int8_tflite(data, path)

    emitted = emit_tflite(graph)

    assert is_int8_tflite(data)
    assert len(emitted) < len(data)
    assert load_int8_tflite(emitted, path) == graph


@pytest.mark.shared_assets
@pytest.mark.parametrize("path", FLOAT_FILES)
def test_an_official_float_file_computes_as_litert_does(
    path: str, shared: Path, rng: np.random.Generator
) -> None:
    data = (shared / "models" / path).read_bytes()
    graph = load_float_tflite(data, path)
    (name,) = graph.inputs
    x = rng.normal(0, 1, graph.tensors[name].shape).astype(np.float32)

    computed = execute_float(graph, {name: x})[graph.outputs[0]]

    assert not is_int8_tflite(data)
    np.testing.assert_allclose(computed, _litert(data, x), rtol=1e-4, atol=1e-4)


def _litert(data: bytes, x: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.shared_assets
def test_an_old_converter_may_name_another_axis_on_a_bias(shared: Path) -> None:
    data = (shared / "models/tflm/person_detect_int8.tflite").read_bytes()

    graph = load_int8_tflite(data, "person")

    first = graph.operations[0]
    assert isinstance(first, DepthwiseConv2D)
    assert first.bias is not None
    assert graph.tensors[first.bias].quant.axis == 0


@pytest.mark.shared_assets
def test_every_operator_that_is_not_supported_is_named_at_once(shared: Path) -> None:
    data = (shared / "models/tflm/audio_preprocessor_int8.tflite").read_bytes()

    with pytest.raises(UnsupportedModelError, match=r"CUSTOM SignalWindow.*CUSTOM SignalPCAN") as e:
        load_int8_tflite(data, "audio")
    operators = read_tflite(data, "audio").operators
    unread = [each.kind for each in operators if each.kind not in SUPPORTED_OPERATORS]
    assert len(e.value.problems) == len(unread)


@pytest.mark.shared_assets
def test_a_dynamic_range_file_is_no_float_model_and_says_what_to_do(shared: Path) -> None:
    data = (shared / "models/mlperf_tiny/kws_dscnn_dynrange_official.tflite").read_bytes()

    assert not is_int8_tflite(data)
    with pytest.raises(
        UnsupportedModelError, match=r"\(dynamic range\); convert again without optimizations"
    ):
        load_float_tflite(data, "kws")


def test_both_sides_of_the_file_use_one_metadata_name() -> None:
    assert METADATA_NAME == tflite_model.METADATA_NAME


def test_the_caller_overrides_the_profile_that_the_file_states() -> None:
    data = emit_tflite(tiny_classifier(profile=Profile.LITERT))

    assert load_int8_tflite(data, "m").profile is Profile.LITERT
    assert load_int8_tflite(data, "m", Profile.TFLM).profile is Profile.TFLM


def test_a_file_of_others_means_the_arithmetic_of_tflite_micro() -> None:
    data = edited(emit_tflite(tiny_classifier()), lambda model: setattr(model, "metadata", None))

    assert load_int8_tflite(data, "m").profile is Profile.TFLM


@pytest.mark.parametrize("content", [b"", b"{", b'{"profile":"cmsis"}', b"[" * 5000, b'{"a":1}'])
def test_metadata_that_cannot_be_read_is_an_error(content: bytes) -> None:
    def spoil(model: Any) -> None:
        model.buffers[model.metadata[0].buffer].data = np.frombuffer(content, np.uint8)

    with pytest.raises(ModelError, match=f"metadata {METADATA_NAME} is damaged"):
        load_int8_tflite(edited(emit_tflite(tiny_classifier()), spoil), "m")


def test_parameters_are_fields_and_no_tensors() -> None:
    graph = load_int8_tflite(emit_tflite(tiny_classifier()), "m")

    assert graph.operations[3] == Mean("sum", "mean", (1, 2))
    assert set(graph.tensors) == set(tiny_classifier().tensors)


def _edit_tensor(name: bytes, **changes: Any) -> bytes:
    def change(model: Any) -> None:
        (tensor,) = [t for t in model.subgraphs[0].tensors if t.name == name]
        for field, value in changes.items():
            target = tensor if hasattr(tensor, field) else tensor.quantization
            setattr(target, field, value)

    return edited(emit_tflite(tiny_classifier()), change)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [5, 5]}, "logits/weight has 20 bytes, shape"),
        ({"quantization": None}, "logits/weight is INT8 without a scale"),
        ({"zeroPoint": np.array([0, 0, 1, 0, 0], np.int64)}, "logits/weight has several zero"),
        ({"scale": np.array([0, 1, 1, 1, 1], np.float32)}, "logits/weight: a scale is not a pos"),
        ({"quantizedDimension": 1}, "logits/weight: 5 scales, expected 4"),
        ({"isVariable": True}, "uses logits/weight, which is sparse or a variable"),
        ({"type": 17}, "logits .FULLY_CONNECTED. reads logits/weight, which is INT4; supported"),
        ({"type": 3}, "which is the old uint8 scheme; convert again with int8 types"),
        ({"type": 1}, "which is float16; convert again in float32, without optimizations"),
        ({"type": 99}, "which is type 99; supported are float32 and int8"),
    ],
)
def test_a_weight_that_contradicts_itself_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_int8_tflite(_edit_tensor(b"logits/weight", **changes), "m")


def test_an_input_or_output_that_is_no_tensor_is_refused() -> None:
    def unset(model: Any) -> None:
        model.subgraphs[0].outputs = [-1]

    with pytest.raises(UnsupportedModelError, match="an input or output of the model is no tensor"):
        load_int8_tflite(edited(emit_tflite(tiny_classifier()), unset), "m")


def test_an_absent_bias_stays_absent() -> None:
    def drop(model: Any) -> None:
        for operator in model.subgraphs[0].operators:
            if len(operator.inputs) == 3:
                operator.inputs = [*operator.inputs[:2], -1]

    graph = load_int8_tflite(edited(emit_tflite(tiny_classifier()), drop), "m")

    weighted = [
        operation
        for operation in graph.operations
        if isinstance(operation, Conv2D | DepthwiseConv2D | FullyConnected)
    ]
    assert [operation.bias for operation in weighted] == [None, None, None]
