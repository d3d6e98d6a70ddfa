"""Looks at everything that can be wrong before it runs, and tells all of it at once."""

import contextlib
import importlib.util
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from edge_runtime.broker_probe import probe_broker
from edge_runtime.config import (
    CameraConfig,
    Config,
    CsvConfig,
    Environment,
    FilesConfig,
    MqttConfig,
    PipelineConfig,
    SourceConfig,
    SyntheticConfig,
    VideoConfig,
    load_config,
    models_directory,
    read_secret,
)
from edge_runtime.engines.selection import choose_engine
from edge_runtime.errors import ConfigError, EdgeRuntimeError
from edge_runtime.findings import Finding, Level, has_errors
from edge_runtime.manifest import Manifest, load_bundle
from edge_runtime.models.store import find_bundle
from edge_runtime.sources.selection import make_source

_OPEN_TO_OTHERS = stat.S_IRWXO | stat.S_IWGRP
_ENGINE_MODULES = {"onnx": ("onnxruntime",), "tflite": ("ai_edge_litert", "tflite_runtime")}


def check_file(path: Path, environment: Environment) -> list[Finding]:
    """Return everything that is to be said about a configuration file and what it names."""
    try:
        config = load_config(path)
    except ConfigError as error:
        return [Finding(Level.ERROR, str(path), str(error).removeprefix(f"{path}: "))]
    return check_config(config, environment)


def check_config(config: Config, environment: Environment) -> list[Finding]:
    """Return everything that is to be said about what a configuration names."""
    findings = [
        Finding(Level.OK, "config", f"device {config.device.id}, site {config.device.site}")
    ]
    findings += _check_state(environment.state_directory)
    models = models_directory(config, environment)
    for pipeline in config.pipeline:
        findings += _check_pipeline(pipeline, models)
    findings += _check_mqtt(config.mqtt)
    return findings


def _check_state(directory: Path) -> Iterator[Finding]:
    place = directory
    while not place.exists():
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        yield Finding(Level.OK, "state", f"{directory} can be written")
    else:
        remedy = "without it nothing survives a restart: give it to the daemon's user"
        yield Finding(Level.ERROR, "state", f"{directory} cannot be written", remedy)


def _check_pipeline(pipeline: PipelineConfig, models: Path) -> Iterator[Finding]:
    where = f"pipeline {pipeline.name}"
    try:
        bundle = find_bundle(pipeline.model, models)
        manifest = load_bundle(bundle)
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, str(error))
        yield from _check_source(pipeline.source, where)
        return
    text = f"model {manifest.name}@{manifest.version}: {len(manifest.files)} files unchanged"
    yield Finding(Level.OK, where, text)
    yield from _check_engine(pipeline, manifest, where)
    findings = [*_check_source(pipeline.source, where)]
    if not has_errors(findings):
        findings += _try_source(pipeline.source, manifest, where)
    yield from findings


def _check_engine(pipeline: PipelineConfig, manifest: Manifest, where: str) -> Iterator[Finding]:
    try:
        name = choose_engine(pipeline.engine, manifest)
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, str(error))
        return
    if any(importlib.util.find_spec(module) for module in _ENGINE_MODULES[name]):
        yield Finding(Level.OK, where, f"engine {name} is installed")
    else:
        remedy = f"pip install 'edge-runtime[{name}]'"
        yield Finding(Level.ERROR, where, f"engine {name} is not installed", remedy)


def _check_source(source: SourceConfig, where: str) -> Iterator[Finding]:
    match source:
        case SyntheticConfig():
            yield Finding(Level.WARNING, where, "source synthetic: made-up input")
        case CameraConfig():
            yield from _check_camera(source, where)
        case FilesConfig(path=path):
            yield _check_path(Path(path), where, is_directory=True)
        case CsvConfig(path=path) | VideoConfig(path=path):
            yield _check_path(Path(path), where, is_directory=False)
        case _:
            assert_never(source)


def _try_source(config: SourceConfig, manifest: Manifest, where: str) -> Iterator[Finding]:
    """Open a recording as the daemon will; a camera may be in use, and is left alone."""
    try:
        source = make_source(config, manifest)
        if not isinstance(config, CameraConfig):
            with contextlib.closing(source):
                source.open()
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, str(error))


def _check_path(path: Path, where: str, *, is_directory: bool) -> Finding:
    kind = "directory" if is_directory else "file"
    if not (path.is_dir() if is_directory else path.is_file()):
        return Finding(Level.ERROR, where, f"source {path}: no such {kind}")
    if not os.access(path, os.R_OK):
        return Finding(Level.ERROR, where, f"source {path}: cannot be read")
    return Finding(Level.OK, where, f"source {path}")


def _check_camera(source: CameraConfig, where: str) -> Iterator[Finding]:
    if importlib.util.find_spec("cv2") is None:
        remedy = "pip install 'edge-runtime[camera]'"
        yield Finding(Level.ERROR, where, "source camera: OpenCV is not installed", remedy)
    if source.device is None:
        yield Finding(Level.OK, where, "source camera: a stream, opened when it runs")
        return
    is_number = isinstance(source.device, int) or source.device.isdigit()
    path = Path(f"/dev/video{source.device}" if is_number else str(source.device))
    if not path.exists():
        remedy = "plug it in, or see `ls /dev/video*`"
        yield Finding(Level.ERROR, where, f"source camera: {path} is not there", remedy)
    elif not os.access(path, os.R_OK | os.W_OK):
        remedy = "add the daemon's user to the group `video`"
        yield Finding(Level.ERROR, where, f"source camera: {path} cannot be opened", remedy)
    else:
        yield Finding(Level.OK, where, f"source camera: {path}")


def _check_mqtt(mqtt: MqttConfig) -> Iterator[Finding]:
    if mqtt.host is None:
        remedy = "set mqtt.host; the embedded broker is for trials, on loopback only"
        yield Finding(Level.WARNING, "mqtt", "no host: the embedded broker is started", remedy)
        if importlib.util.find_spec("amqtt") is None:
            remedy = "pip install 'edge-runtime[demo]', or set mqtt.host"
            yield Finding(Level.ERROR, "mqtt", "the embedded broker is not installed", remedy)
        return
    if mqtt.password_file is not None:
        yield from _check_password(Path(mqtt.password_file))
    if mqtt.password_file is not None and mqtt.tls is None and mqtt.host != "localhost":
        remedy = "set mqtt.tls"
        yield Finding(Level.WARNING, "mqtt", "the password is sent without TLS", remedy)
    yield probe_broker(mqtt)


def _check_password(path: Path) -> Iterator[Finding]:
    try:
        read_secret(path)
    except ConfigError as error:
        yield Finding(Level.ERROR, "mqtt.password_file", str(error))
        return
    mode = path.stat().st_mode
    if mode & _OPEN_TO_OTHERS:
        text = f"{path} has mode {stat.S_IMODE(mode):04o}"
        yield Finding(Level.ERROR, "mqtt.password_file", text, f"chmod 600 {path}")
    else:
        yield Finding(Level.OK, "mqtt.password_file", f"{path} is ours alone")
