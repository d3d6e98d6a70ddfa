from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.arrays import open_arrays
from quantize.calibrate.dataset import Dataset, ModelInput
from quantize.errors import DataError

IMAGE = ModelInput("image", (1, 4, 5, 3))
FIRST = ModelInput("image", (1, 4, 5, 3), permutation=(0, 2, 3, 1))
COLUMN = ModelInput("x", (1, 1))


def _save(folder: Path, **arrays: object) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def _all(dataset: Dataset, name: str, size: int = 3) -> np.ndarray:
    return np.concatenate([batch[name] for batch in dataset.read(size)])


def test_bytes_become_float32_without_scaling(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)

    dataset = open_arrays(_save(tmp_path, x=values, y=np.arange(7)), [IMAGE])

    read = _all(dataset, "image")
    assert read.dtype == np.float32
    assert np.array_equal(read, values.astype(np.float32))
    assert dataset.samples == 7
    assert dataset.labels is not None
    assert dataset.labels.tolist() == list(range(7))


def test_a_dataset_can_be_read_twice(tmp_path: Path) -> None:
    dataset = open_arrays(_save(tmp_path, x=np.ones((4, 4, 5, 3))), [IMAGE])

    assert np.array_equal(_all(dataset, "image"), _all(dataset, "image", size=1))


def test_channels_first_arrays_are_permuted(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)

    dataset = open_arrays(_save(tmp_path, x=values), [FIRST])

    assert np.array_equal(_all(dataset, "image"), values.transpose(0, 2, 3, 1))


def test_channels_last_arrays_are_taken_for_a_channels_first_model_too(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)

    dataset = open_arrays(_save(tmp_path, x=values), [FIRST])

    assert np.array_equal(_all(dataset, "image"), values)


def test_plain_numbers_are_a_column(tmp_path: Path) -> None:
    dataset = open_arrays(_save(tmp_path, x=np.arange(5.0), y=np.arange(5.0)), [COLUMN])

    assert _all(dataset, "x").shape == (5, 1)
    assert dataset.labels is not None
    assert dataset.labels.dtype == np.float32


def test_several_inputs_read_the_arrays_of_their_names(tmp_path: Path) -> None:
    left, right = ModelInput("left", (1, 2)), ModelInput("right", (1, 3))
    path = _save(tmp_path, left=np.zeros((4, 2)), right=np.ones((4, 3)))

    (batch,) = open_arrays(path, [left, right]).read(10)

    assert batch["left"].shape == (4, 2)
    assert batch["right"].shape == (4, 3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.zeros((2, 4, 5, 3))}, "no array x, it has z"),
        ({"x": np.zeros((0, 4, 5, 3))}, "no samples"),
        ({"x": np.zeros((2, 4, 4, 3))}, r"shape \(4, 4, 3\), the model takes \(4, 5, 3\)"),
        ({"x": np.zeros((2, 4, 5, 3)), "y": np.zeros(3)}, "y has 3 entries for 2 samples"),
        ({"x": np.full((2, 4, 5, 3), "a")}, "allowed are numbers"),
        ({"x": np.zeros((2, 4, 5, 3)), "y": np.array(["a", "b"])}, "labels of type"),
        ({"x": np.zeros((2, 4, 5, 3)), "y": np.array([1.0, np.nan])}, "a label is NaN"),
    ],
)
def test_data_that_cannot_be_used_is_one_clear_line(
    arrays: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_arrays(_save(tmp_path, **arrays), [IMAGE])

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_value_that_is_not_finite_is_named_by_its_sample(bad: float, tmp_path: Path) -> None:
    values = np.zeros((9, 4, 5, 3))
    values[7, 1, 2, 0] = bad
    dataset = open_arrays(_save(tmp_path, x=values), [IMAGE])

    with pytest.raises(DataError, match="sample 7 has NaN or infinity"):
        _all(dataset, "image", size=4)
