"""Looks at this machine: what the daemon could use here, and what would hamper it.

It reads files below /proc, /sys and /dev and opens nothing: a camera in use is not disturbed.
Engines are asked which accelerators they bring; whether one computes, its self-test shows.
"""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.config.loading import Environment
from edge_runtime.diagnosis.findings import Finding, Level
from edge_runtime.engines.kinds import EngineKind, engine_names, find_kind
from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.host.clock import is_synchronised
from edge_runtime.host.readings import HostHealth, HostReader

LEAST_DISK_MB = 512.0
LEAST_MEMORY_MB = 150.0
HOT_CELSIUS = 80.0
_PACKAGES = {
    "onnxruntime": "engine onnx",
    "ai-edge-litert": "engine tflite",
    "tflite-runtime": "engine tflite (legacy)",
    "openvino": "engine openvino",
    "opencv-python-headless": "cameras, videos, images",
    "pyserial": "source serial",
    "smbus2": "source i2c",
    "pymodbus": "source modbus",
    "sounddevice": "source microphone",
    "picamera2": "source picamera",
    "amqtt": "the embedded broker",
}
_NEEDED_ENGINES = ("onnxruntime", "ai-edge-litert", "tflite-runtime", "openvino")


def examine(environment: Environment, root: Path = Path("/")) -> list[Finding]:
    """Return what is to be said about this machine."""
    state = environment.state_directory
    disk = next(place for place in (state, *state.parents) if place.exists())
    host = HostReader(disk, root).read((), "synced" if is_synchronised() else "unsynced")
    return [
        _machine(root),
        *_packages(),
        *_engines(),
        *_cameras(root),
        *_sensors(root),
        _clock(host),
        *_resources(host, disk),
        *_temperatures(host),
        *_throttling(host),
        _systemd(environment),
    ]


def _machine(root: Path) -> Finding:
    model = root / "proc/device-tree/model"
    board = (
        model.read_text("utf-8", "replace").strip("\0\n ") if model.is_file() else "no board name"
    )
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    text = f"{board}, {platform.machine()}, {system}"
    return Finding(Level.OK, "machine", text)


def _packages() -> Iterator[Finding]:
    versions = {name: _version(name) for name in _PACKAGES}
    for name, version in versions.items():
        if version is not None:
            yield Finding(Level.OK, name, f"{version}: {_PACKAGES[name]}")
    if not any(versions[name] for name in _NEEDED_ENGINES):
        remedy = "pip install 'edge-runtime[tflite]' or 'edge-runtime[onnx]'"
        yield Finding(Level.ERROR, "engines", "no inference engine is installed", remedy)


def _engines() -> Iterator[Finding]:
    for name in engine_names():
        try:
            kind = find_kind(name)
            if kind.is_installed:
                yield Finding(Level.OK, f"engine {name}", _accelerators(kind))
        except EdgeRuntimeError as error:
            yield Finding(Level.WARNING, f"engine {name}", str(error))


def _accelerators(kind: EngineKind) -> str:
    if not kind.modules:
        return "takes a library of exported C (--package shared-object)"
    return f"accelerators: {', '.join(kind.accelerators()) or 'none'}"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cameras(root: Path) -> Iterator[Finding]:
    devices = sorted((root / "sys/class/video4linux").glob("video*"))
    for device in devices:
        name = device / "name"
        text = name.read_text("utf-8", "replace").strip() if name.is_file() else "no name"
        yield Finding(Level.OK, f"/dev/{device.name}", text)
    if not devices:
        yield Finding(Level.OK, "cameras", "no V4L2 device (streams and files work without one)")


def _sensors(root: Path) -> Iterator[Finding]:
    for pattern in ("ttyUSB*", "ttyACM*", "ttyAMA*", "serial[0-9]*", "i2c-*"):
        for node in sorted((root / "dev").glob(pattern)):
            kind = "I2C bus" if node.name.startswith("i2c") else "serial port"
            yield _node(node, kind)
    for device in sorted((root / "sys/bus/iio/devices").glob("iio:device*")):
        name = device / "name"
        text = name.read_text("utf-8", "replace").strip() if name.is_file() else "no name"
        buffered = "buffered" if (device / "buffer").is_dir() else "no buffer: cannot be a source"
        yield Finding(Level.OK, f"/dev/{device.name}", f"IIO {text}, {buffered}")


def _node(node: Path, kind: str) -> Finding:
    if os.access(node, os.R_OK | os.W_OK):
        return Finding(Level.OK, f"/dev/{node.name}", kind)
    group = "i2c" if kind.startswith("I2C") else "dialout"
    remedy = f"add the daemon's user to the group `{group}`"
    return Finding(Level.WARNING, f"/dev/{node.name}", f"{kind}, not ours to open", remedy)


def _clock(host: HostHealth) -> Finding:
    if host.clock == "synced":
        return Finding(Level.OK, "clock", "synchronised")
    remedy = "timedatectl set-ntp true; until then messages say clock = unsynced"
    return Finding(Level.WARNING, "clock", "not synchronised", remedy)


def _resources(host: HostHealth, disk: Path) -> Iterator[Finding]:
    yield _amount("disk", host.disk_free_mb, LEAST_DISK_MB, f"free at {disk}")
    yield _amount("memory", host.mem_avail_mb, LEAST_MEMORY_MB, "available")


def _amount(where: str, megabytes: float | None, least: float, what: str) -> Finding:
    if megabytes is None:
        return Finding(Level.WARNING, where, "cannot be read")
    level = Level.OK if megabytes >= least else Level.WARNING
    return Finding(level, where, f"{megabytes:.0f} MiB {what}, {least:.0f} are wanted")


def _temperatures(host: HostHealth) -> Iterator[Finding]:
    for zone, celsius in host.temp_c.items():
        level = Level.OK if celsius < HOT_CELSIUS else Level.WARNING
        yield Finding(level, f"temperature {zone}", f"{celsius:.1f} °C")
    if not host.temp_c:
        yield Finding(Level.OK, "temperature", "no sensor that can be read")


def _throttling(host: HostHealth) -> Iterator[Finding]:
    if host.throttle is None:
        return
    if host.throttle.since_boot or host.throttle.now:
        seen = ", ".join(dict.fromkeys((*host.throttle.now, *host.throttle.since_boot)))
        remedy = "a stronger power supply, or cooling"
        yield Finding(Level.WARNING, "throttling", f"seen since boot: {seen}", remedy)
    else:
        yield Finding(Level.OK, "throttling", "none since boot")


def _systemd(environment: Environment) -> Finding:
    if environment.notify_socket is None:
        return Finding(Level.OK, "systemd", "not started by systemd: no watchdog")
    watched = environment.watchdog_usec is not None
    return Finding(Level.OK, "systemd", "notify" + (" and watchdog" if watched else ""))
