"""Carries out commands on the pipelines, and answers each one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from edge_runtime.mqtt import topics
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.mqtt.outbox.unconfirmed import Confirmation
from edge_runtime.mqtt.topics import CONFIRMED, DESIRED, Topics
from edge_runtime.records import Message
from edge_runtime.remote.commands import (
    Answer,
    ChangeThreshold,
    Command,
    CommandError,
    PausePipeline,
    Ping,
    Restart,
    ResumePipeline,
    WriteDump,
    answer_message,
    decode_command,
)
from edge_runtime.remote.confirmations import decode_confirmation
from edge_runtime.remote.gate import Gate
from edge_runtime.remote.shadow import Shadow
from edge_runtime.supervisor.board import Order
from edge_runtime.supervisor.supervised import Supervised

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What the desk reads and does.

    Attributes:
        confirm: Takes a consumer's word.
        now: Monotonic, seconds.
        restart: Ends the daemon in good order, to be started again.
    """

    topics: Topics
    pipelines: Sequence[Supervised]
    gate: Gate
    shadow: Shadow
    confirm: Callable[[Confirmation], object]
    now: Callable[[], float]
    restart: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Served:
    """What comes of an order.

    Attributes:
        reply: None where there is nobody to answer.
        report: The device's state, where it may have changed.
    """

    reply: Reply | None
    report: Message | None


class CommandDesk:
    """Used by the supervisor's thread."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self._pipelines = {pipeline.name: pipeline for pipeline in parts.pipelines}

    def report(self) -> Message:
        """Return how the device is."""
        return self._parts.shadow.report()

    def serve(self, order: Order) -> Served:
        """Carry out an order, or refuse it."""
        if order.incoming.topic == self._parts.topics.full(DESIRED):
            return Served(None, self._fulfil(order.incoming.payload))
        if order.incoming.topic == self._parts.topics.full(CONFIRMED):
            self._confirm(order.incoming.payload)
            return Served(None, None)
        return self._serve_command(order)

    def _fulfil(self, payload: bytes) -> Message:
        """Make the device as wished; the report says what came of it."""
        shadow = self._parts.shadow
        try:
            if shadow.is_known(payload):
                shadow.refuse(None)
            elif payload:
                shadow.fulfil(payload, self._parts.gate.admit(DESIRED, payload))
        except CommandError as refusal:
            logger.warning("refused: %s", refusal)
            shadow.refuse(str(refusal))
        return shadow.report()

    def _confirm(self, payload: bytes) -> None:
        try:
            self._parts.confirm(decode_confirmation(payload))
        except CommandError as refusal:
            logger.warning("refused: %s", refusal)

    def _serve_command(self, order: Order) -> Served:
        verb = self._parts.topics.verb(order.incoming.topic) or ""
        command: Command | None = None
        result = error = None
        try:
            command = self._read(order, verb)
            result = self._carry_out(command)
        except CommandError as refusal:
            error = str(refusal)
            logger.warning("refused: %s", error)
        answer = Answer(
            verb=verb,
            id=None if command is None else command.id,
            ok=error is None,
            result=result,
            error=error,
            duration_ms=round((self._parts.now() - order.arrived_monotonic_s) * 1e3, 3),
        )
        has_changed = error is None and not isinstance(command, Ping)
        report = self._parts.shadow.report() if has_changed else None
        return Served(self._address(order, verb, answer), report)

    def _read(self, order: Order, verb: str) -> Command:
        if order.incoming.is_retained:  # it would come back at every connection, for ever
            raise CommandError(f"cmd/{verb}: retained, allowed are commands for now only")
        return decode_command(verb, self._parts.gate.admit(verb, order.incoming.payload))

    def _carry_out(self, command: Command) -> str:
        match command:
            case Ping():
                return "pong"
            case PausePipeline():
                return _told("paused", [(p, p.pause()) for p in self._meant(command.pipeline)])
            case ResumePipeline():
                return _told("resumed", [(p, p.resume()) for p in self._meant(command.pipeline)])
            case ChangeThreshold():
                (pipeline,) = self._meant(command.pipeline)
                return _told("threshold set", [(pipeline, pipeline.set_threshold(command.value))])
            case WriteDump():
                return _dumped(self._meant(command.pipeline))
            case Restart():
                self._parts.restart()
                return "restarting"
            case _:
                assert_never(command)

    def _meant(self, name: str | None) -> list[Supervised]:
        if name is None:
            return list(self._pipelines.values())
        if name not in self._pipelines:
            known = ", ".join(sorted(self._pipelines))
            raise CommandError(f"pipeline {name!r}: unknown, allowed are {known}")
        return [self._pipelines[name]]

    def _address(self, order: Order, verb: str, answer: Answer) -> Reply | None:
        topic = order.incoming.response_topic
        if topic is None:
            if not topics.NAME.fullmatch(verb):
                return None
            topic = self._parts.topics.full(topics.reply(verb))
        if not self._parts.topics.may_reply_to(topic):
            logger.warning("command %s: response topic %r is not allowed", verb, topic[:128])
            return None
        return Reply(topic, answer_message(answer), order.incoming.correlation)


def _told(what: str, heard: Sequence[tuple[Supervised, bool]]) -> str:
    """Say what was done; a worker that is just starting will be told when it is ready."""
    texts = [f"{p.name}" if was_heard else f"{p.name} (once ready)" for p, was_heard in heard]
    return f"{what}: {', '.join(texts)}"


def _dumped(pipelines: Sequence[Supervised]) -> str:
    """Ask for recordings; say which pipelines write one."""
    names = [p.name for p in pipelines if p.write_recording("asked for", at_once=True)]
    if not names:
        known = ", ".join(pipeline.name for pipeline in pipelines)
        raise CommandError(f"cmd/dump: no flight recorder runs in {known}; set pipeline.recorder")
    return f"writing: {', '.join(names)}"
