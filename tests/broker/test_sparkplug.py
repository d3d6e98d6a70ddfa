"""The daemon as a Sparkplug edge node on a real broker, before a host that judges every message."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_runtime.sparkplug.payload import Metric, Payload, decode_payload, encode_payload
from edge_runtime.supervisor.health import decode_health
from edge_runtime.supervisor.health_payloads import SparkplugHealth
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.broker.sparkplug_host import GROUP, NODE, Host

pytestmark = pytest.mark.broker

ON = f'sparkplug = {{ group = "{GROUP}" }}'
COMMAND = f"spBv1.0/{GROUP}/NCMD/{NODE}"
LONG_S = 60.0
Start = Callable[..., DaemonProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    daemons: list[DaemonProcess] = []

    def make(port: int, **changes: object) -> DaemonProcess:
        settings = {"rate_hz": 20.0, "mqtt": ON, **changes}
        daemons.append(DaemonProcess(tmp_path / "daemon", port, **settings))
        return daemons[-1].start()

    yield make
    for daemon in daemons:
        daemon.close()


class Judge:
    """A listener, and the host that has heard all of it up to now."""

    def __init__(self, port: int) -> None:
        self._listener = Listener(port, "spBv1.0/#", client_id="host")
        self._host = Host()
        self._heard = 0

    @property
    def host(self) -> Host:
        heard = list(self._listener.heard)
        for message in heard[self._heard :]:
            self._host.hear(message)
        self._heard = len(heard)
        return self._host

    def wait(self, holds: Callable[[Host], object], what: str) -> Host:
        try:
            eventually(lambda: holds(self.host), what, LONG_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; heard {self._host.log[-30:]}") from error
        return self.host

    def deaths(self) -> list[object]:
        heard = self._listener.on(f"NDEATH/{NODE}")
        return [decode_payload(each.payload).metrics[0].value for each in heard]

    def ask_for_birth(self) -> None:
        metric = Metric("Node Control/Rebirth", value=True, at_ms=1)
        self.say(encode_payload(Payload(1, (metric,))))

    def say(self, payload: bytes) -> None:
        self._listener.client.publish(COMMAND, payload, 0)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def judge(broker: Mosquitto) -> Iterator[Judge]:
    judge = Judge(broker.port)
    yield judge
    judge.close()


def rows(database: Path) -> int:
    """How many events wait on disk."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT count(*) FROM message").fetchone()[0])


def has_scores(host: Host) -> bool:
    return isinstance(host.values("door").get("Score"), float)


@pytest.mark.parametrize("aliases", [False, True], ids=["names", "aliases"])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_life_from_birth_to_death_is_as_the_specification_says(
    broker: Mosquitto, judge: Judge, start: Start, *, aliases: bool, protocol: str
) -> None:
    config = f'sparkplug = {{ group = "plant", aliases = {str(aliases).lower()} }}'
    daemon = start(broker.port, mqtt=f'{config}\nprotocol = "{protocol}"').wait_ready()
    judge.wait(has_scores, "scores")
    judge.wait(lambda host: host.values().get("Host/Memory MB"), "the host's memory")
    judge.wait(lambda host: host.values("door").get("Model/Name") == "brightness", "the model")

    host = judge.host
    assert host.log[0] == "NBIRTH"
    # On a busy host the source may stall: then the device dies, and is born again.
    assert host.log.count("DBIRTH/door") == host.log.count("DDEATH/door") + 1
    assert host.values("door")["Class"] in {"dark", "bright"}
    assert host.values("door")["Source"] == "online"
    assert host.values()["Health/Status"] == "online"
    assert daemon.stop() == 0
    judge.wait(lambda host: not host.is_online, "its death")
    assert judge.host.birth_number == 0
    assert set(judge.deaths()) == {0}
    assert not judge.host.historical


def test_more_than_256_messages_count_round(broker: Mosquitto, judge: Judge, start: Start) -> None:
    start(broker.port, rate_hz=200.0)

    judge.wait(lambda host: len(host.log) > 300, "300 messages, each with the next number")


def test_a_kill_is_told_by_the_will_and_the_next_birth_has_the_next_number(
    broker: Mosquitto, judge: Judge, start: Start
) -> None:
    daemon = start(broker.port).wait_ready()
    judge.wait(has_scores, "scores")

    daemon.kill()
    judge.wait(lambda host: not host.is_online, "the will")
    daemon.start()
    judge.wait(lambda host: host.is_online and has_scores(host), "the next birth")

    assert judge.deaths() == [0]
    assert judge.host.birth_number == 1
    assert judge.host.births == 2


