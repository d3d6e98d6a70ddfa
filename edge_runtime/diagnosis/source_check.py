"""What can be wrong with a source before it runs: library, device node, permission, file."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from edge_runtime.config.loading import read_secret
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
from edge_runtime.diagnosis.findings import Finding, Level
from edge_runtime.errors import ConfigError
from edge_runtime.sources.iio import IioPlaces

LIVE = (
    CameraConfig, PicameraConfig, HttpConfig, SerialConfig, I2cConfig, IioConfig, ModbusConfig,
    MqttSourceConfig, MicrophoneConfig, MicrocontrollerConfig,
)  # fmt: skip
"""The kinds that may be in use by a running daemon and are not opened for a check."""

_PLUG_IN = "plug it in, and see `ls {}`"
_I2C_OFF = "enable the bus (raspi-config, or dtparam=i2c_arm=on) and load i2c-dev"


def check_source(source: SourceConfig, where: str) -> Iterator[Finding]:
    """Return what is to be said about a source; nothing is opened."""
    match source:
        case SyntheticConfig():
            yield Finding(Level.WARNING, where, "source synthetic: made-up input")
        case FilesConfig(path=path):
            yield _check_path(Path(path), where, is_directory=True)
        case CsvConfig(path=path) | VideoConfig(path=path):
            yield _check_path(Path(path), where, is_directory=False)
        case WavConfig(path=path):
            yield _check_path(Path(path), where, is_directory=Path(path).is_dir())
        case CameraConfig() | PicameraConfig() | HttpConfig():
            yield from _check_camera(source, where)
        case SerialConfig() | MicrocontrollerConfig() | I2cConfig() | IioConfig() | ModbusConfig():
            yield from _check_wired(source, where)
        case MqttSourceConfig():
            yield from _check_secret(source.password_file, "mqtt", source.topic, where)
        case MicrophoneConfig():
            yield from _check_module("sounddevice", "audio", "microphone", where)
            yield from _check_node(Path("/dev/snd"), "microphone", "audio", where)
        case _:
            assert_never(source)


def _check_camera(
    source: CameraConfig | PicameraConfig | HttpConfig, where: str
) -> Iterator[Finding]:
    if isinstance(source, PicameraConfig):
        yield from _check_picamera2(where)
        return
    kind = "camera" if isinstance(source, CameraConfig) else "http"
    yield from _check_module("cv2", "camera", kind, where)
    if isinstance(source, CameraConfig) and source.device is not None:
        is_number = isinstance(source.device, int) or source.device.isdigit()
        path = Path(f"/dev/video{source.device}" if is_number else str(source.device))
        yield from _check_node(path, kind, "video", where)
    else:
        yield from _check_secret(source.url_file, kind, "a stream, opened when it runs", where)


def _check_wired(
    source: SerialConfig | MicrocontrollerConfig | I2cConfig | IioConfig | ModbusConfig,
    where: str,
) -> Iterator[Finding]:
    match source:
        case SerialConfig() | MicrocontrollerConfig():
            yield from _check_module("serial", "serial", "serial", where)
            yield from _check_node(Path(source.port), "serial", "dialout", where)
        case I2cConfig():
            yield from _check_module("smbus2", "i2c", "i2c", where)
            path = Path(f"/dev/i2c-{source.bus}")
            yield from _check_node(path, "i2c", "i2c", where, absent=_I2C_OFF)
        case IioConfig():
            yield _check_iio(source.device, where)
        case ModbusConfig():
            yield from _check_module("pymodbus", "modbus", "modbus", where)
            if source.port is not None:
                yield from _check_node(Path(source.port), "modbus", "dialout", where)
        case _:
            assert_never(source)


def _check_module(module: str, extra: str, kind: str, where: str) -> Iterator[Finding]:
    if importlib.util.find_spec(module) is None:
        remedy = f"pip install 'edge-runtime[{extra}]'"
        yield Finding(Level.ERROR, where, f"source {kind}: {module} is not installed", remedy)


def _check_picamera2(where: str) -> Iterator[Finding]:
    if importlib.util.find_spec("picamera2") is None:
        remedy = "apt install python3-picamera2; make the venv with --system-site-packages"
        yield Finding(Level.ERROR, where, "source picamera: picamera2 is not installed", remedy)
    else:
        yield Finding(Level.OK, where, "source picamera: opened when it runs")


def _check_node(
    path: Path, kind: str, group: str, where: str, absent: str = ""
) -> Iterator[Finding]:
    if not path.exists():
        remedy = absent or _PLUG_IN.format(path.parent)
        yield Finding(Level.ERROR, where, f"source {kind}: {path} is not there", remedy)
    elif not os.access(path, os.R_OK | os.W_OK):
        remedy = f"add the daemon's user to the group `{group}`"
        yield Finding(Level.ERROR, where, f"source {kind}: {path} cannot be opened", remedy)
    else:
        yield Finding(Level.OK, where, f"source {kind}: {path}")


def _check_iio(device: str, where: str, places: IioPlaces | None = None) -> Finding:
    places = places or IioPlaces()
    folders = {folder.name: folder for folder in places.sysfs.glob("iio:device*")}
    for folder in tuple(folders.values()):
        name = folder / "name"
        folders[name.read_text("utf-8", "replace").strip() if name.is_file() else ""] = folder
    found = folders.get(device)
    if found is None:
        remedy = f"load its driver; there are {', '.join(sorted(folders)) or 'none'}"
        return Finding(Level.ERROR, where, f"source iio: no device {device}", remedy)
    node, switch = places.dev / found.name, found / "buffer/enable"
    if not os.access(node, os.R_OK) or not os.access(switch, os.W_OK):
        remedy = "a udev rule that gives both to the daemon's group (docs/sources.md)"
        text = f"source iio: {node} or {switch} cannot be opened"
        return Finding(Level.ERROR, where, text, remedy)
    return Finding(Level.OK, where, f"source iio: {node}")


def _check_secret(path: str | None, kind: str, text: str, where: str) -> Iterator[Finding]:
    if path is not None:
        try:
            read_secret(Path(path))
        except ConfigError as error:
            yield Finding(Level.ERROR, where, f"source {kind}: {error}")
            return
    yield Finding(Level.OK, where, f"source {kind}: {text}")


def _check_path(path: Path, where: str, *, is_directory: bool) -> Finding:
    kind = "directory" if is_directory else "file"
    if not (path.is_dir() if is_directory else path.is_file()):
        return Finding(Level.ERROR, where, f"source {path}: no such {kind}")
    if not os.access(path, os.R_OK):
        return Finding(Level.ERROR, where, f"source {path}: cannot be read")
    return Finding(Level.OK, where, f"source {path}")
