"""Another device's topic, over a real mosquitto."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_runtime.config.sensors import MqttSourceConfig
from edge_runtime.config.values import TlsConfig
from edge_runtime.errors import SourceError
from edge_runtime.link import SourceState
from edge_runtime.sources.mqtt_topic import MAX_PAYLOAD_BYTES, MqttReader
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowReading, RowSettings, RowSource, WindowShape
from tests.broker.certificates import Authority
from tests.broker.mosquitto import DEADLINE_S, Mosquitto, eventually
from tests.broker.proxy import OldBroker
from tests.edge_runtime.sources.running import Running
from tests.ports import free_port

pytestmark = pytest.mark.broker
FIELDS = ("/s/t", "h")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def publish(broker: Mosquitto) -> Iterator[Callable[..., None]]:
    client = Client(
        CallbackAPIVersion.VERSION2, client_id="sensor", protocol=MQTTProtocolVersion.MQTTv5
    )
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()

    def say(payload: object, retain: bool = False) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        eventually(client.is_connected, "the sensor's own connection")
        client.publish("z/bath", data, 1, retain).wait_for_publish(DEADLINE_S)

    yield say
    client.disconnect()
    client.loop_stop()


def config(port: int, **keys: object) -> MqttSourceConfig:
    return MqttSourceConfig(host="127.0.0.1", port=port, topic="z/+", **keys)


def running_on(port: int, **keys: object) -> Running:
    shape = WindowShape(("t", "h"), length=1, step=1)
    return Running(RowSource(MqttReader(config(port, **keys), FIELDS), RowSettings(shape, None)))


def is_heard(broker: Mosquitto) -> bool:
    """Whether the source's subscription is in place."""
    return "z/+ (QoS 1)" in broker.log()


def next_of(reader: MqttReader) -> RowReading:
    for _ in range(100):
        reading = reader.read()
        if not isinstance(reading, Quiet):
            return reading
    raise AssertionError("nothing came")


def opened(broker: Mosquitto) -> MqttReader:
    reader = MqttReader(config(broker.port), FIELDS)
    reader.open()
    eventually(lambda: isinstance(reader.read(), Quiet) and is_heard(broker), "subscribed")
    return reader


def test_every_message_is_accounted_for(broker: Mosquitto, publish: Callable[..., None]) -> None:
    with running_on(broker.port) as running:
        eventually(lambda: is_heard(broker), "subscribed")
        for number in range(50):
            publish({"s": {"t": number}, "h": 1})
        running.wait(lambda: running.counters().captured == 50, "50 messages")
        counters = running.settled()

    assert counters.inferred + counters.dropped["full"] == 50
    assert running.values[-1].tolist() == [[49.0, 1.0]]


def test_a_list_of_objects_is_several_rows(broker: Mosquitto, publish: Callable[..., None]) -> None:
    reader = opened(broker)
    publish([{"s": {"t": 1}, "h": 2}, {"s": {"t": 3}}, {"s": {"t": 5}, "h": 6}])

    first, second, third = (next_of(reader) for _ in range(3))

    assert isinstance(first, Row)
    assert second == Refusal("z/bath: no field 'h'")
    assert isinstance(third, Row)
    assert third.values.tolist() == [5, 6]
    reader.close()


@pytest.mark.parametrize(
    "payload", [b"21.5 C", b"\xff\x00", b"", b'{"s":{"t":NaN},"h":1}', b'{"s":{"t":"x"},"h":1}']
)
def test_s4_a_message_that_cannot_be_used_is_refused(
    broker: Mosquitto, publish: Callable[..., None], payload: bytes
) -> None:
    reader = opened(broker)
    publish(payload)

    reading = next_of(reader)

    assert isinstance(reading, Refusal)
    assert reading.why.startswith("z/bath: ")
    reader.close()


def test_s4_a_huge_message_is_refused(broker: Mosquitto, publish: Callable[..., None]) -> None:
    with (
        OldBroker(broker.port) as old,
        running_on(old.port) as running,
    ):  # MQTT 5's own limit is off
        eventually(lambda: is_heard(broker), "subscribed")
        publish(b" " * (MAX_PAYLOAD_BYTES + 1))
        running.wait(lambda: running.counters().dropped["invalid"] == 1, "a refusal")


def test_what_was_retained_before_we_came_is_left_out(
    broker: Mosquitto, publish: Callable[..., None]
) -> None:
    publish({"s": {"t": 1}, "h": 1}, retain=True)
    reader = opened(broker)
    publish({"s": {"t": 2}, "h": 2}, retain=True)

    row = next_of(reader)

    assert isinstance(row, Row)
    assert row.values[0] == 2
    reader.close()


def test_an_old_broker_is_spoken_to_in_its_own_version(
    broker: Mosquitto, publish: Callable[..., None]
) -> None:
    publish({"s": {"t": 1}, "h": 1}, retain=True)
    with OldBroker(broker.port) as old, running_on(old.port) as running:
        eventually(lambda: is_heard(broker), "subscribed")
        publish({"s": {"t": 2}, "h": 2})
        running.wait_frames(1)

    assert running.values[0].tolist() == [[2.0, 2.0]]
    assert "3.1.1 is next" in running.told[0].why


def test_s1_a_broker_that_goes_is_found_again(
    broker: Mosquitto, publish: Callable[..., None]
) -> None:
    with running_on(broker.port) as running:
        eventually(lambda: is_heard(broker), "subscribed")
        publish({"s": {"t": 1}, "h": 1})
        running.wait_for(SourceState.ONLINE)
        broker.kill()
        running.wait_for(SourceState.OFFLINE)
        broker.start()
        eventually(lambda: broker.log().count("z/+ (QoS 1)") == 2, "subscribed again")
        publish({"s": {"t": 2}, "h": 2})
        running.wait_for(SourceState.ONLINE)

    assert f"mqtt 127.0.0.1:{broker.port}: " in running.told[1].why


def test_a_broker_that_is_away_is_said() -> None:
    port = free_port()

    with pytest.raises(SourceError, match=f"mqtt 127.0.0.1:{port}: .*refused"):
        MqttReader(config(port), FIELDS).open()


def test_a_password_that_cannot_be_read_is_said(broker: Mosquitto, tmp_path: Path) -> None:
    absent = config(broker.port, username="u", password_file=str(tmp_path / "absent"))

    with pytest.raises(SourceError, match="absent: the secret cannot be read"):
        MqttReader(absent, FIELDS).open()


def test_tls_is_verified(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    pair = authority.issue("broker")
    broker = Mosquitto(
        tmp_path, f"cafile {authority.ca}", f"certfile {pair.cert}", f"keyfile {pair.key}"
    )
    broker.start()
    try:
        with pytest.raises(SourceError, match="certificate verify failed"):
            MqttReader(config(broker.port, tls=TlsConfig(ca=str(other.ca))), FIELDS).open()
        reader = MqttReader(config(broker.port, tls=TlsConfig(ca=str(authority.ca))), FIELDS)
        reader.open()
        eventually(lambda: isinstance(reader.read(), Quiet) and is_heard(broker), "subscribed")
        reader.close()
    finally:
        broker.kill()


def test_a_broker_that_refuses_us_is_said(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "allow_anonymous false")
    broker.start()
    reader = MqttReader(config(broker.port), FIELDS)
    try:
        reader.open()
        with pytest.raises(SourceError, match=r"[Nn]ot authori"):
            next_of(reader)
    finally:
        reader.close()
        broker.kill()
