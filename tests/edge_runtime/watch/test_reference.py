"""What calibration saw, in few bins, and how far counts are from it."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import BundleError
from edge_runtime.manifest import load_bundle
from edge_runtime.watch.reference import Reference, load_references, reference_of, stability_index
from quantize.calibrate.histogram import histogram_of
from tests.edge_runtime.bundles import sum_bundle
from tests.edge_runtime.calibrated import add_file, calibrate

pytestmark = [pytest.mark.ort, pytest.mark.tflite]
RNG = np.random.default_rng(5)


def reference(values: np.ndarray) -> Reference:
    seen = histogram_of(values.astype(np.float32), "x")
    return reference_of(seen.counts, seen.first, seen.exponent, (seen.low, seen.high))


def test_bins_have_about_equal_weight() -> None:
    found = reference(RNG.normal(3.0, 2.0, 50_000))

    assert len(found.shares) == 10
    assert np.abs(found.shares - 0.1).max() < 0.01
    assert found.shares.sum() == pytest.approx(1.0)


def test_the_reference_counts_its_own_values_as_it_has_them() -> None:
    values = RNG.normal(0.0, 1.0, 20_000).astype(np.float32)
    found = reference(values)

    assert np.array_equal(found.count(values) / len(values), found.shares)
    assert found.outside(values) == 0


@pytest.mark.parametrize("values", [np.zeros(100), np.full(7, 3.5), np.array([0.0, 1.0] * 50)])
def test_few_different_values_make_few_bins(values: np.ndarray) -> None:
    found = reference(values)

    assert len(found.shares) == len(np.unique(values))
    assert stability_index(found.shares, found.count(values.astype(np.float32))) == 0.0


def test_the_index_is_the_formula_of_credit_scoring() -> None:
    expected, counts = np.array([0.5, 0.5]), np.array([90, 10])

    by_hand = 0.4 * np.log(0.9 / 0.5) + -0.4 * np.log(0.1 / 0.5)
    assert stability_index(expected, counts) == pytest.approx(by_hand)
    assert stability_index(expected, np.array([0, 0])) == 0.0


def test_the_same_distribution_stays_far_below_the_customary_limit() -> None:
    found = reference(RNG.normal(0.0, 1.0, 20_000))
    indices = [
        stability_index(found.shares, found.count(RNG.normal(0.0, 1.0, 400))) for _ in range(50)
    ]

    assert max(indices) < 0.1
    shifted = found.count(RNG.normal(1.0, 1.0, 400))
    assert stability_index(found.shares, shifted) > 0.5


def test_a_bundle_says_what_calibration_saw(tmp_path: Path) -> None:
    bundle = calibrate(sum_bundle(tmp_path), RNG.normal(0, 1, 400), RNG.normal(0, 2, 200))

    found = load_references(load_bundle(bundle), bundle)

    assert found is not None
    assert len(found.given) == 1
    assert found.taken.low < -2 < 2 < found.taken.high


def test_a_bundle_without_histograms_says_nothing(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)

    assert load_references(load_bundle(bundle), bundle) is None


@pytest.mark.parametrize("damage", ["no archive", "no arrays", "no counts"])
def test_a_file_without_histograms_is_refused(tmp_path: Path, damage: str) -> None:
    bundle = sum_bundle(tmp_path)
    path = tmp_path / "c.npz"
    if damage == "no archive":
        path.write_bytes(b"nonsense")
    elif damage == "no arrays":
        np.savez(path, other=np.zeros(1))
    else:
        np.savez(
            path, input_0_counts=np.zeros(3), input_0_first=np.zeros(1),
            input_0_exponent=np.zeros(1), input_0_range=np.zeros(2),
        )  # fmt: skip
    add_file(bundle, "calibration", "calibration.npz", path.read_bytes())

    with pytest.raises(BundleError, match=r"calibration\.npz: no histograms"):
        load_references(load_bundle(bundle), bundle)
