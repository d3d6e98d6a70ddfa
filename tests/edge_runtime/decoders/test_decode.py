"""Tensors to what they mean."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_runtime.decoders.anomaly import decode_anomaly
from edge_runtime.decoders.classification import activate, decode_classes
from edge_runtime.decoders.decode import decode, first_threshold
from edge_runtime.decoders.regression import decode_values
from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    ClassificationDecoder,
    Decoder,
    RegressionDecoder,
    RowsDecoder,
    outputs_of,
    task_of,
)
from edge_runtime.errors import BundleError, FrameError
from edge_runtime.manifest import ImageInput, TensorInput, load_bundle
from edge_runtime.records import Anomaly, Classification
from tests.edge_runtime.bundles import brightness_bundle, half_bundle
from tests.edge_runtime.manifests import manifest_of

LABELS = ("a", "b", "c")


def array(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_the_best_classes_come_first_and_equals_by_index() -> None:
    decoder = ClassificationDecoder(output="y", top_k=2)

    decoded = decode_classes(array(0.25, 0.5, 0.25, 0.5), decoder, LABELS)

    assert [(c.label, c.index, c.score) for c in decoded.classes] == [("b", 1, 0.5), ("3", 3, 0.5)]


def test_softmax_sums_to_one_and_does_not_overflow() -> None:
    decoder = ClassificationDecoder(output="y", activation="softmax")

    scores = activate(array(1000.0, 1000.0, -1000.0).ravel(), decoder)

    np.testing.assert_allclose(scores, [0.5, 0.5, 0.0])
    np.testing.assert_allclose(
        activate(array(1.0, 2.0).ravel(), decoder), np.exp([1, 2]) / np.exp([1, 2]).sum()
    )


def test_one_logistic_score_is_yes_and_no() -> None:
    decoder = ClassificationDecoder(output="y", activation="logistic")

    decoded = decode_classes(array(-1000.0), decoder, ("no", "yes"))

    assert [c.label for c in decoded.classes] == ["no", "yes"]
    np.testing.assert_allclose([c.score for c in decoded.classes], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(activate(array(0.0, 2.0).ravel(), decoder), [0.5, 0.880797], 1e-6)


def test_a_regression_is_scaled_to_its_unit() -> None:
    decoder = RegressionDecoder(output="y", names=("t", "p"), scale=2.0, offset=-1.0)

    assert decode_values(array(0.5, 3.0), decoder).values == (("t", 0.0), ("p", 5.0))


def test_an_anomaly_is_the_mean_square_of_what_is_not_reconstructed() -> None:
    decoder = AnomalyDecoder(output="y", threshold=9.0)

    decoded = decode_anomaly(array(1.0, 2.0), array(0.0, 5.0), decoder, threshold=5.0)

    assert decoded == Anomaly(score=5.0, threshold=5.0, is_anomalous=False)
    assert decode_anomaly(array(1, 2), array(0, 5), decoder, threshold=4.9).is_anomalous
    direct = AnomalyDecoder(output="y", threshold=1.0, method="score")
    assert decode_anomaly(array(1.5), array(1, 2, 3), direct, threshold=1.0).score == 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(FrameError):
        decode_values(array(bad), RegressionDecoder(output="y", names=("t",)))
    with pytest.raises(FrameError):
        decode_anomaly(array(bad), array(0.0), AnomalyDecoder(output="y", threshold=1.0), 1.0)
    with pytest.raises(FrameError, match="NaN"):
        decode_classes(array(np.nan, 1.0), ClassificationDecoder(output="y"), LABELS)


def test_another_number_of_outputs_is_refused() -> None:
    with pytest.raises(FrameError, match="2 values, 1 names"):
        decode_values(array(1, 2), RegressionDecoder(output="y", names=("t",)))
    with pytest.raises(FrameError, match="2 values, expected 3"):
        decode_anomaly(array(1, 2), array(1, 2, 3), AnomalyDecoder(output="y", threshold=1.0), 1.0)


def test_the_manifest_names_the_decoder(tmp_path: Path) -> None:
    manifest = load_bundle(brightness_bundle(tmp_path))

    decoded = decode({"y": array(-3.0, 3.0)}, array(0, 0, 0, 0), manifest, 0.5)

    assert isinstance(decoded, Classification)
    assert decoded.classes[0].label == "bright"
    with pytest.raises(BundleError, match="output 'y'"):
        decode({}, array(0.0), manifest, 0.5)
    with pytest.raises(BundleError, match="declares no decoder"):
        decode({}, array(0.0), msgspec.structs.replace(manifest, decoder=None), 0.5)


def test_the_first_threshold_is_the_configurations_or_the_bundles(tmp_path: Path) -> None:
    assert first_threshold(None, load_bundle(half_bundle(tmp_path))) == 0.25
    assert first_threshold(None, load_bundle(brightness_bundle(tmp_path))) == 0.5
    assert first_threshold(0.9, load_bundle(half_bundle(tmp_path / "again"))) == 0.9


def test_boxes_of_what_is_no_image_are_refused() -> None:
    rows = RowsDecoder(outputs=("y",))
    manifest = manifest_of(rows, {"y": (1, 9, 5)}, ImageInput(width=8, height=8))
    spoiled = msgspec.structs.replace(manifest, preprocessing=TensorInput())

    with pytest.raises(BundleError, match="made: its decoder needs images"):
        decode({"y": np.zeros((1, 9, 5), np.float32)}, array(0.0), spoiled, 0.5)


@pytest.mark.parametrize(
    ("decoder", "task"),
    [
        (ClassificationDecoder(output="y"), "classification"),
        (RegressionDecoder(output="y", names=("t",)), "regression"),
        (AnomalyDecoder(output="y", threshold=1.0), "anomaly"),
    ],
)
def test_every_decoder_has_its_task(decoder: Decoder, task: str) -> None:
    assert task_of(decoder) == task
    assert outputs_of(decoder) == ("y",)
