"""Files that are not ours, or broken, are refused in one line."""

import json

import onnx
import pytest
from onnx import helper

from quantize.emit.onnx_qdq import METADATA_KEY, emit_qdq_onnx
from quantize.errors import ModelError
from quantize.load.onnx_qdq import is_qdq_onnx, load_qdq_onnx
from tests.models import tiny_classifier


def tampered(**facts: object) -> bytes:
    model = onnx.load_model_from_string(emit_qdq_onnx(tiny_classifier()))
    known = json.loads(model.metadata_props[0].value)
    helper.set_model_props(model, {METADATA_KEY: json.dumps({**known, **facts})})
    return model.SerializeToString()


def test_ours_is_told_from_others() -> None:
    assert is_qdq_onnx(emit_qdq_onnx(tiny_classifier()))
    assert not is_qdq_onnx(b"")
    assert not is_qdq_onnx(b"not a model at all")


def test_a_truncated_file_is_refused() -> None:
    data = emit_qdq_onnx(tiny_classifier())

    with pytest.raises(ModelError, match="tiny"):
        load_qdq_onnx(data[: len(data) // 2], "tiny")


def test_a_file_without_our_metadata_is_refused() -> None:
    model = onnx.load_model_from_string(emit_qdq_onnx(tiny_classifier()))
    helper.set_model_props(model, {})

    with pytest.raises(ModelError, match="metadata"):
        load_qdq_onnx(model.SerializeToString(), "tiny")


@pytest.mark.parametrize(
    "facts",
    [{"tensors": []}, {"tensors": ["a"]}, {"profile": "x"}, {"activations": ""}, {"prefix": 3}],
)
def test_metadata_that_does_not_fit_the_nodes_is_refused(facts: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="contradicts itself"):
        load_qdq_onnx(tampered(**facts), "tiny")


@pytest.mark.parametrize("text", ["{", "9" * 5000, "[" * 200_000], ids=["open", "long", "deep"])
def test_metadata_that_is_no_json_is_refused(text: str) -> None:
    model = onnx.load_model_from_string(emit_qdq_onnx(tiny_classifier()))
    helper.set_model_props(model, {METADATA_KEY: text})

    with pytest.raises(ModelError, match="contradicts itself"):
        load_qdq_onnx(model.SerializeToString(), "tiny")
