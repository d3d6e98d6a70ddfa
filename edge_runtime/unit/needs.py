"""What a configuration needs of the machine: devices, groups, files, secrets, addresses."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, assert_never

from edge_runtime.config.credentials import credential_files
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
from edge_runtime.config.structs import Config
from edge_runtime.unit.accelerators import DeviceNeeds, engine_needs

HANDED_OVER = Path("/run/credentials")  # what is there was put there by a unit already
LOOPBACK = "localhost"  # as IPAddressAllow= spells 127.0.0.0/8 and ::1
Address: TypeAlias = str
Wired: TypeAlias = (
    PicameraConfig
    | SerialConfig
    | MicrocontrollerConfig
    | ModbusConfig
    | I2cConfig
    | IioConfig
    | MicrophoneConfig
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What the unit has to grant.

    Attributes:
        devices: Arguments of DeviceAllow=, "char-video4linux rw".
        groups: Of device nodes.
        files: What is read beside the program and the configuration.
        credentials: Secrets by name.
        addresses: All that the daemon speaks to; None where a name or a stream may be anywhere.
        writes_sysfs: Whether a sensor's switches, files below /sys, have to be written.
        compiles: Whether an engine makes code while it runs.
    """

    devices: tuple[str, ...]
    groups: tuple[str, ...]
    files: tuple[Path, ...]
    credentials: tuple[tuple[str, Path], ...]
    addresses: tuple[Address, ...] | None
    writes_sysfs: bool = False
    compiles: bool = False


@dataclass(frozen=True, slots=True)
class _SourceNeeds(DeviceNeeds):
    files: tuple[Path, ...] = ()
    is_on_network: bool = False
    writes_sysfs: bool = False


def needs_of(config: Config) -> Needs:
    """Return what a configuration needs; its relative paths are absolute by now."""
    sources = [_source_needs(pipeline.source) for pipeline in config.pipeline]
    files = [path for needs in sources for path in needs.files]
    tables = [model for pipeline in config.pipeline for model in pipeline.models]
    engines = [engine_needs(table) for table in tables]
    of_devices: list[DeviceNeeds] = [*sources, *engines]
    files += [Path(table.model) for table in tables if "/" in table.model]
    small = (pipeline.small_model for pipeline in config.pipeline)
    files += [Path(model) for model in small if model is not None and "/" in model]
    files += [Path(table.library) for table in tables if table.library]
    keys = (config.commands.fleet_key_file, config.models_key_file)
    files += [Path(key) for key in keys if key is not None]
    if config.models_dir is not None:
        files.append(Path(config.models_dir))
    return Needs(
        devices=_each_once(device for needs in of_devices for device in needs.devices),
        groups=_each_once(group for needs in of_devices for group in needs.groups),
        files=tuple(sorted(set(files))),
        credentials=_credentials(config),
        addresses=None
        if any(needs.is_on_network for needs in sources)
        else _addresses(config.mqtt.host),
        writes_sysfs=any(needs.writes_sysfs for needs in sources),
        compiles=any(needs.compiles for needs in engines),
    )


def _credentials(config: Config) -> tuple[tuple[str, Path], ...]:
    files = credential_files(config)
    return tuple(sorted((n, f) for n, f in files.items() if not f.is_relative_to(HANDED_OVER)))


def _source_needs(source: SourceConfig) -> _SourceNeeds:
    match source:
        case CameraConfig(device=None, gstreamer=None):
            return _SourceNeeds(is_on_network=True)
        case CameraConfig():
            # A GStreamer pipeline may name any address, too.
            return _SourceNeeds(
                ("char-video4linux rw",), ("video",), is_on_network=source.gstreamer is not None
            )
        case HttpConfig() | MqttSourceConfig() | ModbusConfig(port=None):
            return _SourceNeeds(is_on_network=True)
        case FilesConfig() | VideoConfig() | CsvConfig() | WavConfig():
            return _SourceNeeds(files=(Path(source.path),))
        case SyntheticConfig():
            return _SourceNeeds()
        case _:
            return _wired_needs(source)


def _wired_needs(source: Wired) -> _SourceNeeds:
    match source:
        case PicameraConfig():
            return _SourceNeeds(
                ("char-video4linux rw", "char-media rw", "char-dma_heap rw"), ("video",)
            )
        case SerialConfig() | MicrocontrollerConfig() | ModbusConfig():
            # By the kind of port: the node of one that is plugged in anew has another number.
            kinds = ("ttyUSB", "ttyACM", "ttyAMA", "ttyS")
            return _SourceNeeds(tuple(f"char-{kind} rw" for kind in kinds), ("dialout",))
        case I2cConfig():
            return _SourceNeeds(("char-i2c rw",), ("i2c",))
        case IioConfig():
            return _SourceNeeds(("char-iio r",), writes_sysfs=True)
        case MicrophoneConfig():
            return _SourceNeeds(("char-alsa rw",), ("audio",))
        case _:
            assert_never(source)


def _addresses(host: str | None) -> tuple[Address, ...] | None:
    """Return what the broker's host comes to; a name has to be looked up, wherever that is."""
    if host is None or host == LOOPBACK:
        return (LOOPBACK,)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (LOOPBACK if address.is_loopback else str(address),)


def _each_once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
