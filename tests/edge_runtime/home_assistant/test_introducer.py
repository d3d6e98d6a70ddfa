"""When the introduction is said: kept before, forgotten after, repeated within seconds."""

import random
from pathlib import Path

import pytest

from edge_runtime.home_assistant.introducer import WITHIN_S, Introducer, IntroducerParts
from edge_runtime.home_assistant.introduction import Introduction, farewell
from edge_runtime.home_assistant.known import Known, read_known
from edge_runtime.mqtt.events import Incoming
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.mqtt.topics import HOME_ASSISTANT_STATUS, Topics
from edge_runtime.records import Delivery, Message
from edge_runtime.supervisor.board import Board

CONFIG = Message("/homeassistant/device/pi/config", b"{}", Delivery.LATEST, retain=True)
BEFORE = Known("pi", {"a": "sensor", "b": "sensor"})
AFTER = Known("pi", {"a": "sensor"})


class Stage:
    """The introducer with all that it touches."""

    def __init__(self, file: Path, introduction: Introduction) -> None:
        self.file, self.board, self.sent, self.is_online = file, Board(), [], False
        parts = IntroducerParts(
            Topics("home", "pi"), self.board, lambda: self.is_online, self._send, file,
            random.Random(7),
        )  # fmt: skip
        self.introducer = Introducer(introduction, parts)

    def home_assistant_says(self, text: bytes) -> None:
        self.board.hooks().on_command(Incoming(HOME_ASSISTANT_STATUS, text, False, None, None))

    def _send(self, reply: Reply) -> None:
        self.sent.append(reply)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "k.json", Introduction((CONFIG,), (CONFIG,), BEFORE, AFTER))


def test_what_may_be_known_is_kept_before_it_is_said(stage: Stage) -> None:
    info = Message("info", b"{}", Delivery.LATEST, retain=True)
    source = Message("p/door/source", b"online", Delivery.LATEST, retain=True)
    stage.board.births = (info, source)

    assert read_known(stage.file) == BEFORE
    assert stage.board.hooks().birth() == (info, CONFIG, source)


def test_what_is_gone_is_forgotten_only_after_a_birth(stage: Stage) -> None:
    stage.introducer.turn(0.0)
    assert read_known(stage.file) == BEFORE

    stage.is_online = True
    stage.introducer.turn(1.0)

    assert read_known(stage.file) == AFTER


def test_it_is_repeated_once_within_seconds_of_home_assistant_s_start(stage: Stage) -> None:
    stage.is_online = True
    stage.home_assistant_says(b"online")
    stage.home_assistant_says(b"online")
    stage.introducer.turn(100.0)
    soon = len(stage.sent)

    stage.introducer.turn(100.0 + WITHIN_S)
    stage.introducer.turn(200.0)

    assert soon == 0
    assert [(reply.topic, reply.message) for reply in stage.sent] == [
        ("homeassistant/device/pi/config", CONFIG)
    ]


def test_home_assistant_s_end_is_no_start_and_neither_is_a_command(stage: Stage) -> None:
    stage.home_assistant_says(b"offline")
    stage.introducer.turn(0.0)
    stage.introducer.turn(100.0)

    assert stage.sent == []
    assert stage.board.next_order() is None


def test_a_farewell_is_said_until_it_was_heard_and_then_forgotten(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "k.json", farewell(BEFORE))
    assert [message.payload for message in stage.board.introductions] == [b""]

    stage.is_online = True
    stage.introducer.turn(0.0)

    assert stage.board.introductions == ()
    assert read_known(stage.file) is None
