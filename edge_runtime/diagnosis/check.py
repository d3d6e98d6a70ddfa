"""Looks at everything that can be wrong before it runs, and tells all of it at once."""

import contextlib
import importlib.util
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.config.loading import Environment, load_config, models_directory, read_secret
from edge_runtime.config.sources import SourceConfig
from edge_runtime.config.structs import Config, MqttConfig, PipelineConfig
from edge_runtime.config.vision import ModelConfig
from edge_runtime.diagnosis.findings import Finding, Level, has_errors
from edge_runtime.diagnosis.source_check import LIVE, check_source
from edge_runtime.engines.kinds import BUILT_IN, EngineKind, find_kind
from edge_runtime.engines.selection import choose_engine
from edge_runtime.errors import ConfigError, EdgeRuntimeError
from edge_runtime.host.readings import HostReader
from edge_runtime.keys import read_public_key
from edge_runtime.manifest import Manifest, file_of, load_bundle
from edge_runtime.models.signature import ModelKey, model_key
from edge_runtime.models.store import find_bundle
from edge_runtime.mqtt.broker_probe import probe_broker
from edge_runtime.sources.selection import make_source
from edge_runtime.suitability import check_suits

_OPEN_TO_OTHERS = stat.S_IRWXO | stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where bundles are, and who has to have signed them."""

    directory: Path
    key: ModelKey | None

    def manifest(self, model: str) -> Manifest:
        """Return what a whole bundle says; raises as `find_bundle` and `load_bundle`."""
        return load_bundle(find_bundle(model, self.directory, self.key), self.key)


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
    models = _Shelf(models_directory(config, environment), _readable_key(config))
    for pipeline in config.pipeline:
        findings += _check_pipeline(pipeline, models)
    findings += _check_governor(config, environment.host_root)
    findings += _check_keys(config)
    findings += _check_mqtt(config.mqtt)
    return findings


def _readable_key(config: Config) -> ModelKey | None:
    """Return the models' key; None where it cannot be read, which is a finding of its own."""
    try:
        return model_key(config)
    except ConfigError:
        return None


def _check_state(directory: Path) -> Iterator[Finding]:
    place = directory
    while not place.exists():
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        yield Finding(Level.OK, "state", f"{directory} can be written")
    else:
        remedy = "without it nothing survives a restart: give it to the daemon's user"
        yield Finding(Level.ERROR, "state", f"{directory} cannot be written", remedy)


def _check_pipeline(pipeline: PipelineConfig, models: _Shelf) -> Iterator[Finding]:
    where = f"pipeline {pipeline.name}"
    try:
        manifest = models.manifest(pipeline.model)
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, str(error))
        yield from check_source(pipeline.source, where)
        return
    yield from _check_model(pipeline, manifest, where)
    yield from _check_further(pipeline, manifest, models, where)
    yield from _check_small(pipeline, manifest, models, where)
    yield from _check_watched(pipeline, manifest, where)
    yield from _check_batch(pipeline, manifest, where)
    findings = [*check_source(pipeline.source, where)]
    if not has_errors(findings):
        findings += _try_source(pipeline.source, manifest, where)
    yield from findings


def _check_further(
    pipeline: PipelineConfig, own: Manifest, models: _Shelf, where: str
) -> Iterator[Finding]:
    """Look at the models of gates and stages, and at whether all of them suit each other."""
    further = []
    for config in pipeline.further_models:
        try:
            manifest = models.manifest(config.model)
        except EdgeRuntimeError as error:
            yield Finding(Level.ERROR, where, str(error))
            continue
        further.append(manifest)
        yield from _check_model(config, manifest, where)
    if len(further) < len(pipeline.further_models):
        return
    try:
        check_suits(pipeline, own, tuple(further))
    except ConfigError as error:
        yield Finding(Level.ERROR, where, str(error))


def _check_small(
    pipeline: PipelineConfig, own: Manifest, models: _Shelf, where: str
) -> Iterator[Finding]:
    """Look at the model that a hot device runs: it has to take and say what the own one does."""
    if pipeline.small_model is None:
        return
    try:
        small = models.manifest(pipeline.small_model)
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, f"small_model: {error}")
        return
    if small.task != own.task or small.labels != own.labels:
        text = f"small_model {small.name} does not say what {own.name} says (task and labels)"
        yield Finding(Level.ERROR, where, text)
        return
    yield from _check_model(pipeline, small, where)


