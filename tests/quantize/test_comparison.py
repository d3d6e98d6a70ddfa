from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.open_data import DataSettings
from quantize.comparison import compare_models
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import ModelError
from tests.models import tiny_classifier
from tests.quantize.cases import save_classifier, save_classifier_data

pytestmark = [pytest.mark.tflite, pytest.mark.ort]


def _silent(stage: str, done: int, total: int) -> None:
    """Watch nothing."""


def _images(folder: Path) -> Path:
    path = folder / "images.npz"
    np.savez(path, x=np.random.default_rng(0).random((30, 8, 8, 3), np.float32))
    return path


def test_the_same_integers_in_both_formats_are_codes_apart(tmp_path: Path) -> None:
    graph = tiny_classifier()
    (tmp_path / "a.onnx").write_bytes(emit_qdq_onnx(graph))
    (tmp_path / "a.tflite").write_bytes(emit_tflite(graph))

    found = compare_models(
        tmp_path / "a.onnx", tmp_path / "a.tflite", _images(tmp_path), DataSettings(), _silent
    )

    assert found.samples == 30
    assert found.max_lsb is not None
    assert found.max_lsb <= 8  # of a softmax, behind one code of a logit
    assert found.max_abs == pytest.approx(found.max_lsb / 256)
    assert [layer.sqnr_db for layer in found.layers] == [None] * len(graph.operations)


def test_other_integers_differ_layer_by_layer(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / f"{seed}.tflite").write_bytes(emit_tflite(tiny_classifier(seed)))

    found = compare_models(
        tmp_path / "1.tflite", tmp_path / "2.tflite", _images(tmp_path), DataSettings(), _silent
    )

    assert found.layers[0].name == "conv"
    assert found.changed_predictions is not None
    assert found.changed_predictions > 0


def test_models_of_other_shapes_are_not_compared(tmp_path: Path) -> None:
    int8 = tmp_path / "a.tflite"
    int8.write_bytes(emit_tflite(tiny_classifier()))

    with pytest.raises(ModelError, match="inputs and output of shapes"):
        compare_models(
            save_classifier(tmp_path), int8, save_classifier_data(tmp_path), DataSettings(), _silent
        )
