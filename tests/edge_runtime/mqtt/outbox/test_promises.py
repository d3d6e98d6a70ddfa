"""What the outbox promises beyond a commit: gaps, dates, stages, consumers, flash."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.mqtt.outbox.gaps import Gap
from edge_runtime.mqtt.outbox.outbox import LONGEST_WINDOW_S, Outbox
from edge_runtime.mqtt.outbox.pending import PendingSettings
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.outbox.unconfirmed import RESEND_AFTER_S, Confirmation
from edge_runtime.records import Delivery, Message
from tests.edge_runtime.mqtt.outbox.test_outbox import Hands, balance_holds, every, payloads


def event(number: int, **changes: object) -> Message:
    marks = (("boot", "b00t"), ("seq", str(number)))
    message = Message("p/door/event", b"%d" % number, Delivery.ALL, properties=marks)
    return replace(message, **changes)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def place(tmp_path: Path) -> OutboxSettings:
    return OutboxSettings(tmp_path / "outbox.db", max_loss_window_s=0.0)


def told_by(outbox: Outbox) -> list[Gap]:
    """Have the gaps told; return what the message said."""
    told: list[Gap] = []

    def make(gaps: list[Gap]) -> Message:
        told.extend(gaps)
        return Message("gaps", b"gaps", Delivery.ALL)

    outbox.tell_gaps(make)
    return told


def test_what_gave_way_is_told_once_and_in_the_order_of_the_rest(
    place: OutboxSettings, hands: Hands
) -> None:
    outbox = Outbox(replace(place, max_rows=10), hands.source, "k")
    for number in range(25):
        outbox.put(event(number))
    outbox.commit()
    assert told_by(outbox) == []  # there is no room to tell it without making another
    for row in every(outbox)[:2]:
        outbox.ack(row.id)
    outbox.commit()

    assert told_by(outbox) == [Gap("p/door/event", "b00t", 0, 14, "full")]
    assert told_by(outbox) == []
    assert payloads(every(outbox))[-1] == b"gaps"
    outbox.close()


@pytest.mark.parametrize("restart", [False, True])
def test_every_way_to_give_up_leaves_a_gap(
    place: OutboxSettings, hands: Hands, *, restart: bool
) -> None:
    outbox = Outbox(place, hands.source, "k")
    outbox.put(event(0, payload=bytes(200_000)))
    outbox.put(event(1, expiry_s=5))
    outbox.put(event(2))
    outbox.commit()
    stored = every(outbox)[-1]
    outbox.refuse(stored.id, stored.message, "refused")
    hands.advance(10)
    outbox.note_gap(Gap("p/door/event", "b00t", 3, 5, "worker_died"))
    outbox.commit()
    if restart:
        outbox.close()
        outbox = Outbox(place, hands.source, "k")

    assert {(gap.first, gap.last, gap.reason) for gap in told_by(outbox)} == {
        (0, 0, "oversize"),
        (1, 1, "expired"),
        (2, 2, "refused"),
        (3, 5, "worker_died"),
    }
    outbox.close()


def test_states_leave_no_gap(place: OutboxSettings, hands: Hands) -> None:
    outbox = Outbox(place, hands.source, "k")
    for number in range(3):
        outbox.put(event(number, delivery=Delivery.LATEST))
        outbox.commit()

    assert told_by(outbox) == []
    outbox.close()


def test_a_gap_that_grows_stays_one(place: OutboxSettings, hands: Hands) -> None:
    outbox = Outbox(replace(place, max_rows=2), hands.source, "k")
    for number in range(6):
        outbox.put(event(number))
        outbox.commit()
    for row in every(outbox):
        outbox.ack(row.id)

    assert told_by(outbox) == [Gap("p/door/event", "b00t", 0, 3, "full")]
    outbox.close()


def test_an_event_from_before_the_first_sync_is_dated_anew(
    place: OutboxSettings, hands: Hands
) -> None:
    is_synced = False
    hands.wall_s = 60.0
    outbox = Outbox(place, hands.source, "k", lambda: is_synced)
    text = {"ts": "1970-01-01T00:01:00.000Z", "clock": "unsynced", "seq": 0}
    outbox.put(event(0, payload=json.dumps(text).encode()))
    outbox.commit()
    hands.advance(30.0)
    hands.wall_s = 1_800_000_030.0

    assert json.loads(payloads(every(outbox))[0])["ts"] == "1970-01-01T00:01:00.000Z"
    is_synced = True

    dated = json.loads(payloads(every(outbox))[0])
    assert dated["ts"] == "2027-01-15T08:00:00.000Z"
    assert (dated["clock"], dated["redated"]) == ("synced", True)
    outbox.close()


def test_an_event_of_an_earlier_boot_keeps_its_date(place: OutboxSettings, hands: Hands) -> None:
    hands.wall_s = 60.0
    outbox = Outbox(place, hands.source, "boot-a")
    payload = b'{"ts":"1970-01-01T00:01:00.000Z","clock":"unsynced"}'
    outbox.put(event(0, payload=payload))
    outbox.close()
    hands.monotonic_s = 3.0
    again = Outbox(place, hands.source, "boot-b", lambda: True)
    hands.wall_s = 1_800_000_000.0

    assert payloads(every(again)) == [payload]
    again.close()


STAGED = """
import os, sys, time
from pathlib import Path
from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.pending import PendingSettings
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.records import Delivery, Message
place = Path(sys.argv[1])
pending = PendingSettings(stage=place / "stage")
outbox = Outbox(OutboxSettings(place / "o.db", max_loss_window_s=600, pending=pending), TimeSource(), "k")
for number in range(50):
    outbox.put(Message("e", b"%d" % number, Delivery.ALL))
