from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.dataset import ModelInput
from quantize.calibrate.files import open_folder
from quantize.errors import DataError

INPUT = ModelInput("image", (1, 2, 2, 1))


def _size_as_value(path: Path) -> np.ndarray:
    """Stand in for the device's preprocessing: every pixel is the file's size."""
    return np.full((1, 2, 2, 1), path.stat().st_size, np.float32)


def _image(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"." * size)


def test_folders_of_classes_label_their_images(tmp_path: Path) -> None:
    _image(tmp_path / "dog" / "a.png", 5)
    _image(tmp_path / "cat" / "b.JPG", 7)
    _image(tmp_path / "cat" / "notes.txt", 9)

    dataset = open_folder(tmp_path, INPUT, _size_as_value, ())

    (batch,) = dataset.read(8)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [0, 1]
    assert batch["image"][:, 0, 0, 0].tolist() == [7.0, 5.0]


def test_labels_csv_gives_the_order_and_the_labels(tmp_path: Path) -> None:
    _image(tmp_path / "b.png", 2)
    np.save(tmp_path / "a.npy", np.arange(4, dtype=np.uint8).reshape(2, 2, 1))
    (tmp_path / "labels.csv").write_text("file,label\nb.png,1\na.npy,0\n")

    dataset = open_folder(tmp_path, INPUT, _size_as_value, ())

    batches = list(dataset.read(1))
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1, 0]
    assert batches[1]["image"].reshape(-1).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_images_without_labels_are_data_too(tmp_path: Path) -> None:
    _image(tmp_path / "a.png", 1)

    assert open_folder(tmp_path, INPUT, _size_as_value, ()).labels is None


def test_an_array_with_its_batch_axis_is_one_sample(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((1, 2, 2, 1)))

    (batch,) = open_folder(tmp_path, INPUT, _size_as_value, ()).read(8)

    assert batch["image"].shape == (1, 2, 2, 1)


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    _image(tmp_path / "a.png", 1)
    before = open_folder(tmp_path, INPUT, _size_as_value, ()).sha256
    _image(tmp_path / "a.png", 2)

    assert open_folder(tmp_path, INPUT, _size_as_value, ()).sha256 != before


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,label\nc.png,1\n", "'c.png' is no file"),
        ("file,label\n../a.png,1\n", "is no file in"),
        ("name,label\na.png,1\n", "columns name, label, expected file, label"),
        ("a.png,1\n", "columns a.png, 1, expected file, label"),
        ("", "expected file, label"),
        ("file,label\na.png,\n", "has no label"),
        ("file,label\n", "no samples"),
    ],
)
def test_a_bad_labels_csv_is_one_clear_line(table: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _image(folder / "a.png", 1)
    _image(tmp_path / "a.png", 1)
    (folder / "labels.csv").write_text(table)

    with pytest.raises(DataError, match=message):
        open_folder(folder, INPUT, _size_as_value, ())


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples; expected images"):
        open_folder(tmp_path, INPUT, _size_as_value, ())


def test_an_array_of_another_shape_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))

    with pytest.raises(DataError, match=r"a\.npy: shape \(3, 2\), the model takes \(2, 2, 1\)"):
        list(open_folder(tmp_path, INPUT, _size_as_value, ()).read(8))


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")

    with pytest.raises(DataError, match=r"a\.npy: not a readable array"):
        list(open_folder(tmp_path, INPUT, _size_as_value, ()).read(8))
