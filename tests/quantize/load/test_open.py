import hashlib
from pathlib import Path

import pytest

from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import ModelError
from quantize.ir.graph import IntGraph
from quantize.load.open import ModelFormat, open_float_model, open_model
from tests.conftest import ROOT
from tests.models import tiny_classifier

DIGITS = ROOT / "examples" / "digits" / "digits.onnx"


def test_a_float_model_comes_with_its_hash() -> None:
    opened, loaded = open_float_model(DIGITS)

    assert (opened.name, opened.format) == ("digits", ModelFormat.ONNX)
    assert opened.sha256 == hashlib.sha256(DIGITS.read_bytes()).hexdigest()
    assert loaded.graph.operations


@pytest.mark.tflite
def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    graph = tiny_classifier()
    (tmp_path / "a.bin").write_bytes(emit_tflite(graph))
    (tmp_path / "b.tflite").write_bytes(emit_qdq_onnx(graph))

    first, second = open_model(tmp_path / "a.bin"), open_model(tmp_path / "b.tflite")

    assert (first.format, second.format) == (ModelFormat.TFLITE, ModelFormat.ONNX)
    assert first.content == second.content == graph


def test_an_int8_model_is_refused_where_a_float_one_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(emit_qdq_onnx(tiny_classifier()))

    assert isinstance(open_model(path).content, IntGraph)
    with pytest.raises(ModelError, match="quantized already, expected a float model"):
        open_float_model(path)


@pytest.mark.shared_assets
@pytest.mark.tflite
def test_float_and_int8_tflite_files_are_told_apart(shared: Path) -> None:
    folder = shared / "models" / "mlperf_tiny"

    assert not isinstance(open_model(folder / "ic_resnet8_float.tflite").content, IntGraph)
    assert isinstance(open_model(folder / "ic_resnet8_int8_official.tflite").content, IntGraph)