os.kill(os.getpid(), 9)
"""  # noqa: E501


def test_a_killed_process_loses_nothing_that_was_staged(tmp_path: Path, hands: Hands) -> None:
    killed = subprocess.run([sys.executable, "-c", STAGED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    settings = OutboxSettings(tmp_path / "o.db", pending=PendingSettings(stage=tmp_path / "stage"))

    outbox = Outbox(settings, hands.source, "k")

    assert payloads(every(outbox)) == [b"%d" % number for number in range(50)]
    assert outbox.status().found == 50
    assert balance_holds(outbox)
    outbox.close()
    assert (tmp_path / "stage").read_bytes() == b""


def test_numbers_go_on_above_those_that_were_staged(tmp_path: Path, hands: Hands) -> None:
    settings = OutboxSettings(
        tmp_path / "o.db", max_loss_window_s=600, pending=PendingSettings(stage=tmp_path / "stage")
    )
    killed = Outbox(settings, hands.source, "k")
    killed.put(event(0))
    number = every(killed)[0].id

    again = Outbox(settings, hands.source, "k")
    again.put(event(1))

    assert [row.id for row in every(again)] == [number, number + 1]
    again.close()


def strict(place: OutboxSettings, hands: Hands) -> Outbox:
    return Outbox(replace(place, is_strict=True), hands.source, "k")


def test_strictly_a_puback_is_not_the_end(place: OutboxSettings, hands: Hands) -> None:
    outbox = strict(place, hands)
    for number in range(3):
        outbox.put(event(number))
    outbox.commit()
    for row in every(outbox):
        outbox.ack(row.id)

    assert every(outbox) == []
    assert outbox.status().waiting == 3
    assert outbox.confirm(Confirmation("p/door/event", "b00t", 1)) == 2
    outbox.commit()
    assert (outbox.status().waiting, outbox.status().delivered) == (1, 2)
    assert balance_holds(outbox)
    outbox.close()


def test_strictly_what_nobody_confirms_is_sent_again(place: OutboxSettings, hands: Hands) -> None:
    outbox = strict(place, hands)
    outbox.put(event(0))
    outbox.ack(every(outbox)[0].id)
    hands.advance(RESEND_AFTER_S)

    assert outbox.has_overdue()
    assert payloads(every(outbox)) == [b"0"]
    outbox.close()
    again = strict(place, hands)
    assert payloads(every(again)) == [b"0"]
    again.close()


def test_strictly_a_message_without_a_number_ends_with_its_puback(
    place: OutboxSettings, hands: Hands
) -> None:
    outbox = strict(place, hands)
    outbox.put(Message("info", b"", Delivery.LATEST))
    outbox.commit()

    outbox.ack(every(outbox, Delivery.LATEST)[0].id)

    assert outbox.is_empty()
    outbox.close()


def test_a_spent_budget_makes_commits_wait_and_says_so(
    place: OutboxSettings, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = iter(range(0, 10_000_000_000, 1_000_000))  # a megabyte at each look
    monkeypatch.setattr("edge_runtime.mqtt.outbox.outbox.written_bytes", lambda: next(written))
    outbox = Outbox(replace(place, written_per_day=24e6), hands.source, "k")  # one an hour
    outbox.put(event(0))
    outbox.commit_if_due()
    outbox.put(event(1))
    outbox.commit_if_due()

    assert outbox.status().is_over_budget
    assert outbox.due_in_s() == LONGEST_WINDOW_S
    hands.advance(LONGEST_WINDOW_S)
    outbox.commit_if_due()
    assert outbox.due_in_s() is None
    outbox.close()
