"""Inputs unlike the calibration data are told within one window, and no longer once they are."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.watch import DriftConfig
from edge_runtime.decoders.specs import ClassificationDecoder
from edge_runtime.manifest import Manifest, load_bundle
from edge_runtime.watch.drift import DriftWatch, certainty, thinned
from edge_runtime.watch.reference import References, load_references
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle
from tests.edge_runtime.calibrated import calibrate

pytestmark = [pytest.mark.ort, pytest.mark.tflite]
CONFIG = DriftConfig(frames=100, window_s=10.0)


def known_of(bundle: Path) -> tuple[Manifest, References]:
    manifest = load_bundle(bundle)
    known = load_references(manifest, bundle)
    assert known is not None
    return manifest, known


class Stream:
    """Rows of two columns from a normal distribution, 20 a second, through a watch."""

    def __init__(self, folder: Path, config: DriftConfig | None) -> None:
        self.rng = np.random.default_rng(7)
        rows = self.rng.normal(0, 1, (5000, 2))
        manifest, known = known_of(calibrate(sum_bundle(folder), rows, rows.sum(axis=1)))
        self.watch = DriftWatch(config, manifest, known)
        self.now_s = 1000.0

    def run(self, seconds: float, mean: float = 0.0, spread: float = 1.0) -> float | None:
        """Return after how many seconds there was trouble, None: there was none."""
        began_s = self.now_s
        for _ in range(round(seconds * 20)):
            row = self.rng.normal(mean, spread, (1, 2)).astype(np.float32)
            self.watch.see(row, {"y": row.sum(axis=1, keepdims=True)}, self.now_s)
            self.now_s += 0.05
            if self.watch.troubles:
                return self.now_s - began_s
        return None


def test_what_is_like_the_calibration_data_is_no_trouble(tmp_path: Path) -> None:
    stream = Stream(tmp_path, CONFIG)

    assert stream.run(120.0) is None
    drift = stream.watch.drift
    assert drift is not None
    assert 100 <= drift.frames <= 101
    assert drift.input_psi < 0.25
    assert drift.input_psi_1h < drift.input_psi + 0.05
    assert (drift.confidence, drift.entropy) == (None, None)


def test_a_drifted_input_is_told_when_the_first_window_ends(tmp_path: Path) -> None:
    after_s = Stream(tmp_path, CONFIG).run(60.0, mean=1.5)

    assert after_s is not None
    assert after_s <= CONFIG.window_s + 0.1


def test_an_input_that_drifts_later_is_told_within_two_windows_and_its_end_likewise(
    tmp_path: Path,
) -> None:
    stream = Stream(tmp_path, CONFIG)
    assert stream.run(33.0) is None

    after_s = stream.run(60.0, mean=1.5)
    assert after_s is not None
    assert after_s <= 2 * CONFIG.window_s + 0.2

    (trouble,) = stream.watch.troubles
    assert trouble.kind == "drift"
    assert trouble.text.startswith("input PSI, output PSI")
    for _ in range(21 * 20):
        stream.run(0.05)
    assert stream.watch.troubles == ()


def test_without_a_table_only_values_beyond_the_calibrated_range_are_an_alert(
    tmp_path: Path,
) -> None:
    stream = Stream(tmp_path, None)

    assert stream.run(700.0, mean=0.5, spread=0.3) is None  # far by PSI, well within the range
    assert stream.watch.drift is not None
    assert stream.watch.drift.input_psi > 0.25
    assert stream.run(700.0, mean=20.0) is not None
    assert "beyond the calibrated range" in stream.watch.troubles[0].text


def test_a_slow_source_makes_a_window_longer(tmp_path: Path) -> None:
    stream = Stream(tmp_path, CONFIG)
    for _ in range(99):
        stream.watch.see(np.zeros((1, 2)), {"y": np.zeros((1, 1))}, stream.now_s)
        stream.now_s += 1.0
    assert stream.watch.drift is None

    stream.watch.see(np.zeros((1, 2)), {"y": np.zeros((1, 1))}, stream.now_s)
    assert stream.watch.drift is not None
    assert stream.watch.drift.seconds == 99.0


def test_what_a_frame_costs_does_not_grow_with_its_size() -> None:
    image = np.arange(640 * 480 * 3).reshape(1, 480, 640, 3)

    some = thinned(image)

    assert 2000 < some.size <= 4200
    counts = np.bincount(some % 3)
    assert counts.max() - counts.min() <= 1  # each channel as often as the others
    assert thinned(np.float32(3.0)).tolist() == [3.0]


def test_s5_inputs_pushed_towards_the_other_class_move_confidence_and_entropy(
    tmp_path: Path,
) -> None:
    """The sign of the gradient of a linear model is that of its weights: FGSM in closed form."""
    rng = np.random.default_rng(9)
    clean = np.concatenate([rng.uniform(20, 60, (200, 4)), rng.uniform(200, 240, (200, 4))])
    towards = np.where(clean.mean(axis=1, keepdims=True) > 128, -1.0, 1.0)

    def logits(values: np.ndarray) -> np.ndarray:
        bright = (values.mean(axis=1) - 128)[:, np.newaxis] / 8
        return np.concatenate([-bright, bright], axis=1)

    manifest, known = known_of(calibrate(brightness_bundle(tmp_path), clean, logits(clean)))
    config = DriftConfig(frames=100, window_s=1.0, min_confidence=0.9, max_entropy=0.5)

    def seen(values: np.ndarray) -> DriftWatch:
        watch = DriftWatch(config, manifest, known)
        for number, row in enumerate(rng.permutation(values)):
            watch.see(row.reshape(1, 2, 2, 1), {"y": logits(row[np.newaxis])}, number * 0.01)
        return watch

    calm, attacked = seen(clean), seen(clean + 85 * towards)

    assert calm.troubles == ()
    assert calm.drift is not None
    assert attacked.drift is not None
    assert attacked.drift.confidence < calm.drift.confidence - 0.02
    assert attacked.drift.entropy > calm.drift.entropy + 0.02
    assert attacked.drift.input_psi > 0.25
    assert [trouble.kind for trouble in attacked.troubles] == ["drift", "unsure"]


def test_certainty_of_scores() -> None:
    softmax = ClassificationDecoder(output="y", activation="softmax")
    raw = ClassificationDecoder(output="y")

    assert certainty(np.zeros((1, 4)), softmax) == (0.25, pytest.approx(1.0))
    assert certainty(np.array([[1.0, 0.0]]), raw) == (1.0, 0.0)
    assert certainty(np.array([[0.0, 0.0]]), raw) == (0.0, 1.0)
