"""The daemon as Home Assistant meets it on a real broker: described, updated, taken away."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client

from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Heard, Listener, Mosquitto, eventually

pytestmark = pytest.mark.broker

CONFIG = "homeassistant/device/pi-1/config"
ON = "home_assistant = true"
Start = Callable[..., DaemonProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    daemons: list[DaemonProcess] = []

    def make(port: int, **changes: object) -> DaemonProcess:
        daemons.append(DaemonProcess(tmp_path / "daemon", port, rate_hz=5.0, **changes))
        return daemons[-1].start()

    yield make
    for daemon in daemons:
        daemon.close()


def retained(port: int, marker: str) -> list[Heard]:
    """What a new subscriber is given of the description; the marker ends what was retained."""
    fresh = Listener(port, client_id=f"fresh-{marker}")
    try:
        fresh.client.publish(f"markers/{marker}", b"!", 1)
        fresh.wait_for(f"markers/{marker}")
        return fresh.on(CONFIG)
    finally:
        fresh.close()


def components(heard: Heard) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(heard.payload)["components"]
    return described


def announce(client: Client, text: bytes = b"online") -> None:
    client.publish("homeassistant/status", text, 1)


def test_it_is_described_at_birth_between_info_and_status(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    start(broker.port, mqtt=ON)
    listener.wait_for("/status")

    order = [heard.topic.removeprefix("edge/v1/test/pi-1/") for heard in listener.heard]
    (heard,) = retained(broker.port, "born")
    assert order.index("info") < order.index(CONFIG) < order.index("status")
    assert (heard.retain, heard.qos) == (True, 1)
    assert "door_class" in components(heard)


def test_it_is_described_again_when_home_assistant_has_started(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    start(broker.port, mqtt=ON)
    listener.wait_for("/status")
    before = len(listener.on(CONFIG))

    announce(listener.client)

    heard = listener.wait_for(CONFIG, before + 1)
    assert heard[-1].payload == heard[0].payload
    assert heard[-1].retain


def test_a_pipeline_that_is_gone_leaves_no_entity_and_in_the_end_no_trace(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    both = start(broker.port, mqtt=ON, pipelines=("door", "yard")).wait_ready()
    listener.wait_for("/status")
    assert both.stop() == 0
    one = start(broker.port, mqtt=ON).wait_ready()
    listener.wait_for(CONFIG, 2)
    listener.wait_for("door/state", 2)
    assert one.stop() == 0

    gone = components(retained(broker.port, "gone")[0])

    assert gone["yard_class"] == gone["yard_fps"] == {"platform": "sensor"}
    assert "unique_id" in gone["door_class"]
    start(broker.port, mqtt=ON)
    listener.wait_for(CONFIG, 3)
    assert not [name for name in components(listener.on(CONFIG)[-1]) if name.startswith("yard")]


def test_switched_off_it_takes_the_device_away_once(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    assert_stopped = start(broker.port, mqtt=ON).wait_ready()
    listener.wait_for("/status")
    assert assert_stopped.stop() == 0
    assert retained(broker.port, "there")
    off = start(broker.port).wait_ready()
    eventually(lambda: not (off.state / "home-assistant.json").exists(), "it is forgotten")
    assert off.stop() == 0

    assert [heard.payload == b"" for heard in listener.wait_for(CONFIG, 2)] == [False, True]
    assert retained(broker.port, "away") == []
    said = len(listener.on("/status"))
    start(broker.port)
    listener.wait_for("/status", said + 1)
    assert len(listener.on(CONFIG)) == 2


def test_who_never_asked_for_it_publishes_nothing_there(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    start(broker.port)
    listener.wait_for("/status")

    announce(listener.client)
    listener.wait_for("/health", 2)

    assert listener.on(CONFIG) == []


def test_the_older_protocol_is_described_too(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    start(broker.port, mqtt=f'{ON}\nprotocol = "3.1.1"')
    listener.wait_for("/status")
    before = len(listener.on(CONFIG))

    announce(listener.client)

    assert "door_class" in components(listener.wait_for(CONFIG, before + 1)[-1])
