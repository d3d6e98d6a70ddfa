"""What is said of a source before it runs."""

import os
from pathlib import Path

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
from edge_runtime.config.sources import CameraConfig, HttpConfig, PicameraConfig, SourceConfig
from edge_runtime.config.values import Text
from edge_runtime.diagnosis import source_check
from edge_runtime.diagnosis.findings import Finding, Level
from edge_runtime.diagnosis.source_check import check_source
from tests.edge_runtime.sources.iio_tree import IioTree

REGISTERS = (ModbusRegister(name="a", address=0),)


def findings(config: SourceConfig) -> list[Finding]:
    return list(check_source(config, "pipeline x"))


def only_error(config: SourceConfig) -> Finding:
    (error,) = (finding for finding in findings(config) if finding.level is Level.ERROR)
    return error


@pytest.mark.parametrize(
    ("config", "module", "remedy"),
    [
        (SerialConfig(port="/dev/null"), "serial", "edge-runtime[serial]"),
        (ModbusConfig(host="x", registers=REGISTERS), "pymodbus", "edge-runtime[modbus]"),
        (HttpConfig(url="http://x"), "cv2", "edge-runtime[camera]"),
        (PicameraConfig(), "picamera2", "apt install python3-picamera2"),
    ],
)
def test_a_library_that_is_missing_is_named_with_what_brings_it(
    config: SourceConfig, module: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        source_check.importlib.util, "find_spec", lambda name: None if name == module else object()
    )

    error = only_error(config)

    assert f"{module} is not installed" in error.what
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("config", "what", "remedy"),
    [
        (SerialConfig(port="/dev/ttyNONE"), "serial: /dev/ttyNONE is not there", "plug it in"),
        (I2cConfig(chip="bme280", bus=250), "i2c: /dev/i2c-250 is not there", "enable the bus"),
        (CameraConfig(device="/dev/videoNONE"), "camera: /dev/videoNONE is not", "plug it in"),
        (
            ModbusConfig(port="/dev/ttyNONE", registers=REGISTERS),
            "modbus: /dev/ttyNONE is not there",
            "plug it in",
        ),
        (IioConfig(device="bme680"), "iio: no device bme680", "load its driver; there are "),
        (WavConfig(path="/no/such.wav"), "/no/such.wav: no such file", ""),
        (
            MqttSourceConfig(host="x", topic="t", username="u", password_file="/no/secret"),
            "mqtt: /no/secret: the secret cannot be read",
            "",
        ),
        (HttpConfig(url_file="/no/url"), "http: /no/url: the secret cannot be read", ""),
    ],
)
def test_what_is_not_there_is_named_with_a_remedy(
    config: SourceConfig, what: Text, remedy: str
) -> None:
    error = only_error(config)

    assert what in error.what
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (SerialConfig(port="/dev/null"), "serial: /dev/null"),
        (ModbusConfig(host="x", registers=REGISTERS), ""),
        (CameraConfig(url="rtsp://x"), "a stream, opened when it runs"),
        (MqttSourceConfig(host="x", topic="z/bath"), "mqtt: z/bath"),
        (WavConfig(path="/"), "source /"),
    ],
)
def test_what_is_there_is_good(config: SourceConfig, text: str) -> None:
    found = findings(config)

    assert {finding.level for finding in found} <= {Level.OK}
    assert any(text in finding.what for finding in found) or not text


def test_picamera2_that_is_there_is_left_to_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_check.importlib.util, "find_spec", lambda name: object())

    (finding,) = findings(PicameraConfig())

    assert finding.level is Level.OK


@pytest.mark.parametrize(
    ("config", "group"),
    [
        (SerialConfig(port="/dev/null"), "dialout"),
        (CameraConfig(device="/dev/null"), "video"),
    ],
)
def test_a_device_that_is_not_ours_names_the_group(
    config: SourceConfig, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    error = only_error(config)

    assert error.what.endswith("/dev/null cannot be opened")
    assert f"group `{group}`" in error.remedy


def test_a_microphone_needs_a_sound_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: str(path) != "/dev/snd")

    assert "/dev/snd is not there" in only_error(MicrophoneConfig()).what


def test_an_iio_device_is_looked_for_by_both_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = IioTree(tmp_path)
    monkeypatch.setattr(source_check, "IioPlaces", lambda: tree.places)

    assert [f.level for f in findings(IioConfig(device="lis3dh"))] == [Level.OK]
    assert [f.level for f in findings(IioConfig(device="iio:device0"))] == [Level.OK]
    tree.node.unlink()
    error = only_error(IioConfig(device="lis3dh"))
    assert "iio:device0 or" in error.what
    assert "udev rule" in error.remedy
    tree.close()
