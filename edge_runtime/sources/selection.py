"""Makes the source that a pipeline's configuration asks for, shaped for its model."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

import numpy as np

from edge_runtime.config.sensors import (
    I2cConfig,
    IioConfig,
    MicrophoneConfig,
    ModbusConfig,
    MqttSourceConfig,
    SerialConfig,
    WavConfig,
)
from edge_runtime.config.sources import (
    CameraConfig,
    CsvConfig,
    FilesConfig,
    HttpConfig,
    MicrocontrollerConfig,
    PicameraConfig,
    SourceConfig,
    SyntheticConfig,
    VideoConfig,
)
from edge_runtime.errors import ConfigError
from edge_runtime.manifest import ImageInput, Manifest
from edge_runtime.remote_inference import layout_of
from edge_runtime.signals.inputs import Stream
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.csv_replay import CsvSource
from edge_runtime.sources.files import FilesSource
from edge_runtime.sources.freeze import WatchedSource
from edge_runtime.sources.http_snapshot import HttpSource
from edge_runtime.sources.i2c import I2cReader
from edge_runtime.sources.i2c_chips import CHIPS
from edge_runtime.sources.iio import IioReader
from edge_runtime.sources.microcontroller import MicrocontrollerSource
from edge_runtime.sources.microphone import MicrophoneSource
from edge_runtime.sources.modbus import ModbusReader
from edge_runtime.sources.mqtt_topic import MqttReader
from edge_runtime.sources.picamera import PicameraSource
from edge_runtime.sources.protocol import Source
from edge_runtime.sources.rows import RowReader, RowSettings, RowSource, WindowShape
from edge_runtime.sources.serial_lines import SerialReader
from edge_runtime.sources.synthetic import SyntheticSource
from edge_runtime.sources.video import VideoSource
from edge_runtime.sources.wav import WavSource

ASSUMED_RATE_HZ = 1 / 60  # of a sensor that is not said to speak oftener; ten of them are a stall
CameraLike: TypeAlias = CameraConfig | PicameraConfig | HttpConfig
SensorConfig: TypeAlias = SerialConfig | I2cConfig | IioConfig | ModbusConfig | MqttSourceConfig


def make_source(config: SourceConfig, manifest: Manifest) -> Source:
    """Return the source, not yet open; `manifest` is the bundle's own.

    Raises:
        ConfigError: The source cannot deliver what the model takes.
    """
    match config:
        case FilesConfig():
            return FilesSource(config)
        case VideoConfig():
            _check_takes_images(config, manifest)
            return VideoSource(config)
        case CameraConfig() | PicameraConfig() | HttpConfig():
            _check_takes_images(config, manifest)
            source = _camera(config)
            return WatchedSource(source, config.frozen_after) if config.frozen_after else source
        case CsvConfig():
            return CsvSource(config, _window_shape(config, manifest))
        case WavConfig():
            return WavSource(config, _window_shape(config, manifest))
        case MicrophoneConfig():
            return MicrophoneSource(config, _window_shape(config, manifest))
        case SyntheticConfig():
            return _synthetic(config, manifest)
        case SerialConfig() | I2cConfig() | IioConfig() | ModbusConfig() | MqttSourceConfig():
            return _sensor(config, manifest)
        case MicrocontrollerConfig():
            return MicrocontrollerSource(config, layout_of(manifest))
        case _:
            assert_never(config)


def source_kind(config: SourceConfig) -> str:
    """Return the configuration's word for what it is."""
    return str(config.__struct_config__.tag)


def source_name(config: SourceConfig) -> str:
    """Return the name in payloads: the configured one, else the kind."""
    return config.name or source_kind(config)


def _camera(config: CameraLike) -> Source:
    match config:
        case CameraConfig():
            return CameraSource(config)
        case PicameraConfig():
            return PicameraSource(config)
        case HttpConfig():
            return HttpSource(config)
        case _:
            assert_never(config)


def _sensor(config: SensorConfig, manifest: Manifest) -> Source:
    shape = _window_shape(config, manifest)
    unknown = ", ".join(name for name in config.fields if name not in shape.columns)
    if unknown:
        known = ", ".join(shape.columns)
        raise ConfigError(f"source {source_kind(config)}: fields names {unknown}, columns: {known}")
    fields = tuple(config.fields.get(column, column) for column in shape.columns)
    settings = RowSettings(shape, config.rate_hz or ASSUMED_RATE_HZ, config.frozen_after)
    return RowSource(_reader(config, fields), settings)


def _reader(config: SensorConfig, fields: tuple[str, ...]) -> RowReader:
    match config:
        case SerialConfig():
            if config.format == "csv":
                _check_fields(config, fields, config.header or fields)
            return SerialReader(config, fields)
        case I2cConfig():
            _check_fields(config, fields, CHIPS[config.chip].quantities)
            return I2cReader(config, fields)
        case IioConfig():
            return IioReader(config, fields)
        case ModbusConfig():
            _check_fields(config, fields, (register.name for register in config.registers))
            return ModbusReader(config, fields)
        case MqttSourceConfig():
            return MqttReader(config, fields)
        case _:
            assert_never(config)


def _check_fields(config: SensorConfig, fields: tuple[str, ...], known: Iterable[str]) -> None:
    names = tuple(known)
    missing = ", ".join(field for field in fields if field not in names)
    if missing:
        kind = source_kind(config)
        raise ConfigError(f"source {kind}: no value {missing}; there are {', '.join(names)}")


def _check_takes_images(config: SourceConfig, manifest: Manifest) -> None:
    if not isinstance(manifest.preprocessing, ImageInput):
        kind = source_kind(config)
        raise ConfigError(f"source {kind}: model {manifest.name} takes samples, not images")


def _window_shape(
    config: CsvConfig | WavConfig | MicrophoneConfig | SensorConfig, manifest: Manifest
) -> WindowShape:
    kind, spec = source_kind(config), manifest.preprocessing
    if isinstance(spec, ImageInput):
        raise ConfigError(f"source {kind}: model {manifest.name} takes images, not samples")
    if isinstance(spec, Stream):
        return WindowShape(spec.columns, spec.length, spec.step)
    size, columns = int(np.prod(manifest.inputs[0].shape)), len(config.columns)
    if columns == 0 or size % columns:
        raise ConfigError(
            f"source {kind}: model {manifest.name} declares no columns and takes {size} values; "
            f"set columns to names whose number divides it, {columns} given"
        )
    return WindowShape(config.columns, size // columns, size // columns)


def _synthetic(config: SyntheticConfig, manifest: Manifest) -> SyntheticSource:
    spec = manifest.preprocessing
    if isinstance(spec, ImageInput):
        return SyntheticSource(config, None)
    if isinstance(spec, Stream):
        return SyntheticSource(config, (spec.length, len(spec.columns)), spec.step)
    shape = manifest.inputs[0].shape
    columns = shape[-1] if len(shape) > 2 else int(np.prod(shape))
    rows = int(np.prod(shape)) // columns
    return SyntheticSource(config, (rows, columns), rows)
