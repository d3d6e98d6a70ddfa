"""The supervisor in this process, with workers that behave badly on purpose, and a real broker."""

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_runtime.host.readings import HostReader
from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.backoff import BackoffSettings
from edge_runtime.mqtt.connection import BrokerSettings
from edge_runtime.mqtt.exchange_parts import Parts
from edge_runtime.mqtt.mailbox import Mailbox, Memory
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.session import Session, SessionSettings
from edge_runtime.mqtt.topics import Topics
from edge_runtime.remote.counters import CounterStore
from edge_runtime.remote.desk import CommandDesk, DeskParts
from edge_runtime.remote.gate import Gate
from edge_runtime.remote.shadow import Shadow, ShadowParts
from edge_runtime.supervisor.board import Board
from edge_runtime.supervisor.bulletins import Bulletins, Identity
from edge_runtime.supervisor.health import PayloadError, decode_health
from edge_runtime.supervisor.health_payloads import Health
from edge_runtime.supervisor.host_watch import HostWatch
from edge_runtime.supervisor.outlet import Outlet
from edge_runtime.supervisor.pulse import Pulse
from edge_runtime.supervisor.reporter import Reporter, ReporterParts
from edge_runtime.supervisor.supervised import Patience, Supervised, WorkerPlan
from edge_runtime.supervisor.supervisor import Supervisor, SupervisorParts
from edge_runtime.supervisor.watchdog import Loop, Notifier, Watchdog
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.fake_workers import FakeSettings, fake_worker

pytestmark = pytest.mark.broker

QUICK = Patience(
    heartbeat_s=1.0, progress_s=1.0, permanent_retry_s=60.0,
    backoff=BackoffSettings(first_s=0.2, max_s=0.4),
)  # fmt: skip


class Notified(Notifier):
    """A notifier that keeps what it said."""

    def __init__(self) -> None:
        super().__init__(None)
        self.said: list[str] = []

    def _send(self, text: str) -> None:
        self.said.append(text)


@dataclass
class House:
    """Everything that the application puts together, on two threads."""

    supervisor: Supervisor
    session: Session
    outbox: Outbox
    board: Board
    notifier: Notified
    stop: threading.Event
    stop_session: threading.Event
    threads: tuple[threading.Thread, ...]

    def close(self) -> None:
        self.stop.set()
        self.board.wake()
        self.threads[0].join(20)
        self.stop_session.set()
        self.session.wake()
        self.threads[1].join(20)
        assert not any(thread.is_alive() for thread in self.threads)
        self.session.close()
        self.outbox.close()
        self.notifier.close()


def build(directory: Path, port: int, behaviours: dict[str, str], *, ends: bool) -> House:
    clock, board, topics = TimeSource(), Board(), Topics("test", "pi-1")
    outbox = Outbox(OutboxSettings(directory / "o.db", max_loss_window_s=0.0), clock, "kernel")
    loops = (Loop("supervisor", clock.monotonic_s), Loop("mqtt", clock.monotonic_s))
    broker = BrokerSettings("127.0.0.1", port, "pi-1")
    parts = Parts(topics, outbox, Mailbox(), Memory(), board.hooks(), clock)
    session = Session(SessionSettings(broker), parts, random.Random(1), loops[1])
    pipelines = tuple(
        Supervised(_plan(name, how), QUICK, random.Random(2), clock.monotonic_s, board.wake)
        for name, how in behaviours.items()
    )
    notifier = Notified()
    bulletins = Bulletins(Identity("test", "pi-1", "b00t"), clock)
    host = HostReader(directory)
    watch = HostWatch(lambda: ({}, None), None)
    outlet = Outlet(session, outbox)
    reporter = ReporterParts(outlet, board, bulletins, host, watch, notifier, lambda: "synced")
    keeper = Reporter(reporter, 1, 1.0)
    supervisor_parts = SupervisorParts(
        boot="b00t", outlet=outlet, board=board, notifier=notifier,
        desk=_desk(directory, topics, pipelines, keeper),
        reporter=keeper,
        watchdog=Watchdog(notifier, loops, 3.0, clock.monotonic_s), loop=loops[0], time=clock,
        pulse=Pulse(directory, clock.monotonic_s), host_watch=watch,
    )  # fmt: skip
    supervisor = Supervisor(supervisor_parts, pipelines, until_finished=ends)
    stop, stop_session = threading.Event(), threading.Event()

    def supervise() -> None:
        supervisor.run(stop)
        if ends:
            supervisor.wait_until_delivered(stop)

    threads = (
        threading.Thread(target=supervise, name="supervisor"),
        threading.Thread(target=session.run, args=(stop_session,), name="mqtt"),
    )
    for thread in threads:
        thread.start()
    return House(supervisor, session, outbox, board, notifier, stop, stop_session, threads)


