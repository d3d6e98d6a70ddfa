"""Commands are carried out or refused, and always answered where an answer may go."""

import random
import time

import msgspec
import pytest

from edge_runtime.board import MAX_COMMANDS, Board, Order
from edge_runtime.command_desk import CommandDesk
from edge_runtime.commands import Answer
from edge_runtime.mqtt.connection import Incoming
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.mqtt.topics import Topics
from edge_runtime.supervised import Patience, Supervised, WorkerPlan
from tests.edge_runtime.fake_workers import fake_worker

TOPICS = Topics("home", "pi")


@pytest.fixture
def desk() -> CommandDesk:
    plan = WorkerPlan("door", fake_worker, dict)
    door = Supervised(plan, Patience(), random.Random(1), time.monotonic, lambda: None)
    return CommandDesk(TOPICS, (door,), lambda: 10.5)


def order(
    verb: str, payload: bytes = b"{}", *, is_retained: bool = False, response: str | None = None
) -> Order:
    topic = TOPICS.full(f"cmd/{verb}")
    return Order(Incoming(topic, payload, is_retained, response, b"c"), 10.0)


def answer_of(reply: Reply | None) -> Answer:
    assert reply is not None
    return msgspec.json.decode(reply.message.payload, type=Answer)


def test_a_ping_is_answered_with_its_duration(desk: CommandDesk) -> None:
    reply = desk.serve(order("ping", b'{"id":"x"}', response="answers/me"))

    answer = answer_of(reply)
    assert (answer.ok, answer.result, answer.id) == (True, "pong", "x")
    assert answer.duration_ms == 500.0
    assert (reply.topic, reply.correlation) == ("answers/me", b"c")


def test_without_a_response_topic_the_answer_goes_below_reply(desk: CommandDesk) -> None:
    assert desk.serve(order("ping")).topic == TOPICS.full("reply/ping")


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
    assert desk.serve(order("ping", response=TOPICS.full("status"))) is None
    assert desk.serve(order("a verb that is no level")) is None


def test_too_many_commands_are_dropped_and_counted() -> None:
    board = Board(lambda: 0.0)
    hooks = board.hooks()
    for _ in range(MAX_COMMANDS + 2):
        hooks.on_command(order("ping").incoming)

    assert board.refused_orders == 2
    assert board.next_order().incoming.topic.endswith("cmd/ping")
