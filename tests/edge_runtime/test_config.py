"""Configuration: what is taken, and one clear line for what is not."""

import os
import re
from pathlib import Path

import pytest

from edge_runtime.config import (
    CameraConfig,
    CsvConfig,
    FilesConfig,
    MqttConfig,
    TlsConfig,
    decode_config,
    load_config,
    models_directory,
    read_environment,
    read_secret,
)
from edge_runtime.errors import ConfigError

DOCUMENTED = """
[device]
id = "porch-pi"
site = "home"

[mqtt]
host = "broker.local"
port = 8883
tls = { ca = "/etc/edge-runtime/ca.pem", cert = "c.pem", key = "k.pem" }
username = "porch-pi"
password_file = "/run/credentials/mqtt"
home_assistant = true

[health]
interval_s = 30

[[pipeline]]
name = "door"
model = "person-detect"
engine = "onnx"
max_age_ms = 500
publish = { predictions = "changes", events = true, max_rate_hz = 2 }
[pipeline.source]
kind = "camera"
device = "/dev/video0"
width = 1280
height = 720
fps = 10
"""


def test_the_documented_file_is_taken() -> None:
    config = decode_config(DOCUMENTED)

    pipeline = config.pipeline[0]
    assert config.device.id == "porch-pi"
    assert config.mqtt.tls == TlsConfig(ca="/etc/edge-runtime/ca.pem", cert="c.pem", key="k.pem")
    assert isinstance(pipeline.source, CameraConfig)
    assert (pipeline.source.device, pipeline.source.fps) == ("/dev/video0", 10.0)
    assert pipeline.max_age_ms == 500.0
    assert pipeline.publish.max_rate_hz == 2.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width", "widht", r"pipeline\[0\]\.source: unknown key 'widht'; did you mean 'width'\?"),
        ("[health]", "[heath]", r"top level: unknown key 'heath'; did you mean 'health'\?"),
        ("ca =", "zz =", r"mqtt.tls: unknown key 'zz'; known are ca, cert, key"),
        ("max_rate_hz", "max_rate", r"publish: unknown key 'max_rate'; did you mean 'max_rate_hz'"),
        ('"camera"', '"cam"', r"source\.kind: invalid value 'cam' \(allowed: files, video, camera"),
        ('kind = "camera"', "", "source: object missing required field `kind`"),
        ('"porch-pi"', '"Porch Pi"', r"device\.id: expected `str` matching regex"),
        ("port = 8883", "port = 0", r"mqtt\.port: expected `int` >= 1"),
        ("1280", "99999", r"source\.width: expected `int` <= 16384"),
        ("1280", '"wide"', r"source\.width: expected `int"),
        ("500", "-1", r"max_age_ms: expected `float` > 0"),
        ('"onnx"', '"tpu"', r"pipeline\[0\]\.engine: invalid enum value 'tpu'"),
        ('"door"', '"front/door"', r"pipeline\[0\]\.name: expected `str` matching"),
        ('username = "porch-pi"', "", "password_file without username"),
        (', key = "k.pem"', "", "mqtt.tls: cert and key belong together"),
        ('device = "/dev/video0"', "", "exactly one of device, url, url_file and gstreamer"),
        ("[[pipeline]]", "[pipeline]", "pipeline: expected `array`, got `object`"),
        ("[device]", "[device", "not TOML"),
        ("events = true", 'events = false, keep = "all"', 'keep = "all" needs events = true'),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(old: str, new: str, message: str) -> None:
    assert old in DOCUMENTED

    with pytest.raises(ConfigError) as caught:
        decode_config(DOCUMENTED.replace(old, new, 1))

    text = str(caught.value)
    assert "\n" not in text
    assert re.search(message, text)


def test_contradictions_are_all_said_at_once() -> None:
    text = DOCUMENTED.replace('cert = "c.pem", ', "") + DOCUMENTED[DOCUMENTED.index("[[pipe") :]

    with pytest.raises(ConfigError, match=r"cert and key.*; pipeline: name 'door' is used twice"):
        decode_config(text)


@pytest.mark.parametrize(
    "source",
    ['kind = "csv"\npath = "x"', 'kind = "csv"\npath = "x"\nrate_hz = 1\ntimestamp_column = "t"'],
)
def test_rows_have_one_pace(source: str) -> None:
    text = DOCUMENTED[: DOCUMENTED.index("kind =")] + source

    with pytest.raises(ConfigError, match="exactly one of timestamp_column and rate_hz"):
        decode_config(text)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    start = DOCUMENTED[: DOCUMENTED.index("kind =")]
    start = start.replace('"person-detect"', '"bundles/person/1"')
    path.write_text(
        'models_dir = "models"\n' + start + 'kind = "files"\npath = "images"\n', encoding="utf-8"
    )

    config = load_config(path)

    pipeline = config.pipeline[0]
    assert isinstance(pipeline.source, FilesConfig)
    assert pipeline.source.path == str(tmp_path / "images")
    assert pipeline.model == str(tmp_path / "bundles/person/1")
    assert config.models_dir == str(tmp_path / "models")
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca == "/etc/edge-runtime/ca.pem"
    assert config.mqtt.tls.cert == str(tmp_path / "c.pem")


def test_an_unreadable_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match=r"latin\.toml: not UTF-8 \(byte 5\)"):
        load_config(tmp_path / "latin.toml")
    (tmp_path / "bad.toml").write_text(DOCUMENTED.replace("1280", "0"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.toml: pipeline\[0\]\.source\.width"):
        load_config(tmp_path / "bad.toml")


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: larger than"):
        load_config(Path("/dev/zero"))


def test_the_port_follows_tls() -> None:
    assert MqttConfig().effective_port == 1883
    assert MqttConfig(tls=TlsConfig()).effective_port == 8883
    assert MqttConfig(port=99).effective_port == 99


def test_the_environment_is_systemds_or_the_users() -> None:
    outside = read_environment({"HOME": "/home/u"})
    inside = read_environment(
        {
            "STATE_DIRECTORY": "/var/lib/edge-runtime:/var/lib/other",
            "NOTIFY_SOCKET": "@n",
            "WATCHDOG_USEC": "30000000",
            "WATCHDOG_PID": str(os.getpid()),
            "CREDENTIALS_DIRECTORY": "/run/c",
        }
    )

    assert outside.state_directory == Path("/home/u/.local/state/edge-runtime")
    assert (outside.notify_socket, outside.watchdog_usec) == (None, None)
    assert inside.state_directory == Path("/var/lib/edge-runtime")
    assert (inside.notify_socket, inside.watchdog_usec) == ("@n", 30_000_000)
    assert inside.credentials_directory == Path("/run/c")
    others = read_environment({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"})
    assert others.watchdog_usec is None
    config = decode_config(DOCUMENTED)
    assert models_directory(config, inside) == Path("/var/lib/edge-runtime/models")


@pytest.mark.parametrize(("content", "secret"), [("a b\n", "a b"), ("x", "x"), ("y\r\n", "y")])
def test_a_secret_is_one_line(tmp_path: Path, content: str, secret: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode())

    assert read_secret(path) == secret


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"x" * 5000, b"\xff"])
def test_what_is_no_secret_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_secret(path)

    assert "x" * 10 not in str(caught.value)


def test_defaults_of_a_sensor_file() -> None:
    text = '[device]\nid = "a"\n[[pipeline]]\nname = "p"\nmodel = "m"\n'
    config = decode_config(text + '[pipeline.source]\nkind = "csv"\npath = "x"\nrate_hz = 0\n')

    assert isinstance(config.pipeline[0].source, CsvConfig)
    assert config.mqtt.host is None