def _desk(
    directory: Path, topics: Topics, pipelines: tuple[Supervised, ...], reporter: Reporter
) -> CommandDesk:
    clock = TimeSource()
    shadow = ShadowParts(directory / "desired.json", "b00t", pipelines, reporter)
    gate = Gate("pi-1", None, CounterStore(directory / "counters.json"), clock.wall_s)
    parts = DeskParts(
        topics=topics,
        pipelines=pipelines,
        gate=gate,
        shadow=Shadow(shadow),
        confirm=lambda _word: None,
        now=clock.monotonic_s,
        restart=lambda: None,
    )
    return CommandDesk(parts)


def _plan(name: str, behaviour: str) -> WorkerPlan:
    return WorkerPlan(name, fake_worker, lambda first: FakeSettings(name, behaviour, dict(first)))


Make = Callable[..., House]


@pytest.fixture
def make(broker: Mosquitto, tmp_path: Path) -> Iterator[Make]:
    houses: list[House] = []

    def open_house(*, ends: bool = False, **behaviours: str) -> House:
        houses.append(build(tmp_path, broker.port, behaviours, ends=ends))
        return houses[-1]

    yield open_house
    for house in houses:
        house.close()


def numbers(listener: Listener, pipeline: str) -> list[int]:
    return [int(heard.user["seq"]) for heard in listener.on(f"{pipeline}/event")]


def latest_health(listener: Listener) -> Health:
    return decode_health(listener.wait_for("/health")[-1].payload)


def test_m5_a_frozen_worker_is_replaced_counted_and_told_and_its_neighbour_goes_on(
    make: Make, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge_runtime.supervisor.reporter")
    house = make(door="freezes", yard="good")
    alerts = listener.wait_for("/alert", 2)

    first, second = (json.loads(heard.payload) for heard in alerts[:2])
    assert (first["kind"], first["pipeline"], first["is_over"]) == ("worker_lost", "door", False)
    assert (second["kind"], second["is_over"]) == ("worker_lost", True)
    told = [r.message for r in caplog.records if r.message.startswith("alert")][:2]
    assert told[0].startswith("alert: door: worker_lost: ")
    assert told[1].startswith("alert (over): door: worker_lost: ")
    eventually(lambda: len(numbers(listener, "door")) > 8, "events go on")
    assert numbers(listener, "door") == list(range(len(numbers(listener, "door"))))
    assert numbers(listener, "yard") == list(range(len(numbers(listener, "yard"))))
    eventually(lambda: "degraded" in listener.texts("/status"), "degraded")
    eventually(lambda: latest_health(listener).pipelines[0].restarts >= 1, "restarts in health")
    door, yard = latest_health(listener).pipelines
    assert yard.restarts == 0
    assert door.sequence_gaps == 0
    assert "READY=1" in house.notifier.said
    assert "offline" in listener.texts("door/source")


def test_a_refused_model_degrades_and_the_others_work(make: Make, listener: Listener) -> None:
    house = make(door="refuses", yard="good")
    listener.wait_for("yard/event", 3)

    eventually(
        lambda: any(b"SHA-256 differs" in heard.payload for heard in listener.on("/health")),
        "the reason in health",
    )

    assert house.supervisor.hopeless is None
    assert json.loads(listener.wait_for("/alert")[0].payload)["kind"] == "worker_failed"
    eventually(lambda: listener.texts("/status")[-1:] == ["degraded"], "degraded")
    eventually(lambda: "READY=1" in house.notifier.said, "ready all the same")


def test_when_no_model_can_run_it_ends(make: Make) -> None:
    house = make(door="refuses")

    house.threads[0].join(20)

    assert house.supervisor.hopeless == "door: model broken@1: SHA-256 differs"
    assert "READY=1" not in house.notifier.said


def test_a_run_that_is_to_end_does_not_wait_for_a_pipeline_that_cannot_begin(make: Make) -> None:
    house = make(ends=True, door="refuses", yard="good")

    house.threads[0].join(20)

    assert house.supervisor.hopeless == "door: model broken@1: SHA-256 differs"


def test_a_run_ends_when_all_is_finished_and_delivered(make: Make, listener: Listener) -> None:
    house = make(ends=True, door="finishes")

    house.threads[0].join(20)

    assert not house.threads[0].is_alive()
    assert house.outbox.is_empty()
    assert house.notifier.said[-1] == "STOPPING=1" or "WATCHDOG=1" in house.notifier.said
    eventually(lambda: len(numbers(listener, "door")) >= 6, "all events")


def test_a_worker_that_ignores_stop_is_killed_in_time(make: Make, listener: Listener) -> None:
    house = make(door="ignores_stop")
    listener.wait_for("door/event", 6)

    began = time.monotonic()
    house.stop.set()
    house.board.wake()
    house.threads[0].join(20)

    assert time.monotonic() - began < 8


def test_only_health_of_our_schema_is_read() -> None:
    with pytest.raises(PayloadError, match="health"):
        decode_health(b"{}")
    with pytest.raises(PayloadError, match="health"):
        decode_health(b"no json")
    with pytest.raises(PayloadError, match="health"):
        decode_health(b'{"\xb8": 1}')
