"""The source that suits the configuration and the model."""

from pathlib import Path

import msgspec
import pytest

from edge_runtime.config.sensors import (
    I2cConfig,
    IioConfig,
    MicrophoneConfig,
    ModbusConfig,
    ModbusRegister,
    MqttSourceConfig,
    SerialConfig,
    WavConfig,
)
from edge_runtime.config.sources import (
    CameraConfig,
    CsvConfig,
    FilesConfig,
    HttpConfig,
    PicameraConfig,
    SourceConfig,
    SyntheticConfig,
    VideoConfig,
)
from edge_runtime.errors import ConfigError
from edge_runtime.manifest import Manifest, TensorInput, load_bundle
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.csv_replay import CsvSource
from edge_runtime.sources.files import FilesSource
from edge_runtime.sources.freeze import WatchedSource
from edge_runtime.sources.http_snapshot import HttpSource
from edge_runtime.sources.microphone import MicrophoneSource
from edge_runtime.sources.picamera import PicameraSource
from edge_runtime.sources.protocol import Shot
from edge_runtime.sources.rows import RowSource
from edge_runtime.sources.selection import make_source, source_kind, source_name
from edge_runtime.sources.synthetic import SyntheticSource
from edge_runtime.sources.video import VideoSource
from edge_runtime.sources.wav import WavSource
from edge_runtime.worker.source_monitor import stall_limit_s
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
        (CameraConfig(device=0, frozen_after=0), CameraSource),
        (CameraConfig(device=0), WatchedSource),
        (PicameraConfig(frozen_after=0), PicameraSource),
        (HttpConfig(url="http://x", frozen_after=0), HttpSource),
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


REGISTERS = tuple(ModbusRegister(name=name, address=0) for name in "ab")


@pytest.mark.parametrize(
    "config",
    [
        CsvConfig(path="x", rate_hz=1.0),
        WavConfig(path="x"),
        MicrophoneConfig(),
        SerialConfig(port="x"),
        MqttSourceConfig(host="x", topic="t"),
    ],
)
def test_rows_do_not_suit_a_model_of_images(config: SourceConfig, images: Manifest) -> None:
    with pytest.raises(ConfigError, match=f"source {source_kind(config)}: .*not samples"):
        make_source(config, images)


@pytest.mark.parametrize(
    "config",
    [
        SerialConfig(port="x", rate_hz=5.0),
        SerialConfig(port="x", rate_hz=5.0, format="csv", header=("b", "t", "a")),
        I2cConfig(chip="ads1115", rate_hz=5.0, fields={"a": "a0_volt", "b": "a3_volt"}),
        IioConfig(device="x", rate_hz=5.0),
        ModbusConfig(host="x", rate_hz=5.0, registers=REGISTERS),
        MqttSourceConfig(host="x", topic="t", rate_hz=5.0, fields={"a": "/s/0"}),
    ],
    ids=source_kind,
)
def test_a_sensor_is_windowed_and_expected_row_by_row(
    config: SourceConfig, samples: Manifest
) -> None:
    source = make_source(config, samples)

    assert isinstance(source, RowSource)
    assert source.rate_hz == 5.0
    assert not source.is_lossless
    source.close()


def test_a_sensor_that_says_no_rate_has_ten_minutes(samples: Manifest) -> None:
    source = make_source(MqttSourceConfig(host="x", topic="t"), samples)

    assert stall_limit_s(None, source.rate_hz) == 600


def test_sound_is_windowed_by_its_own_sources(samples: Manifest) -> None:
    assert isinstance(make_source(WavConfig(path="x"), samples), WavSource)
    assert isinstance(make_source(MicrophoneConfig(), samples), MicrophoneSource)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (I2cConfig(chip="ads1115"), "source i2c: no value a, b; there are a0_volt, a1_volt"),
        (SerialConfig(port="x", format="csv", header=("a",)), "source serial: no value b; there"),
        (ModbusConfig(host="x", registers=REGISTERS[:1]), "source modbus: no value b; there are a"),
        (SerialConfig(port="x", fields={"c": "d"}), "fields names c, columns: a, b"),
    ],
)
def test_what_a_sensor_does_not_measure_is_said(
    config: SourceConfig, message: str, samples: Manifest
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_source(config, samples)


def test_a_source_is_named_by_its_kind_or_as_configured() -> None:
    assert source_name(CameraConfig(device=0)) == "camera"
    assert source_name(CsvConfig(path="x", rate_hz=1.0, name="pump-2")) == "pump-2"
