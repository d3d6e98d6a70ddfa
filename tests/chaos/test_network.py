"""N1 to N9 against the whole daemon: a real broker behind a link that misbehaves."""

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.broker.mosquitto import eventually
from tests.chaos import faults
from tests.chaos.conftest import Endure
from tests.chaos.fault import endure
from tests.chaos.fuzz.seeds import COMMANDS
from tests.chaos.invariants import violations
from tests.chaos.stand import SETTLE_S, Stand

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

Record = Callable[[str, object], None]
ROOT = "edge/v1/test/pi-1"
RATE_HZ = 50.0  # of the stand's source


def send(stand: Stand, topic: str, payload: bytes) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", stand.broker.port)
    client.loop_start()
    client.publish(topic, payload, 1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def test_n1_a_broker_that_is_down_at_the_start_is_not_waited_for(
    tmp_path: Path, record_property: Record
) -> None:
    with Stand(tmp_path) as stand:
        stand.daemon.start().wait_ready()
        threading.Event().wait(2.0)
        stand.start_broker()
        health = stand.settle()

        assert violations(stand, health) == []
        (account,) = [a for k, a in stand.consumer.accounts().items() if k[0].endswith("/event")]
        assert account.is_in_order
        assert min(account.seen) == 0
        record_property("observed", f"{len(account.seen)} events from number 0 on, none lost")


def test_n2_a_killed_broker_costs_nothing(survive: Endure) -> None:
    survive(faults.N2_BROKER_KILLED, 1.0)


@pytest.mark.parametrize("delay", ["200ms", pytest.param("50ms", marks=pytest.mark.slow)])
def test_n3_a_slow_link_does_not_slow_the_frames(
    stand: Stand, record_property: Record, delay: str
) -> None:
    _keep_pace(stand, delay, record_property)


@pytest.mark.slow
def test_n3_a_link_of_a_second_each_way_does_not_slow_the_frames(
    tmp_path: Path, record_property: Record
) -> None:
    """With the daemon's own patience: that of the other rows is over before an answer can come."""
    with Stand(tmp_path, mqtt="") as patient:
        _keep_pace(patient.start(), "1000ms", record_property)


def _keep_pace(stand: Stand, delay: str, record_property: Record) -> None:
    usual = min(pace(stand), RATE_HZ)  # what was held up before comes after it in a rush
    stand.link.delay_s = faults.N3_DELAYS_S[delay]
    try:
        for _ in range(3):  # what else the machine does only takes from it
            slow = pace(stand)
            if slow > 0.95 * usual:
                break
    finally:
        stand.link.heal()

    endure(stand, faults.N3_SLOW[delay], 3.0)

    record_property("observed", f"{delay}: {slow / usual:.2f} of the frames a second")
    assert slow > 0.95 * usual


def pace(stand: Stand) -> float:
    """Return frames a second, by the daemon's own books and clock."""
    first, *_, last = stand.wait_for_health(4)
    frames = last.pipelines[0].captured - first.pipelines[0].captured
    return frames / (last.uptime_s - first.uptime_s)


@pytest.mark.slow
def test_n3_a_narrow_link_is_drained_in_the_end(survive: Endure) -> None:
    survive(faults.N3_NARROW, 10.0)


def test_n4_half_open_connection_is_noticed(survive: Endure) -> None:
    survive(faults.N4_FROZEN_LINK, 4.0)


@pytest.mark.slow
def test_n4_a_broker_that_stands_still_is_noticed(survive: Endure) -> None:
    survive(faults.N4_FROZEN_BROKER, 4.0)


def test_n4_a_link_that_is_cut_is_made_again(survive: Endure) -> None:
    survive(faults.N3_CUT, 1.0)


def test_n8_a_huge_command_never_reaches_the_daemon(stand: Stand, record_property: Record) -> None:
    size_mb = 64
    before = stand.settle()

    send(stand, f"{ROOT}/cmd/pause", bytes(size_mb << 20))
    send(stand, f"{ROOT}/cmd/ping", b"{}")

    after = stand.settle()
    grown_mb = after.host.rss_mb - before.host.rss_mb
    assert grown_mb < size_mb / 4
    assert violations(stand, stand.settle()) == []
    record_property("observed", f"{size_mb} MB sent; daemon grew by {grown_mb:.1f} MB")


def test_n9_malicious_commands_are_answered_and_nothing_more(
    stand: Stand, record_property: Record
) -> None:
    before = stand.settle()
    rng = random.Random(9)
    payloads = [*COMMANDS, *(rng.randbytes(rng.randrange(1, 400)) for _ in range(20))]
    answered = len(stand.consumer.texts("/reply/threshold"))

    for payload in payloads:
        send(stand, f"{ROOT}/cmd/threshold", payload)

    eventually(
        lambda: len(stand.consumer.texts("/reply/threshold")) >= answered + len(payloads),
        "all answered", SETTLE_S,
    )  # fmt: skip
    answers = [json.loads(text) for text in stand.consumer.texts("/reply/threshold")][answered:]
    refused = sum(not answer["ok"] for answer in answers)
    after = stand.settle()
    assert violations(stand, after) == []
    assert after.boot == before.boot
    assert after.pipelines[0].restarts == before.pipelines[0].restarts
    record_property("observed", f"{len(answers)} answered, {refused} of them refusals")