def test_a_late_will_cannot_end_the_session_of_a_restarted_daemon(
    broker: Mosquitto, judge: Judge, start: Start
) -> None:
    daemon = start(broker.port).wait_ready()
    judge.wait(has_scores, "scores")
    daemon.kill()
    judge.wait(lambda host: not host.is_online, "the will")
    late = judge._listener.on(f"NDEATH/{NODE}")[0]
    daemon.start()
    judge.wait(lambda host: host.is_online, "the next birth")

    judge._listener.client.publish(late.topic, late.payload, 1)

    judge.wait(lambda host: host.stale_deaths == 1, "the late will")
    assert judge.host.is_online


def test_a_host_that_asks_is_told_all_again_under_the_same_number(
    broker: Mosquitto, judge: Judge, start: Start
) -> None:
    start(broker.port).wait_ready()
    judge.wait(has_scores, "scores")

    judge.say(b"\xff\xff")
    judge.say(encode_payload(Payload(1, (Metric("Node Control/Reboot", value=True, at_ms=1),))))
    judge.ask_for_birth()

    host = judge.wait(lambda host: host.births == 2 and has_scores(host), "the second birth")
    assert host.birth_number == 0
    assert host.log.count("DBIRTH/door") == 2
    assert "NDEATH" not in host.log


def test_a_pipeline_that_ends_dies_as_a_device_after_its_last_data(
    broker: Mosquitto, judge: Judge, start: Start
) -> None:
    start(broker.port, pipelines=("door",), source="frames = 5").wait_ready()

    host = judge.wait(lambda host: "DDEATH/door" in host.log, "the device's death")

    assert host.is_online
    assert "DDATA/door" not in host.log[host.log.index("DDEATH/door") :]
    assert "DBIRTH/door" in host.log


def test_a_worker_that_is_killed_is_a_device_that_dies_and_is_born_again(
    broker: Mosquitto, judge: Judge, start: Start
) -> None:
    daemon = start(broker.port, pipelines=("door", "yard")).wait_ready()
    judge.wait(lambda host: {"door", "yard"} <= host.devices.keys(), "both devices")
    births = judge.host.log.count("DBIRTH/door") + judge.host.log.count("DBIRTH/yard")

    os.kill(daemon.workers()[0], signal.SIGKILL)

    dead = judge.wait(lambda host: "DDEATH" in " ".join(host.log), "a device's death")
    alive = judge.wait(lambda host: len(host.devices) == 2, "its birth")
    assert dead.births == 1
    again = alive.log.count("DBIRTH/door") + alive.log.count("DBIRTH/yard")
    assert again == births + 1


def test_what_happened_while_the_broker_was_away_is_told_as_history(
    tmp_path: Path, broker: Mosquitto, judge: Judge, start: Start
) -> None:
    daemon = start(broker.port).wait_ready()
    judge.wait(has_scores, "scores")
    broker.stop()
    eventually(lambda: "sparkplug: lost" in daemon.log(), daemon.log()[-500:])
    stored = tmp_path / "daemon/state/sparkplug.db"
    eventually(lambda: rows(stored) >= 20, "events wait")
    broker.start()

    host = judge.wait(lambda host: host.births == 2 and len(host.historical) > 100, "history")
    changes = [metric.value for _, name, metric in host.historical if name == "Event/Change"]
    scores = [metric for _, name, metric in host.historical if name == "Score"]
    assert set(changes) <= {"sample", "start", "end"}
    assert len(scores) >= 10
    assert [m.at_ms for m in scores] == sorted(m.at_ms for m in scores)
    # A broker that is just starting may drop a CONNECT, and that counts too.
    assert host.birth_number is not None
    assert host.birth_number >= 1


def test_health_says_how_its_connection_fares(
    broker: Mosquitto, listener: Listener, judge: Judge, start: Start
) -> None:
    start(broker.port).wait_ready()
    judge.wait(has_scores, "scores")

    def told() -> SparkplugHealth | None:
        return decode_health(listener.newest("/health").payload).sparkplug

    eventually(lambda: getattr(told(), "state", None) == "online", "the state")
    found = told()
    assert found is not None
    assert (found.cause, found.queued, found.dropped_total) == (None, 0, 0)
