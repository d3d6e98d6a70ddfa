"""TOML to frozen structs, and the only place that reads environment variables.

Unknown keys are refused with the nearest known one; every message is one line with the key's path.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from edge_runtime.config.governor import governor_problems
from edge_runtime.config.sensors import ModbusConfig, MqttSourceConfig, SerialConfig
from edge_runtime.config.sources import (
    CameraConfig,
    CsvConfig,
    HttpConfig,
    MicrocontrollerConfig,
    SourceConfig,
)
from edge_runtime.config.structs import (
    Config,
    MqttConfig,
    PipelineConfig,
)
from edge_runtime.config.suggestions import explain
from edge_runtime.config.vision import (
    ModelConfig,
    ModelGateConfig,
    box_problems,
    stage_problems,
    zone_problems,
)
from edge_runtime.errors import ConfigError

MAX_CONFIG_BYTES = 1 << 20
MAX_SECRET_BYTES = 4096
AnyTable = TypeVar("AnyTable", bound=msgspec.Struct)
AnyModel = TypeVar("AnyModel", bound=ModelConfig)


@dataclass(frozen=True, slots=True)
class Environment:
    """What the process was told by its environment.

    Attributes:
        state_directory: Where the outbox and the models live.
        notify_socket: systemd's, None outside systemd.
        watchdog_usec: systemd's WATCHDOG_USEC, None without a watchdog for this process.
        credentials_directory: systemd's, None outside.
        runtime_directory: systemd's, in memory; None outside.
        host_root: Below it /proc and /sys are read; EDGE_RUNTIME_HOST_ROOT moves it in trials.
    """

    state_directory: Path
    notify_socket: str | None
    watchdog_usec: int | None
    credentials_directory: Path | None
    runtime_directory: Path | None = None
    host_root: Path = Path("/")


def load_config(path: Path) -> Config:
    """Return the configuration in a file; relative paths in it start at the file's directory.

    Raises:
        ConfigError: The file cannot be read, or see `decode_config`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: larger than the {MAX_CONFIG_BYTES} bytes that are allowed")
    try:
        config = decode_config(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start})") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return anchored(config, path.absolute().parent)


def decode_config(text: str) -> Config:
    """Return the configuration that TOML text says, paths as they stand.

    Raises:
        ConfigError: Not TOML, an unknown key, a value outside what is allowed, a contradiction.
    """
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of more than 4300 digits
        raise ConfigError(f"not TOML: {error}") from error
    try:
        config = msgspec.convert(tables, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(str(error), Config, tables)) from error
    problems = contradictions(config)
    if problems:
        raise ConfigError("; ".join(problems))
    return config


def anchored(config: Config, directory: Path) -> Config:
    """Return the configuration with relative paths below `directory`."""
    mqtt = _with_paths(config.mqtt, directory, "password_file")
    if mqtt.tls is not None:
        tls = _with_paths(mqtt.tls, directory, "ca", "cert", "key")
        mqtt = msgspec.structs.replace(mqtt, tls=tls)
    commands = _with_paths(config.commands, directory, "fleet_key_file")
    pipelines = tuple(_anchor_pipeline(pipeline, directory) for pipeline in config.pipeline)
    config = msgspec.structs.replace(config, mqtt=mqtt, commands=commands, pipeline=pipelines)
    return _with_paths(config, directory, "models_dir", "models_key_file")


def contradictions(config: Config) -> tuple[str, ...]:
    """Return what is wrong between keys that are each right by themselves."""
    problems = [*_mqtt_contradictions(config.mqtt)]
    if config.governor is not None:
        problems += governor_problems(config.governor)
    names = [pipeline.name for pipeline in config.pipeline]
    problems += [
        f"pipeline: name {n!r} is used twice" for n in sorted({*names}) if names.count(n) > 1
    ]
    for index, pipeline in enumerate(config.pipeline):
        if pipeline.publish.keep == "all" and not pipeline.publish.events:
            problems.append(f'pipeline[{index}].publish: keep = "all" needs events = true')
        problems += [f"pipeline[{index}].source: {p}" for p in _source_problems(pipeline.source)]
        problems += [f"pipeline[{index}].{p}" for p in _vision_problems(pipeline)]
        if pipeline.batch > 1 and isinstance(pipeline.source, MicrocontrollerConfig):
            problems.append(
                f"pipeline[{index}].batch: {pipeline.batch}, allowed is 1 where "
                'source.kind = "microcontroller": it has inferred already'
            )
    return tuple(problems)


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Return what the environment says; `$STATE_DIRECTORY` may list several, the first counts."""
    state = variables.get("STATE_DIRECTORY", "").split(":")[0]
    home = variables.get("HOME", ".")
    usec = variables.get("WATCHDOG_USEC", "")
    is_mine = variables.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    credentials = variables.get("CREDENTIALS_DIRECTORY")
    runtime = variables.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Environment(
        state_directory=Path(state) if state else Path(home, ".local", "state", "edge-runtime"),
        notify_socket=variables.get("NOTIFY_SOCKET") or None,
        watchdog_usec=int(usec) if usec.isdigit() and is_mine else None,
        credentials_directory=Path(credentials) if credentials else None,
        runtime_directory=Path(runtime) if runtime else None,
        host_root=Path(variables.get("EDGE_RUNTIME_HOST_ROOT") or "/"),
    )


def models_directory(config: Config, environment: Environment) -> Path:
    """Return where NAME/VERSION/ bundles are looked for."""
    if config.models_dir is None:
        return environment.state_directory / "models"
    return Path(config.models_dir)


def read_secret(path: Path) -> str:
    """Return the one line that a secret's file holds, without its newline.

    Raises:
        ConfigError: Not readable, empty, more than one line, too long.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the secret cannot be read") from error
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or "\n" in secret or len(text) > MAX_SECRET_BYTES:
        raise ConfigError(f"{path}: allowed is one line of 1 to {MAX_SECRET_BYTES} characters")
    return secret


