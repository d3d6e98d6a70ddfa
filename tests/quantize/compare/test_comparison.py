from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.open_data import DataSettings
from quantize.compare.comparison import Comparison, compare_models
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import ModelError
from quantize.executors import Kernels
from quantize.job import Job
from quantize.pipeline import run_job
from quantize.saturation import Codes
from tests.models import tiny_classifier
from tests.quantize.cases import save_classifier, save_classifier_data
from tests.quantize.compare.exporting import export_c

pytestmark = [pytest.mark.tflite, pytest.mark.ort]


def _silent(stage: str, done: int, total: int) -> None:
    """Watch nothing."""


def _compare(first: Path, second: Path, data: Path) -> Comparison:
    return compare_models((first, second), data, DataSettings(), _silent)


def _images(folder: Path) -> Path:
    path = folder / "images.npz"
    np.savez(path, x=np.random.default_rng(0).random((30, 8, 8, 3), np.float32))
    return path


def test_the_same_integers_in_both_formats_are_codes_apart(tmp_path: Path) -> None:
    graph = tiny_classifier()
    (tmp_path / "a.onnx").write_bytes(emit_qdq_onnx(graph))
    (tmp_path / "a.tflite").write_bytes(emit_tflite(graph))

    found = _compare(tmp_path / "a.onnx", tmp_path / "a.tflite", _images(tmp_path))

    assert found.samples == 30
    assert found.output.max_lsb is not None
    assert found.output.max_lsb <= 8  # of a softmax, behind one code of a logit
    assert found.output.max_abs == pytest.approx(found.output.max_lsb / 256)
    assert found.logits is not None
    assert found.logits.max_lsb is not None
    assert [one.name for one in found.operations] == [one.output for one in graph.operations]
    assert max(one.max_lsb or 0 for one in found.operations) <= 1
    assert [layer.sqnr_db for layer in found.layers] == [None] * len(graph.operations)


def test_a_host_that_saturates_is_told_where_a_model_runs_on_onnx_runtimes_integers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("quantize.compare.sides.saturating", lambda: (Codes.UNSIGNED,))
    graph, images = tiny_classifier(), _images(tmp_path)
    (tmp_path / "a.onnx").write_bytes(emit_qdq_onnx(graph))
    (tmp_path / "a.tflite").write_bytes(emit_tflite(graph))

    _compare(tmp_path / "a.tflite", tmp_path / "a.tflite", images)
    assert not caplog.text
    _compare(tmp_path / "a.tflite", tmp_path / "a.onnx", images)

    assert "saturates U8S8 sums" in caplog.text


def test_other_integers_differ_layer_by_layer(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / f"{seed}.tflite").write_bytes(emit_tflite(tiny_classifier(seed)))

    found = _compare(tmp_path / "1.tflite", tmp_path / "2.tflite", _images(tmp_path))

    assert found.layers[0].name == "conv"
    assert found.changed_predictions is not None
    assert found.changed_predictions > 0
    assert len(found.changes) == found.changed_predictions
    assert found.changes[0].first != found.changes[0].second
    assert found.changes[0].first_margin == max(one.first_margin for one in found.changes)


def test_a_float_model_and_its_integers_differ_by_little_in_each_operation(tmp_path: Path) -> None:
    model, data = save_classifier(tmp_path), save_classifier_data(tmp_path)
    bundle = run_job(Job(model=model, calibrate=data, out=tmp_path / "out"), _silent).bundle

    found = _compare(model, bundle / "model.tflite", data)

    assert found.operations
    assert all(one.max_lsb is not None for one in found.operations)
    assert found.output.max_lsb is None
    assert found.logits is not None
    assert found.logits.max_abs > 0.0


def test_a_float_model_equals_itself_in_each_operation(tmp_path: Path) -> None:
    model = save_classifier(tmp_path)

    found = _compare(model, model, save_classifier_data(tmp_path))

    assert found.operations
    assert [one.sqnr_db for one in found.operations] == [None] * len(found.operations)
    assert [one.max_lsb for one in found.operations] == [None] * len(found.operations)


@pytest.mark.gcc
def test_exported_c_answers_as_the_reference_kernels_do(tmp_path: Path) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(emit_tflite(tiny_classifier()))
    code = export_c(model, tmp_path / "code")

    found = compare_models(
        (model, code), _images(tmp_path), DataSettings(), _silent, kernels=Kernels.REFERENCE
    )

    assert found.output.max_lsb == 0
    assert found.logits is None
    assert found.layers == ()
    assert found.changed_predictions == 0


@pytest.mark.gcc
def test_exported_c_can_be_compared_with_itself_and_has_classes_by_its_labels(
    tmp_path: Path,
) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(emit_tflite(tiny_classifier()))
    code = export_c(model, tmp_path / "code")
    images = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    np.savez(tmp_path / "labelled.npz", x=images, y=np.arange(5) % 4)

    assert _compare(code, code, tmp_path / "labelled.npz").changed_predictions == 0
    assert _compare(code, code, _images(tmp_path)).changed_predictions is None


def test_models_of_other_shapes_are_not_compared(tmp_path: Path) -> None:
    int8 = tmp_path / "a.tflite"
    int8.write_bytes(emit_tflite(tiny_classifier()))

    with pytest.raises(ModelError, match="inputs and output of shapes"):
        _compare(save_classifier(tmp_path), int8, save_classifier_data(tmp_path))
