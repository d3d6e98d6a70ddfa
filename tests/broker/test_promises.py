"""The outbox's promises, seen by a consumer: nothing staged is lost, gaps are told, words count."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually

pytestmark = pytest.mark.broker

Start = Callable[..., DaemonProcess]


@pytest.fixture
def start(tmp_path: Path, broker: Mosquitto) -> Iterator[Start]:
    daemons: list[DaemonProcess] = []

    def make(**changes: object) -> DaemonProcess:
        daemons.append(DaemonProcess(tmp_path / "daemon", broker.port, **changes))
        return daemons[-1].start()

    yield make
    for daemon in daemons:
        daemon.close()


def events(listener: Listener) -> list[dict[str, object]]:
    return [json.loads(text) for text in listener.texts("/event")]


def missing(listener: Listener) -> dict[str, set[int]]:
    """The numbers that a consumer of events did not get, by boot."""
    seen: dict[str, set[int]] = {}
    for event in events(listener):
        seen.setdefault(str(event["boot"]), set()).add(int(str(event["seq"])))
    return {boot: set(range(max(numbers) + 1)) - numbers for boot, numbers in seen.items()}


def explained(listener: Listener) -> dict[str, set[int]]:
    """The numbers of events that the device says no one will get, by boot."""
    found: dict[str, set[int]] = {}
    for text in listener.texts("/gaps"):
        for gap in json.loads(text)["gaps"]:
            if gap["topic"].endswith("/event"):
                found.setdefault(gap["boot"], set()).update(range(gap["first"], gap["last"] + 1))
    return found


def test_d3_a_killed_daemon_with_a_stage_loses_nothing(
    broker: Mosquitto, listener: Listener, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    stage = {"RUNTIME_DIRECTORY": str(tmp_path / "run")}
    daemon = start(window_s=60.0, outbox="stage = true", environment=stage).wait_ready()
    listener.wait_for("/event", 5)
    broker.kill()
    eventually(lambda: (tmp_path / "run" / "stage").stat().st_size > 20_000, "events in memory")
    daemon.kill()
    broker.start()
    daemon.notified.clear()
    daemon.start().wait_ready()

    first_boot = str(events(listener)[0]["boot"])
    listener.wait_for("/event", 60)
    assert missing(listener)[first_boot] == set()


def test_what_an_outage_pushed_out_is_told_number_by_number(
    broker: Mosquitto, listener: Listener, start: Start
) -> None:
    start(rate_hz=100.0, outbox="max_messages = 40").wait_ready()
    listener.wait_for("/event", 5)
    broker.stop()  # in good order: a killed broker forgets what it acknowledged
    threading.Event().wait(2.0)  # the outage: 200 events, of which 40 are kept

    broker.start()
    eventually(lambda: explained(listener), "a gap is told")
    eventually(lambda: _is_all_explained(listener), "every missing number is explained")
    assert sum(len(numbers) for numbers in missing(listener).values()) > 50


def test_strictly_an_event_waits_for_its_consumers_word(listener: Listener, start: Start) -> None:
    start(rate_hz=20.0, outbox="strict = true").wait_ready()
    listener.wait_for("/event", 20)

    def books() -> tuple[int, int]:
        outbox = decode_health(listener.wait_for("/health", 1)[-1].payload).mqtt.outbox
        return outbox.waiting, outbox.delivered

    eventually(lambda: books()[0] >= 20, "events that wait for their consumer")
    last = events(listener)[-1]
    word = {"topic": "p/door/event", "boot": last["boot"], "upto": last["seq"]}
    listener.client.publish("edge/v1/test/pi-1/ack", json.dumps(word), 1)

    eventually(lambda: books()[1] >= int(str(last["seq"])), "events delivered")


def _is_all_explained(listener: Listener) -> bool:
    told = explained(listener)
    return all(numbers <= told.get(boot, set()) for boot, numbers in missing(listener).items())