def _mqtt_contradictions(mqtt: MqttConfig) -> list[str]:
    problems = []
    if mqtt.tls is not None and (mqtt.tls.cert is None) != (mqtt.tls.key is None):
        problems.append("mqtt.tls: cert and key belong together")
    if mqtt.password_file is not None and mqtt.username is None:
        problems.append("mqtt: password_file without username")
    if mqtt.session_expiry_s < mqtt.will_delay_s:
        problems.append(
            f"mqtt: session_expiry_s {mqtt.session_expiry_s} is below will_delay_s "
            f"{mqtt.will_delay_s}, the will would not wait"
        )
    return problems


def _vision_problems(pipeline: PipelineConfig) -> list[str]:
    problems = [*zone_problems(pipeline.zone), *stage_problems(pipeline.stage)]
    if pipeline.roi is not None:
        problems += box_problems("roi", pipeline.roi)
    if pipeline.only_in_zones and not pipeline.zone:
        problems.append("only_in_zones needs a zone")
    return problems


def _source_problems(source: SourceConfig) -> list[str]:
    match source:
        case CameraConfig():
            places = (source.device, source.url, source.url_file, source.gstreamer)
            if sum(place is not None for place in places) != 1:
                return ["exactly one of device, url, url_file and gstreamer is needed"]
        case HttpConfig() if (source.url is None) == (source.url_file is None):
            return ["exactly one of url and url_file is needed"]
        case CsvConfig() if (source.timestamp_column is None) == (source.rate_hz is None):
            return ["exactly one of timestamp_column and rate_hz is needed"]
        case ModbusConfig() if (source.host is None) == (source.port is None):
            return ["exactly one of host (TCP) and port (serial line) is needed"]
        case MqttSourceConfig() if source.password_file is not None and source.username is None:
            return ["password_file without username"]
        case SerialConfig() if source.header and source.format == "json":
            return ['header belongs to format = "csv"']
        case _:
            pass
    return []


def _anchor_pipeline(pipeline: PipelineConfig, directory: Path) -> PipelineConfig:
    source = _with_paths(pipeline.source, directory, "path", "url_file", "password_file")
    if isinstance(source, MqttSourceConfig) and source.tls is not None:
        tls = _with_paths(source.tls, directory, "ca", "cert", "key")
        source = msgspec.structs.replace(source, tls=tls)
    pipeline = msgspec.structs.replace(pipeline, source=source)
    if pipeline.small_model is not None and "/" in pipeline.small_model:
        pipeline = _with_paths(pipeline, directory, "small_model")
    pipeline = msgspec.structs.replace(
        pipeline,
        gate=tuple(
            _anchor_model(gate, directory) if isinstance(gate, ModelGateConfig) else gate
            for gate in pipeline.gate
        ),
        stage=tuple(_anchor_model(stage, directory) for stage in pipeline.stage),
    )
    return _anchor_model(pipeline, directory)


def _anchor_model(model: AnyModel, directory: Path) -> AnyModel:
    # A bare name is a bundle's below models_dir, or a library that the system's loader finds.
    names = {"model": model.model, "library": model.library}
    return _with_paths(model, directory, *(k for k, text in names.items() if text and "/" in text))


def _with_paths(struct: AnyTable, directory: Path, *keys: str) -> AnyTable:
    found = {key: getattr(struct, key, None) for key in keys}
    anchored = {key: str(directory / text) for key, text in found.items() if text is not None}
    return msgspec.structs.replace(struct, **anchored) if anchored else struct
