"""Carries out commands on the pipelines, and answers each one."""

import logging
from collections.abc import Callable, Sequence
from typing import assert_never

from edge_runtime.board import Order
from edge_runtime.commands import (
    Answer,
    ChangeThreshold,
    Command,
    CommandError,
    PausePipeline,
    Ping,
    ResumePipeline,
    answer_message,
    decode_command,
)
from edge_runtime.mqtt import topics
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.mqtt.topics import Topics
from edge_runtime.supervised import Supervised

logger = logging.getLogger(__name__)


class CommandDesk:
    """Used by the supervisor's thread."""

    def __init__(
        self, names: Topics, pipelines: Sequence[Supervised], now: Callable[[], float]
    ) -> None:
        self._topics = names
        self._pipelines = {pipeline.name: pipeline for pipeline in pipelines}
        self._now = now

    def serve(self, order: Order) -> Reply | None:
        """Carry out a command; return the answer, None where there is nobody to answer."""
        verb = self._topics.verb(order.incoming.topic) or ""
        command: Command | None = None
        result = error = None
        try:
            command = _read(order, verb)
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
            duration_ms=round((self._now() - order.arrived_monotonic_s) * 1e3, 3),
        )
        return self._address(order, verb, answer)

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
            topic = self._topics.full(topics.reply(verb))
        if not self._topics.may_reply_to(topic):
            logger.warning("command %s: response topic %r is not allowed", verb, topic[:128])
            return None
        return Reply(topic, answer_message(answer), order.incoming.correlation)


def _read(order: Order, verb: str) -> Command:
    if order.incoming.is_retained:  # it would come back at every connection, for ever
        raise CommandError(f"cmd/{verb}: retained, allowed are commands for now only")
    return decode_command(verb, order.incoming.payload)


def _told(what: str, heard: Sequence[tuple[Supervised, bool]]) -> str:
    """Say what was done; a worker that is just starting will be told when it is ready."""
    texts = [f"{p.name}" if was_heard else f"{p.name} (once ready)" for p, was_heard in heard]
    return f"{what}: {', '.join(texts)}"