def _check_watched(pipeline: PipelineConfig, own: Manifest, where: str) -> Iterator[Finding]:
    if pipeline.drift is not None and file_of(own, "calibration") is None:
        text = f"drift: bundle {own.name} has no calibration histograms to compare with"
        yield Finding(Level.WARNING, where, text, "edge-quantize run writes them")


def _check_batch(pipeline: PipelineConfig, own: Manifest, where: str) -> Iterator[Finding]:
    """Look at whether the engine takes as much as is wanted; an unknown one is named elsewhere."""
    if pipeline.batch == 1:
        return
    with contextlib.suppress(EdgeRuntimeError):
        kind = find_kind(choose_engine(pipeline.engine, own))
        if not kind.may_batch:
            able = ", ".join(name for name, other in BUILT_IN.items() if other.may_batch)
            text = f"batch = {pipeline.batch}: engine {kind.name} takes one frame at a time"
            yield Finding(Level.WARNING, where, text, f"engines that take more: {able}")


def _check_governor(config: Config, host_root: Path) -> Iterator[Finding]:
    if config.governor is None:
        return
    zones = HostReader(host_root, host_root).temperatures()
    wanted = config.governor.zone
    if not zones or (wanted is not None and wanted not in zones):
        text = f"no zone {wanted!r}, there are {', '.join(zones) or 'none'}"
        remedy = "only the firmware's own throttling will be noticed"
        yield Finding(Level.WARNING, "governor", text, remedy)
    is_small = any(rung.model is not None for rung in config.governor.ladder)
    if is_small and not any(pipeline.small_model for pipeline in config.pipeline):
        text = 'the rung model = "small" does nothing: no pipeline has a small_model'
        yield Finding(Level.WARNING, "governor", text)


def _check_model(config: ModelConfig, manifest: Manifest, where: str) -> Iterator[Finding]:
    text = f"model {manifest.name}@{manifest.version}: {len(manifest.files)} files unchanged"
    yield Finding(Level.OK, where, text)
    try:
        kind = find_kind(choose_engine(config.engine, manifest))
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, str(error))
        return
    if not kind.is_installed:
        yield Finding(Level.ERROR, where, f"engine {kind.name} is not installed", kind.remedy)
        return
    yield Finding(Level.OK, where, f"engine {kind.name} is installed")
    yield from _check_acceleration(config, kind, where)


def _check_acceleration(config: ModelConfig, kind: EngineKind, where: str) -> Iterator[Finding]:
    """Look for what the engine will load; whether it computes, only its self-test shows."""
    accelerator, library = config.accelerator, config.library
    if library is not None and "/" in library and not Path(library).is_file():
        yield Finding(Level.ERROR, where, f"library {library}: no such file")
    found = kind.accelerators()
    if accelerator is not None and library is None and accelerator not in found:
        text = f"accelerator {accelerator} is not here, engine {kind.name} finds "
        yield Finding(Level.ERROR, where, text + (", ".join(found) or "none"))


def _try_source(config: SourceConfig, manifest: Manifest, where: str) -> Iterator[Finding]:
    """Open a recording as the daemon will; a live source may be in use, and is left alone."""
    try:
        source = make_source(config, manifest)
        if not isinstance(config, LIVE):
            with contextlib.closing(source):
                source.open()
    except EdgeRuntimeError as error:
        yield Finding(Level.ERROR, where, str(error))


def _check_keys(config: Config) -> Iterator[Finding]:
    named = {
        "commands.fleet_key_file": (config.commands.fleet_key_file, "commands"),
        "models_key_file": (config.models_key_file, "bundles"),
    }
    for where, (path, what) in named.items():
        if path is None:
            continue
        try:
            read_public_key(Path(path))
        except ConfigError as error:
            yield Finding(Level.ERROR, where, str(error))
        else:
            yield Finding(Level.OK, where, f"{path}: {what} have to be signed")


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
