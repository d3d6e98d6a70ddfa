"""The source that suits the configuration and the model."""

from pathlib import Path

import msgspec
import pytest

from edge_runtime.config import (
    CameraConfig,
    CsvConfig,
    FilesConfig,
    SourceConfig,
    SyntheticConfig,
    VideoConfig,
)
from edge_runtime.errors import ConfigError
from edge_runtime.manifest import Manifest, TensorInput, load_bundle
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.csv_replay import CsvSource
from edge_runtime.sources.files import FilesSource
from edge_runtime.sources.protocol import Shot
from edge_runtime.sources.selection import make_source, source_name
from edge_runtime.sources.synthetic import SyntheticSource
from edge_runtime.sources.video import VideoSource
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle


@pytest.fixture
def images(tmp_path: Path) -> Manifest:
    return load_bundle(brightness_bundle(tmp_path))


@pytest.fixture
def samples(tmp_path: Path) -> Manifest:
    return load_bundle(sum_bundle(tmp_path, length=4, step=2))


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (FilesConfig(path="x"), FilesSource),
        (VideoConfig(path="x"), VideoSource),
        (CameraConfig(device=0), CameraSource),
        (SyntheticConfig(), SyntheticSource),
    ],
)
def test_each_kind_has_its_source(config: SourceConfig, kind: type, images: Manifest) -> None:
    assert isinstance(make_source(config, images), kind)


def test_rows_are_windowed_as_the_model_declares(samples: Manifest) -> None:
    source = make_source(CsvConfig(path="x", rate_hz=10.0), samples)

    assert isinstance(source, CsvSource)
    assert source.rate_hz == 5.0  # a window every two rows


def test_a_model_without_columns_takes_them_from_the_configuration(samples: Manifest) -> None:
    bare = msgspec.structs.replace(samples, preprocessing=TensorInput())  # (1, 8)

    source = make_source(CsvConfig(path="x", rate_hz=8.0, columns=("a", "b")), bare)

    assert source.rate_hz == 2.0  # four rows of two columns, no overlap
    with pytest.raises(ConfigError, match="declares no columns and takes 8 values"):
        make_source(CsvConfig(path="x", rate_hz=8.0), bare)
    with pytest.raises(ConfigError, match="3 given"):
        make_source(CsvConfig(path="x", rate_hz=8.0, columns=("a", "b", "c")), bare)


def test_synthetic_input_has_the_models_shape(samples: Manifest, images: Manifest) -> None:
    bare = msgspec.structs.replace(samples, preprocessing=TensorInput())
    shapes = {}
    for name, manifest in (("samples", samples), ("images", images), ("bare", bare)):
        shot = make_source(SyntheticConfig(width=9, height=5), manifest).read()
        assert isinstance(shot, Shot)
        shapes[name] = shot.values.shape

    assert shapes == {"samples": (4, 2), "images": (5, 9, 3), "bare": (1, 8)}


@pytest.mark.parametrize("config", [VideoConfig(path="x"), CameraConfig(device=0)])
def test_pictures_do_not_suit_a_model_of_samples(config: SourceConfig, samples: Manifest) -> None:
    with pytest.raises(ConfigError, match="takes samples, not images"):
        make_source(config, samples)


def test_rows_do_not_suit_a_model_of_images(images: Manifest) -> None:
    with pytest.raises(ConfigError, match="takes images, not samples"):
        make_source(CsvConfig(path="x", rate_hz=1.0), images)


def test_a_source_is_named_by_its_kind_or_as_configured() -> None:
    assert source_name(CameraConfig(device=0)) == "camera"
    assert source_name(CsvConfig(path="x", rate_hz=1.0, name="pump-2")) == "pump-2"
