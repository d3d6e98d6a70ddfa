"""Introduces the device to Home Assistant: at every birth, and again once that has started."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.home_assistant.introduction import Introduction
from edge_runtime.home_assistant.known import write_known
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.mqtt.topics import Topics
from edge_runtime.supervisor.board import Board

logger = logging.getLogger(__name__)

WITHIN_S = 5.0  # a house full of devices does not answer in the same instant


@dataclass(frozen=True, slots=True)
class IntroducerParts:
    """What the introducer reads and writes.

    Attributes:
        send: Sends now or never, at QoS 1.
        known: The file of what Home Assistant may know.
    """

    topics: Topics
    board: Board
    is_online: Callable[[], bool]
    send: Callable[[Reply], None]
    known: Path
    rng: random.Random


class Introducer:
    """Used by the supervisor's thread; made before the session begins."""

    def __init__(self, introduction: Introduction, parts: IntroducerParts) -> None:
        self._introduction = introduction
        self._parts = parts
        self._is_said = False
        self._again_at_s: float | None = None
        write_known(parts.known, introduction.before)
        parts.board.introductions = introduction.first

    def turn(self, now_s: float) -> None:
        """Note that the first birth is over; repeat what was said where that is due."""
        if not self._is_said and self._parts.is_online():
            self._is_said = True
            self._parts.board.introductions = self._introduction.later
            write_known(self._parts.known, self._introduction.after)
        if self._parts.board.home_assistant_has_started():
            self._again_at_s = now_s + self._parts.rng.uniform(0.0, WITHIN_S)
        if self._again_at_s is not None and now_s >= self._again_at_s:
            self._again_at_s = None
            self._repeat()

    def _repeat(self) -> None:
        """Say it again; without a connection the next birth does."""
        logger.info("Home Assistant has started: introduced again")
        for message in self._introduction.later:
            self._parts.send(Reply(self._parts.topics.full(message.topic), message, None))
