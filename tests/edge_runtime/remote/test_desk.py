"""Commands are carried out or refused, and always answered where an answer may go."""

import random
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from edge_runtime.mqtt.events import Incoming
from edge_runtime.mqtt.outbox.unconfirmed import Confirmation
from edge_runtime.mqtt.topics import CONFIRMED, DESIRED, Topics
from edge_runtime.remote.commands import Answer
from edge_runtime.remote.counters import CounterStore
from edge_runtime.remote.desk import CommandDesk, DeskParts, Served
from edge_runtime.remote.gate import Gate
from edge_runtime.remote.shadow import PipelineWish, Reported, Shadow, ShadowParts
from edge_runtime.supervisor.board import MAX_COMMANDS, Board, Order
from edge_runtime.supervisor.supervised import Patience, Supervised, WorkerPlan
from tests.edge_runtime.fake_workers import fake_worker

TOPICS = Topics("home", "pi")


RESTARTS: list[str] = []
WORDS: list[Confirmation] = []


@pytest.fixture
def desk(tmp_path: Path) -> CommandDesk:
    plan = WorkerPlan("door", fake_worker, dict)
    door = Supervised(plan, Patience(), random.Random(1), time.monotonic, lambda: None)
    shadow = ShadowParts(
        path=tmp_path / "desired.json", boot="b00t", pipelines=(door,),
        reporter=SimpleNamespace(interval_s=30.0),
    )  # fmt: skip
    parts = DeskParts(
        topics=TOPICS,
        pipelines=(door,),
        gate=Gate("pi", None, CounterStore(tmp_path / "counters.json"), time.time),
        shadow=Shadow(shadow),
        confirm=WORDS.append,
        now=lambda: 10.5,
        restart=lambda: RESTARTS.append("now"),
    )
    return CommandDesk(parts)


def order(
    verb: str, payload: bytes = b"{}", *, is_retained: bool = False, response: str | None = None
) -> Order:
    topic = TOPICS.full(f"cmd/{verb}")
    return Order(Incoming(topic, payload, is_retained, response, b"c"), 10.0)


def answer_of(served: Served) -> Answer:
    reply = served.reply
    assert reply is not None
    return msgspec.json.decode(reply.message.payload, type=Answer)


def test_a_ping_is_answered_with_its_duration(desk: CommandDesk) -> None:
    served = desk.serve(order("ping", b'{"id":"x"}', response="answers/me"))

    answer = answer_of(served)
    assert (answer.ok, answer.result, answer.id) == (True, "pong", "x")
    assert answer.duration_ms == 500.0
    assert served.reply is not None
    assert (served.reply.topic, served.reply.correlation) == ("answers/me", b"c")
    assert served.report is None


def test_without_a_response_topic_the_answer_goes_below_reply(desk: CommandDesk) -> None:
    assert desk.serve(order("ping")).reply.topic == TOPICS.full("reply/ping")


def test_a_retained_command_is_refused(desk: CommandDesk) -> None:
    answer = answer_of(desk.serve(order("pause", is_retained=True)))

    assert not answer.ok
    assert "retained" in answer.error


def test_an_unknown_pipeline_is_refused_with_the_known_ones(desk: CommandDesk) -> None:
    answer = answer_of(desk.serve(order("pause", b'{"pipeline":"yard"}')))

    assert answer.error == "pipeline 'yard': unknown, allowed are door"


@pytest.mark.parametrize(
    ("verb", "payload", "result"),
    [
        ("pause", b"{}", "paused: door (once ready)"),
        ("resume", b"{}", "resumed: door (once ready)"),
        ("threshold", b'{"pipeline":"door","value":0.5}', "threshold set: door (once ready)"),
    ],
)
def test_a_worker_that_is_not_ready_will_be_told(
    desk: CommandDesk, verb: str, payload: bytes, result: str
) -> None:
    assert answer_of(desk.serve(order(verb, payload))).result == result


def test_no_answer_goes_where_it_could_do_harm(desk: CommandDesk) -> None:
    assert desk.serve(order("ping", response=TOPICS.full("status"))).reply is None
    assert desk.serve(order("a verb that is no level")).reply is None


def test_a_command_that_changes_something_is_followed_by_a_report(desk: CommandDesk) -> None:
    served = desk.serve(order("threshold", b'{"pipeline":"door","value":0.5}'))

    report = msgspec.json.decode(served.report.payload, type=Reported)
    assert report.pipelines == {"door": PipelineWish(paused=False, threshold=0.5)}


def test_a_restart_is_asked_for_and_answered(desk: CommandDesk) -> None:
    RESTARTS.clear()

    assert answer_of(desk.serve(order("restart"))).result == "restarting"
    assert RESTARTS == ["now"]


def wish(payload: bytes, *, is_retained: bool = True) -> Order:
    return Order(Incoming(TOPICS.full(DESIRED), payload, is_retained, None, None), 10.0)


def test_a_retained_wish_is_fulfilled_and_reported(desk: CommandDesk) -> None:
    served = desk.serve(wish(b'{"version":3,"pipelines":{"door":{"paused":true}}}'))

    report = msgspec.json.decode(served.report.payload, type=Reported)
    assert served.reply is None
    assert (report.version, report.error) == (3, None)
    assert report.pipelines["door"].paused


def test_a_wish_that_cannot_be_fulfilled_changes_nothing_and_says_why(desk: CommandDesk) -> None:
    desk.serve(wish(b'{"version":3,"pipelines":{"door":{"threshold":0.5}}}'))

    served = desk.serve(wish(b'{"version":4,"pipelines":{"door":{"paused":true},"yard":{}}}'))

    report = msgspec.json.decode(served.report.payload, type=Reported)
    assert report.version == 3
    assert report.error == "pipeline 'yard': unknown, allowed are door"
    assert report.pipelines["door"] == PipelineWish(paused=False, threshold=0.5)


def test_a_wish_that_was_taken_back_leaves_all_as_it_is(desk: CommandDesk) -> None:
    desk.serve(wish(b'{"version":3,"pipelines":{"door":{"threshold":0.5}}}'))

    report = msgspec.json.decode(desk.serve(wish(b"")).report.payload, type=Reported)

    assert (report.version, report.error) == (3, None)


def test_too_many_commands_are_dropped_and_counted() -> None:
    board = Board(lambda: 0.0)
    hooks = board.hooks()
    for _ in range(MAX_COMMANDS + 2):
        hooks.on_command(order("ping").incoming)

    assert board.refused_orders == 2
    assert board.next_order().incoming.topic.endswith("cmd/ping")


def confirmed(payload: bytes) -> Order:
    return Order(Incoming(TOPICS.full(CONFIRMED), payload, False, None, None), 10.0)


def test_a_consumers_word_reaches_the_outbox(desk: CommandDesk) -> None:
    WORDS.clear()

    served = desk.serve(confirmed(b'{"topic":"p/door/event","boot":"b00t","upto":7}'))

    assert [Confirmation("p/door/event", "b00t", 7)] == WORDS
    assert (served.reply, served.report) == (None, None)


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b'{"topic":"t","boot":"b","upto":-1}', b" " * 5000]
)
def test_what_is_no_word_is_logged_and_left(
    desk: CommandDesk, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    WORDS.clear()

    desk.serve(confirmed(payload))

    assert WORDS == []
    assert "refused: ack" in caplog.text


def test_a_dump_without_a_recorder_is_refused(desk: CommandDesk) -> None:
    answer = answer_of(desk.serve(order("dump", b'{"pipeline":"door"}')))

    assert answer.error == "cmd/dump: no flight recorder runs in door; set pipeline.recorder"
