from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.manifest import ImageInput
from edge_runtime.preprocess import image_tensor
from edge_runtime.signals.inputs import WindowInput
from quantize.calibrate.dataset import ModelInput
from quantize.calibrate.open_data import DataSettings, open_data
from quantize.errors import DataError

IMAGE = ModelInput("image", (1, 4, 6, 3))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    (tmp_path / "images" / "cat").mkdir(parents=True)
    path = tmp_path / "images" / "cat" / "a.png"
    cv2.imwrite(str(path), pixels)
    return path


def test_an_image_is_what_the_device_makes_of_it(picture: Path) -> None:
    spec = ImageInput(width=6, height=4, mean=(127.5,), std=(127.5,))

    (batch,) = open_data(picture.parents[1], [IMAGE], DataSettings(spec)).read(4)

    assert np.array_equal(batch["image"], image_tensor(cv2.imread(str(picture)), spec))


def test_images_are_refused_without_preprocessing(picture: Path) -> None:
    dataset = open_data(picture.parents[1], [IMAGE], DataSettings())

    with pytest.raises(DataError, match="images need --preprocess"):
        list(dataset.read(4))


def test_an_image_of_another_size_than_the_models_names_both(picture: Path) -> None:
    dataset = open_data(picture.parents[1], [IMAGE], DataSettings(ImageInput(width=5, height=4)))

    with pytest.raises(DataError, match=r"a\.png: .*the model takes \(1, 4, 6, 3\)"):
        list(dataset.read(4))


def test_a_damaged_image_is_named(picture: Path) -> None:
    picture.write_bytes(b"\x89PNG nothing more")
    dataset = open_data(picture.parents[1], [IMAGE], DataSettings(ImageInput(width=6, height=4)))

    with pytest.raises(DataError, match=r"a\.png: not a readable image"):
        list(dataset.read(4))


def test_rows_are_windowed_and_normalised(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("b,a,y\n1,10,0\n2,20,1\n3,30,0\n")
    spec = WindowInput(columns=("a", "b"), length=2, step=1, mean=(10.0, 1.0), std=(10.0, 1.0))
    settings = DataSettings(spec, target_column="y")

    dataset = open_data(path, [ModelInput("x", (1, 4))], settings)

    (batch,) = dataset.read(4)
    assert batch["x"].tolist() == [[0, 0, 1, 1], [1, 1, 2, 2]]
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1, 0]


def test_rows_without_preprocessing_are_samples(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,10\n2,20\n")

    (batch,) = open_data(path, [ModelInput("x", (1, 2))], DataSettings()).read(4)

    assert batch["x"].tolist() == [[1, 10], [2, 20]]


def test_missing_data_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        open_data(tmp_path / "x.npz", [IMAGE], DataSettings())


def test_an_unknown_form_says_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1")

    with pytest.raises(DataError, match=r"expected an \.npz file, a \.csv file"):
        open_data(path, [IMAGE], DataSettings())


def test_only_arrays_can_feed_several_inputs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 inputs \(image, image\), give an \.npz file"):
        open_data(tmp_path, [IMAGE, IMAGE], DataSettings())
