"""A fleet with certificates: enrolled by the commands, held apart by the broker's rules."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.broker.mosquitto import Mosquitto, eventually
from tests.ports import free_port

pytestmark = pytest.mark.broker

DEVICES = ("pi-1", "pi-2")
WRITES = (
    *("status", "info", "health", "alert", "gaps", "cfg/reported", "reply/ping"),
    *("p/door/event", "p/door/state", "p/door/pred", "p/door/source"),
)
READS = ("cmd/ping", "cmd/restart", "cfg/desired", "ack")


def run(*arguments: str, cwd: Path) -> bytes:
    command = [sys.executable, "-m", "edge_runtime", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=True).stdout


def enrol(place: Path, name: str) -> None:
    """As a device and its fleet do it: the key is made here and never moves."""
    (place / f"{name}.toml").write_text(f"""
[device]
id = "{name}"
[mqtt]
host = "127.0.0.1"
tls = {{ ca = "fleet/ca.pem", cert = "{name}.pem", key = "{name}.key" }}
[[pipeline]]
name = "door"
model = "m"
source = {{ kind = "synthetic" }}
""")
    (place / f"{name}.csr").write_bytes(run("enrol", f"{name}.toml", cwd=place))
    signed = run("fleet", "sign", f"{name}.csr", "--device", name, cwd=place)
    (place / f"{name}.pem").write_bytes(signed)


class Member:
    """A client with a certificate, over TLS."""

    def __init__(self, place: Path, name: str, port: int, client_id: str | None = None) -> None:
        self.heard: set[str] = set()
        self.refused: list[str] = []
        self._ready = threading.Event()
        self._granted: dict[int, bool] = {}
        self._answers: dict[int, str] = {}
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or name,
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self.client.tls_set(
            str(place / "fleet" / "ca.pem"),
            str(place / f"{name}.pem"),
            str(place / f"{name}.key"),
        )
        self.client.on_connect = lambda *_: self._ready.set()
        self.client.on_message = lambda _c, _u, message: self.heard.add(message.topic)
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(20)

    def may_write(self, topic: str) -> bool:
        mid = self.client.publish(topic, b"x", qos=1).mid
        eventually(lambda: mid in self._answers, f"an answer for {topic}")
        return self._answers[mid] == "Success"

    def listen(self, topic: str) -> None:
        mid = self.client.subscribe(topic, qos=1)[1]
        eventually(lambda: mid in self._granted, f"an answer for {topic}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_publish(self, _c: object, _u: object, mid: int, code: object, _p: object) -> None:
        is_good = not code.is_failure
        self._answers[mid] = "Success" if is_good else str(code)

    def _on_subscribe(self, _c: object, _u: object, mid: int, codes: list, _p: object) -> None:
        self._granted[mid] = not any(code.is_failure for code in codes)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("fleet")
    run("fleet", "init", "--name", "test", cwd=directory)
    for name in (*DEVICES, "operator"):
        enrol(directory, name)
    return directory


@pytest.fixture(scope="module")
def broker(place: Path) -> Iterator[Mosquitto]:
    port = free_port()
    run("fleet", "broker", "127.0.0.1", "--out", "mosquitto", "--port", str(port), cwd=place)
    text = (place / "mosquitto" / "mosquitto.conf").read_text()
    keep = [
        line for line in text.splitlines()
        if not line.startswith(("#", "listener", "persistence", "allow_anonymous"))
    ]  # fmt: skip
    mosquitto = Mosquitto(place, *keep, "allow_anonymous false", port=port)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
def members(place: Path, broker: Mosquitto) -> Iterator[dict[str, Member]]:
    found = {name: Member(place, name, broker.port) for name in (*DEVICES, "operator")}
    yield found
    for member in found.values():
        member.close()


def test_no_device_writes_to_another_or_where_only_others_write(
    members: dict[str, Member],
) -> None:
    matrix = {
        (writer, owner, topic): members[writer].may_write(f"edge/v1/test/{owner}/{topic}")
        for writer in DEVICES
        for owner in DEVICES
        for topic in (*WRITES, *READS)
    }

    wrong = {
        key for key, allowed in matrix.items() if allowed != (key[0] == key[1] and key[2] in WRITES)
    }
    assert len(matrix) == 2 * 2 * (len(WRITES) + len(READS))
    assert wrong == set()


def test_no_device_hears_another(members: dict[str, Member]) -> None:
    for name in DEVICES:
        members[name].listen("edge/v1/#")
    for owner in DEVICES:
        for topic in (*WRITES, *READS):
            assert members["operator"].may_write(f"edge/v1/test/{owner}/{topic}")
    last = {name: f"edge/v1/test/{name}/{READS[-1]}" for name in DEVICES}
    eventually(lambda: all(last[name] in members[name].heard for name in DEVICES), "the last one")

    for name in DEVICES:
        own = {f"edge/v1/test/{name}/{topic}" for topic in READS}
        assert members[name].heard == own


def test_a_client_id_of_another_is_no_way_in(
    place: Path, broker: Mosquitto, members: dict[str, Member]
) -> None:
    """The certificate decides, whatever the CONNECT says; else one device could end another."""
    thief = Member(place, "pi-2", broker.port, client_id="pi-1")

    assert not thief.may_write("edge/v1/test/pi-1/status")
    assert members["pi-1"].may_write("edge/v1/test/pi-1/status")
    thief.close()


def test_without_a_certificate_nobody_is_let_in(place: Path, broker: Mosquitto) -> None:
    context = ssl.create_default_context(cafile=str(place / "fleet" / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", broker.port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
        pytest.raises(ssl.SSLError, match="certificate required"),
    ):
        encrypted.recv(1)  # TLS 1.3: the server's verdict comes with the first read
