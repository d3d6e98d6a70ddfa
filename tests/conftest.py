"""Fixtures of all tests, and the rule for tools: missing means skipped, or failed in CI.

A test that needs a tool carries its marker. Where the tool is missing the test is skipped with the
tool's name; REQUIRE_TOOLS=1 turns that skip into a failure.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from ctypes.util import find_library
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from tests.chaos.catalogue import rows_of

# No test is judged by wall time: machines are shared. The suite judges a change, so its examples
# are the same each time; `make explore` looks for what no one has seen yet.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("explore" if os.environ.get("EXPLORE") else "suite")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
SYSTEM_PYTHON = "/usr/bin/python3"
_RTSP = "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('Gst', '1.0')"


def _program(*names: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        return next((name for name in names if _find(name) is None), None)

    return missing


def _find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _module(*names: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        return next((name for name in names if importlib.util.find_spec(name) is None), None)

    return missing


def _portaudio() -> str | None:
    return None if find_library("portaudio") else "libportaudio2"


def _rtsp_server() -> str | None:
    """GStreamer's bindings belong to the system's Python, not to this environment."""
    found = subprocess.run([SYSTEM_PYTHON, "-c", _RTSP], capture_output=True, check=False)
    return "gir1.2-gst-rtsp-server-1.0" if found.returncode else None


def _deployment() -> str | None:
    """Machines and containers are started by root alone."""
    if os.geteuid() != 0:
        return "root"
    return _program(
        "mmdebstrap", "systemd-nspawn", "dpkg-deb", "lintian", "buildah", "podman", "runc",
        "catatonit", "apt-ftparchive", "gpg", "mosquitto",
    )()  # fmt: skip


def _shared() -> str | None:
    return None if (SHARED / "models").is_dir() else "the reference models (../shared)"


TOOLS: dict[str, Callable[[], str | None]] = {
    "broker": _program("mosquitto"),
    "gcc": _program("gcc", "g++"),
    "cmake": _program("cmake"),
    "systemd": _program("systemd-analyze"),
    "qemu": _program("qemu-system-arm", "arm-none-eabi-gcc"),
    "browser": _program("chromium"),
    "clang": _program("clang", "clang++"),
    "cppcheck": _program("cppcheck"),
    "riscv": _program("qemu-system-riscv32", "riscv64-unknown-elf-gcc"),
    "packager": _program("pio", "compote", "olddefconfig"),
    "tflite": _module("ai_edge_litert"),
    "ort": _module("onnxruntime"),
    "openvino": _module("openvino"),
    "portaudio": _portaudio,
    "rtsp": _rtsp_server,
    "card": _program("mcopy", "mkfs.vfat", "mkfs.ext4", "sfdisk", "dpkg-deb"),
    "boot": _program("mmdebstrap", "qemu-system-aarch64", "depmod", "debugfs", "mosquitto"),
    "deploy": _deployment,
}


SLOW_TOOLS = (
    "browser",
    "clang",
    "cppcheck",
    "openvino",
    "packager",
    "riscv",
    "rtsp",
    "deploy",
)  # large: installed for the slow tests only


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a tool that is not there; the reference models may always be missing."""
    is_required = os.environ.get("REQUIRE_TOOLS") == "1"
    for item in items:
        if rows_of(item.name):
            item.add_marker(pytest.mark.chaos)
        if any(item.get_closest_marker(marker) for marker in SLOW_TOOLS):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("shared_assets") and (missing := _shared()):
            item.add_marker(pytest.mark.skip(reason=f"needs {missing}"))
        for marker, probe in TOOLS.items():
            if item.get_closest_marker(marker) and not is_required and (missing := probe()):
                item.add_marker(pytest.mark.skip(reason=f"needs {missing}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail, with the tool's name, where a required tool is missing."""
    for marker, probe in TOOLS.items():
        if item.get_closest_marker(marker) and (missing := probe()):
            pytest.fail(f"needs {missing}; scripts/install-tools installs it", pytrace=False)


@pytest.fixture
def shared() -> Path:
    """The folder of reference models and labelled inputs (mark the test `shared_assets`)."""
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20261123)


@pytest.fixture(autouse=True)
def _private_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the daemon's state out of the user's home."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
