"""The secrets that a configuration names by file, as systemd hands them over (LoadCredential).

A unit that runs as a user of its own cannot read the key that root keeps in /etc/edge-runtime;
systemd can, and puts a copy for this service alone into `$CREDENTIALS_DIRECTORY`.
Source: systemd.exec(5), "Credentials".
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge_runtime.config.sensors import MqttSourceConfig
from edge_runtime.config.sources import CameraConfig, HttpConfig, SourceConfig
from edge_runtime.config.structs import Config, MqttConfig, PipelineConfig
from edge_runtime.config.values import TlsConfig

PASSWORD = "mqtt-password"  # noqa: S105 - a name
TLS_PREFIX, URL_PREFIX, PASSWORD_PREFIX, SOURCE_TLS_PREFIX = (
    "mqtt-tls-",
    "url-",
    "password-",
    "tls-",
)
_TLS_KEYS = ("ca", "cert", "key")


def credential_files(config: Config) -> dict[str, Path]:
    """Return the file of each secret by the name of its credential."""
    files = {PASSWORD: config.mqtt.password_file}
    files |= _tls_files(config.mqtt.tls, TLS_PREFIX)
    for pipeline in config.pipeline:
        files |= _source_files(pipeline.source, pipeline.name)
    return {name: Path(path) for name, path in files.items() if path is not None}


def with_credentials(config: Config, directory: Path | None) -> Config:
    """Return the configuration that reads its secrets from where systemd put them.

    A secret that was not handed over is read from the file that the configuration names.
    """
    if directory is None:
        return config
    handed = {n: str(directory / n) for n in credential_files(config) if (directory / n).is_file()}
    pipelines = tuple(_pipeline(pipeline, handed) for pipeline in config.pipeline)
    return msgspec.structs.replace(config, mqtt=_mqtt(config.mqtt, handed), pipeline=pipelines)


def _mqtt(mqtt: MqttConfig, handed: Mapping[str, str]) -> MqttConfig:
    tls = _tls(mqtt.tls, TLS_PREFIX, handed)
    password = handed.get(PASSWORD, mqtt.password_file)
    return msgspec.structs.replace(mqtt, tls=tls, password_file=password)


def _pipeline(pipeline: PipelineConfig, handed: Mapping[str, str]) -> PipelineConfig:
    name, source = pipeline.name, pipeline.source
    if isinstance(source, CameraConfig | HttpConfig):
        path = handed.get(f"{URL_PREFIX}{name}", source.url_file)
        source = msgspec.structs.replace(source, url_file=path)
    elif isinstance(source, MqttSourceConfig):
        tls = _tls(source.tls, f"{SOURCE_TLS_PREFIX}{name}-", handed)
        password = handed.get(f"{PASSWORD_PREFIX}{name}", source.password_file)
        source = msgspec.structs.replace(source, tls=tls, password_file=password)
    return msgspec.structs.replace(pipeline, source=source)


def _source_files(source: SourceConfig, pipeline: str) -> dict[str, str | None]:
    if isinstance(source, CameraConfig | HttpConfig):
        return {f"{URL_PREFIX}{pipeline}": source.url_file}
    if isinstance(source, MqttSourceConfig):
        tls = _tls_files(source.tls, f"{SOURCE_TLS_PREFIX}{pipeline}-")
        return {f"{PASSWORD_PREFIX}{pipeline}": source.password_file, **tls}
    return {}


def _tls_files(tls: TlsConfig | None, prefix: str) -> dict[str, str | None]:
    return {} if tls is None else {f"{prefix}{key}": getattr(tls, key) for key in _TLS_KEYS}


def _tls(tls: TlsConfig | None, prefix: str, handed: Mapping[str, str]) -> TlsConfig | None:
    if tls is None:
        return None
    paths = {key: handed.get(f"{prefix}{key}", getattr(tls, key)) for key in _TLS_KEYS}
    return msgspec.structs.replace(tls, **paths)
