"""The whole daemon against a real broker: what a subscriber, systemd and an operator see."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.ports import free_port

pytestmark = pytest.mark.broker

Start = Callable[..., DaemonProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    daemons: list[DaemonProcess] = []

    def make(port: int, **changes: object) -> DaemonProcess:
        daemons.append(DaemonProcess(tmp_path / "daemon", port, **changes))
        return daemons[-1].start()

    yield make
    for daemon in daemons:
        daemon.close()


def command(listener: Listener, verb: str, payload: dict[str, object], mark: bytes) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "answers/test"
    properties.CorrelationData = mark
    topic = f"edge/v1/test/pi-1/cmd/{verb}"
    listener.client.publish(topic, json.dumps(payload), 1, False, properties)


def test_a_life_from_birth_to_death(broker: Mosquitto, listener: Listener, start: Start) -> None:
    daemon = start(broker.port).wait_ready()
    listener.wait_for("/event", 20)
    listener.wait_for("/pred", 5)
    health = decode_health(listener.wait_for("/health", 3)[-1].payload)
    info = json.loads(listener.wait_for("/info")[-1].payload)

    began = time.monotonic()
    code = daemon.stop()

    assert code == 0, daemon.log()
    assert time.monotonic() - began < 10
    listener.wait_for("/status", 2)
    assert listener.texts("/status") == ["online", "stopped"]
    assert health.status == "online"
    (door,) = health.pipelines
    assert door.captured == door.inferred + door.in_flight + sum(door.dropped.values())
    assert door.model.name == "brightness"
    assert door.fps_infer > 5
    assert health.host.rss_mb > 10
    assert info["pipelines"][0]["model"]["digest"].startswith("sha256:")
    assert "STOPPING=1" in daemon.heard()
    assert any(text == "WATCHDOG=1" for text in daemon.heard())
    assert listener.on("/event")[3].user["seq"] == "3"


def test_kill_9_lets_the_broker_say_offline(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    daemon = start(broker.port).wait_ready()
    listener.wait_for("/status")

    daemon.kill()

    eventually(lambda: listener.texts("/status")[-1:] == ["offline"], "the will")


def test_n1_ready_does_not_wait_for_the_broker(start: Start) -> None:
    daemon = start(free_port()).wait_ready()

    assert daemon.stop() == 0


def test_m6_a_killed_worker_is_replaced_and_told_and_the_other_is_not_touched(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    daemon = start(broker.port, pipelines=("door", "yard")).wait_ready()
    listener.wait_for("door/event", 10)
    listener.wait_for("yard/event", 10)
    before = set(daemon.workers())
    assert len(before) == 2

    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: len(set(daemon.workers()) - before) == 1, "a new worker", 10)
    seen = len(listener.on("/event"))
    listener.wait_for("/event", seen + 40)

    alerts = [json.loads(h.payload) for h in listener.wait_for("/alert", 2)]
    assert [(a["kind"], a["is_over"]) for a in alerts] == [
        ("worker_lost", False), ("worker_lost", True),
    ]  # fmt: skip
    eventually(
        lambda: (
            sum(p.restarts for p in decode_health(listener.newest("/health").payload).pipelines)
            == 1
        ),
        "the restart in health",
    )
    for name in ("door", "yard"):
        numbers = [int(h.user["seq"]) for h in listener.on(f"{name}/event")]
        assert numbers == list(range(len(numbers)))
    assert set(daemon.workers()) & before


def test_commands_are_answered_and_do_what_they_say(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    start(broker.port).wait_ready()
    listener.wait_for("/event", 5)

    command(listener, "ping", {}, b"1")
    command(listener, "pause", {"pipeline": "door"}, b"2")
    command(listener, "threshold", {"pipeline": "nobody", "value": 1}, b"3")
    command(listener, "format-disk", {}, b"4")

    heard = listener.wait_for("answers/test", 4)
    answers = {h.properties.CorrelationData: json.loads(h.payload) for h in heard}
    assert answers[b"1"]["result"] == "pong"
    assert answers[b"2"]["ok"]
    assert "nobody" in answers[b"3"]["error"]
    assert "unknown" in answers[b"4"]["error"]
    eventually(lambda: listener.texts("door/source")[-1:] == ["disabled"], "paused")
    command(listener, "resume", {}, b"5")
    eventually(lambda: listener.texts("door/source")[-1:] == ["online"], "resumed")


def test_a_run_that_ends_by_itself_delivers_everything_first(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    daemon = start(broker.port, source="frames = 30", arguments=("--until-finished",))

    code = daemon.process.wait(60)

    assert code == 0, daemon.log()
    numbers = [int(h.user["seq"]) for h in listener.on("/event") if "seq" in h.user]
    assert numbers == list(range(len(numbers)))
    eventually(lambda: listener.texts("/status")[-1:] == ["stopped"], "the death")


def test_n7_a_second_daemon_in_the_same_directory_is_refused(
    broker: Mosquitto, start: Start, tmp_path: Path
) -> None:
    start(broker.port).wait_ready()
    second = start(broker.port)

    assert second.process.wait(30) == 1
    assert "another daemon runs" in second.log()


def test_t4_a_second_signal_ends_it_at_once(broker: Mosquitto, start: Start) -> None:
    daemon = start(broker.port).wait_ready()
    for pid in daemon.workers():
        os.kill(pid, signal.SIGSTOP)  # so that the first signal takes a while

    daemon.process.send_signal(signal.SIGTERM)
    eventually(lambda: "STOPPING=1" in daemon.heard(), "stopping")
    began = time.monotonic()
    code = daemon.stop()

    assert code == 0
    assert time.monotonic() - began < 2


def test_t4_a_frozen_worker_does_not_hold_up_the_stop(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    daemon = start(broker.port).wait_ready()
    listener.wait_for("/event", 3)
    for pid in daemon.workers():
        os.kill(pid, signal.SIGSTOP)

    began = time.monotonic()
    code = daemon.stop()

    assert code == 0
    assert time.monotonic() - began < 10
    eventually(lambda: listener.texts("/status")[-1:] == ["stopped"], "the death")


def test_m1_a_model_that_was_changed_ends_the_daemon_with_one_line(
    broker: Mosquitto, start: Start, tmp_path: Path
) -> None:
    first = start(broker.port).wait_ready()
    first.stop()
    for model in (tmp_path / "daemon" / "models").rglob("model.onnx"):
        model.write_bytes(model.read_bytes()[:-1] + b"\0")

    second = start(broker.port)

    assert second.process.wait(60) == 1
    assert "SHA-256" in second.log().splitlines()[-1]
    assert "Traceback" not in second.log()
