"""`check` asks the broker whether it would take us, and leaves no trace there."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.config.structs import MqttConfig
from edge_runtime.config.values import TlsConfig
from edge_runtime.diagnosis.findings import Level
from edge_runtime.mqtt.broker_probe import probe_broker
from tests.broker.certificates import Authority
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.broker.proxy import OldBroker

pytestmark = pytest.mark.broker


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows pi-1 with the password "right"."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "pi-1", "right"], check=True)
    passwords.chmod(0o644)
    mosquitto = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


def test_a_broker_that_takes_us_hears_nothing(broker: Mosquitto, listener: Listener) -> None:
    finding = probe_broker(MqttConfig(host="127.0.0.1", port=broker.port))

    assert finding.level is Level.OK
    assert finding.what == "takes us, MQTT 5"
    eventually(lambda: broker.log().count("Received DISCONNECT") == 1, "good-bye")
    assert listener.heard == []


def test_an_old_broker_is_asked_in_3_1_1(broker: Mosquitto) -> None:
    with OldBroker(broker.port) as old:
        finding = probe_broker(MqttConfig(host="127.0.0.1", port=old.port))

    assert finding.what == "takes us, MQTT 3.1.1"


def test_a_broker_of_another_version_only_is_an_error(broker: Mosquitto) -> None:
    with OldBroker(broker.port) as old:
        finding = probe_broker(MqttConfig(host="127.0.0.1", port=old.port, protocol="5"))

    assert finding.level is Level.ERROR
    assert "protocol" in finding.what


@pytest.mark.parametrize(("password", "level"), [("right", Level.OK), ("wrong", Level.ERROR)])
def test_the_password_is_tried(
    guarded: Mosquitto, tmp_path: Path, password: str, level: Level
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(password + "\n")
    config = MqttConfig(
        host="127.0.0.1", port=guarded.port, username="pi-1", password_file=str(secret)
    )

    finding = probe_broker(config)

    assert finding.level is level
    assert password not in finding.what


def test_a_missing_authority_and_a_silent_port_are_errors(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        tls = TlsConfig(ca=str(tmp_path / "none.pem"))
        assert "none.pem" in probe_broker(MqttConfig(host="127.0.0.1", port=port, tls=tls)).what

        finding = probe_broker(MqttConfig(host="127.0.0.1", port=port))

    assert finding.level is Level.ERROR
    assert finding.what.startswith("not_acknowledged")


def test_mutual_tls_is_tried(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    theirs, ours = authority.issue("broker"), authority.issue("pi-1")
    broker = Mosquitto(
        tmp_path, f"cafile {authority.ca}", f"certfile {theirs.cert}", f"keyfile {theirs.key}",
        "require_certificate true",
    )  # fmt: skip
    broker.start()
    tls = TlsConfig(ca=str(authority.ca), cert=str(ours.cert), key=str(ours.key))

    finding = probe_broker(MqttConfig(host="127.0.0.1", port=broker.port, tls=tls))

    broker.kill()
    assert finding.level is Level.OK
