"""Secrets come from where systemd put them, and else from the files that are named."""

from pathlib import Path

from edge_runtime.config.credentials import credential_files, with_credentials
from edge_runtime.config.loading import decode_config
from edge_runtime.config.sensors import MqttSourceConfig
from edge_runtime.config.sources import CameraConfig, HttpConfig
from edge_runtime.config.structs import Config
from edge_runtime.config.values import TlsConfig

CONFIG = """
[device]
id = "porch-pi"
[mqtt]
host = "broker.local"
username = "porch-pi"
password_file = "/etc/edge-runtime/password"
tls = { ca = "/etc/edge-runtime/ca.pem", cert = "/etc/edge-runtime/c.pem", key = "/etc/edge-runtime/k.pem" }
[[pipeline]]
name = "gate"
model = "person"
source = { kind = "camera", url_file = "/etc/edge-runtime/gate.url" }
[[pipeline]]
name = "door"
model = "person"
source = { kind = "camera", device = "/dev/video0" }
"""  # noqa: E501


def camera(config: Config) -> CameraConfig:
    source = config.pipeline[0].source
    assert isinstance(source, CameraConfig)
    return source


def test_every_secret_has_a_name() -> None:
    files = credential_files(decode_config(CONFIG))

    assert {name: path.name for name, path in files.items()} == {
        "mqtt-password": "password",
        "mqtt-tls-ca": "ca.pem",
        "mqtt-tls-cert": "c.pem",
        "mqtt-tls-key": "k.pem",
        "url-gate": "gate.url",
    }


def test_what_was_handed_over_is_read_from_there(tmp_path: Path) -> None:
    for name in ("mqtt-password", "mqtt-tls-key", "url-gate"):
        (tmp_path / name).write_text("secret")

    config = with_credentials(decode_config(CONFIG), tmp_path)

    assert config.mqtt.password_file == str(tmp_path / "mqtt-password")
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.key == str(tmp_path / "mqtt-tls-key")
    assert config.mqtt.tls.cert == "/etc/edge-runtime/c.pem"
    assert camera(config).url_file == str(tmp_path / "url-gate")
    assert config.pipeline[1] == decode_config(CONFIG).pipeline[1]


def test_without_credentials_nothing_changes(tmp_path: Path) -> None:
    config = decode_config(CONFIG)

    assert with_credentials(config, None) == config
    assert with_credentials(config, tmp_path) == config


SENSORS = """
[device]
id = "hub"
[[pipeline]]
name = "bath"
model = "m"
[pipeline.source]
kind = "mqtt"
host = "broker.local"
topic = "t"
username = "u"
password_file = "/etc/edge-runtime/other"
tls = { ca = "/etc/edge-runtime/ca.pem" }
[[pipeline]]
name = "meter"
model = "m"
source = { kind = "http", url_file = "/etc/edge-runtime/meter.url" }
[[pipeline]]
name = "hall"
model = "m"
source = { kind = "mqtt", host = "broker.local", topic = "t" }
"""


def test_the_secrets_of_sources_are_handed_over_too(tmp_path: Path) -> None:
    config = decode_config(SENSORS)
    files = credential_files(config)
    for name in files:
        (tmp_path / name).write_text("secret")

    bath, meter, hall = (p.source for p in with_credentials(config, tmp_path).pipeline)

    assert set(files) == {"password-bath", "tls-bath-ca", "url-meter"}
    assert isinstance(bath, MqttSourceConfig)
    assert isinstance(meter, HttpConfig)
    assert bath.password_file == str(tmp_path / "password-bath")
    assert bath.tls == TlsConfig(ca=str(tmp_path / "tls-bath-ca"))
    assert meter.url_file == str(tmp_path / "url-meter")
    assert hall == config.pipeline[2].source
