"""What is said to Sparkplug's hosts on one connection: subscribe, births, data, death.

CONNECTING ─CONNACK─► SUBSCRIBING ─SUBACK─► BORN ─begin_stop─► DRAINING ─► DYING ─acked─► ENDED
"""

import logging
from dataclasses import dataclass
from enum import Enum, auto
from socket import socket
from typing import assert_never

import msgspec

from edge_runtime.mqtt.causes import Cause, Trouble
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.events import (
    Acknowledged,
    Closed,
    Connected,
    Event,
    Incoming,
    Subscribed,
    WrongProtocol,
)
from edge_runtime.mqtt.exchange_parts import ExchangeSettings, Parts
from edge_runtime.records import Delivery, Message
from edge_runtime.sparkplug.births import BirthCount
from edge_runtime.sparkplug.feed import Feed
from edge_runtime.sparkplug.metrics import Update, updates_of
from edge_runtime.sparkplug.names import Names
from edge_runtime.sparkplug.node import REBIRTH, EdgeNode, Publication, node_death
from edge_runtime.sparkplug.payload import decode_payload
from edge_runtime.sparkplug.wire import WireError

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 100
GOODBYE_S = 1.0


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What outlives a connection."""

    names: Names
    node: EdgeNode
    births: BirthCount
    feed: Feed


class Phase(Enum):
    """How far the conversation is."""

    CONNECTING = auto()
    SUBSCRIBING = auto()
    BORN = auto()
    DRAINING = auto()
    DYING = auto()
    ENDED = auto()


class SparkplugConversation:
    """One connection's conversation; see `mqtt.exchange_parts.Conversation`."""

    def __init__(
        self, own: NodeParts, connection: Connection, settings: ExchangeSettings, parts: Parts
    ) -> None:
        self.trouble: Trouble | None = None
        self.complaint: Trouble | None = None
        self.wants_other_protocol = False
        self.was_answered = False
        self._own = own
        self._connection = connection
        self._settings = settings
        self._parts = parts
        self._phase = Phase.CONNECTING
        self._phase_since_s = parts.time.monotonic_s()
        self._after = 0
        self._under_way: dict[int, int] = {}
        self._death: int | None = None
        self._wants_birth = False

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will be said."""
        return self._phase is Phase.ENDED

    @property
    def is_born(self) -> bool:
        """Return whether hosts know us."""
        return self._phase in {Phase.BORN, Phase.DRAINING, Phase.DYING}

    def begin_stop(self) -> None:
        """Tell what waits, then die; who was not born yet just goes."""
        if self._phase is Phase.BORN:
            self._enter(Phase.DRAINING)
        elif self._phase in {Phase.CONNECTING, Phase.SUBSCRIBING}:
            self._enter(Phase.ENDED)

    def turn(self, timeout_s: float, wake: socket) -> None:
        """Wait for at most `timeout_s`, handle what came, send what may be sent."""
        for event in self._connection.turn(timeout_s, wake):
            if not self.is_over:
                self._handle(event)
        self._check_deadline()
        if self._phase in {Phase.BORN, Phase.DRAINING}:
            self._speak()
        if self.is_over and self.trouble is None:
            self._connection.disconnect(wake=wake, timeout_s=GOODBYE_S)

    def _handle(self, event: Event) -> None:
        match event:
            case Connected():
                self.was_answered = True
                self._connection.subscribe(self._own.names.commands)
                self._enter(Phase.SUBSCRIBING)
            case WrongProtocol():
                self.was_answered = self.wants_other_protocol = True
                self._fail(Trouble(Cause.PROTOCOL, "the broker speaks another version of MQTT"))
            case Subscribed():
                self.complaint = event.trouble
                self._wants_birth = True
                self._enter(Phase.BORN)
            case Acknowledged():
                self._settle(event.mid)
            case Incoming():
                self._obey(event)
            case Closed():
                self.was_answered |= event.trouble.cause.needs_a_person
                self._fail(event.trouble)
            case _:
                assert_never(event)

    def _obey(self, command: Incoming) -> None:
        """Be born again where a host asks for it; there is nothing else to command here."""
        try:
            metrics = decode_payload(command.payload).metrics
        except WireError as error:
            logger.warning("%s: %s", command.topic, error)
            return
        wanted = {metric.name for metric in metrics if metric.value is True}
        self._wants_birth |= REBIRTH in wanted and not command.is_retained

    def _speak(self) -> None:
        """Say what is new; a birth says all of it, so that no data comes before it."""
        if self._wants_birth:
            self._wants_birth = False
            self._give_birth()
        if self._connection.is_backed_up():
            return  # what is newest by the time the network moves again is said then
        for message in self._own.feed.news():
            for update in self._updates_of(message):
                self._send(self._own.node.note(update, self._now_ms()))
        if self._have_told_events():
            self._send(self._own.node.lives(self._now_ms()))
            if self._phase is Phase.DRAINING and not self._under_way:
                self._die()

    def _give_birth(self) -> None:
        node, now_ms = self._own.node, self._now_ms()
        for message in (*self._own.feed.news(), *self._parts.hooks.birth()):
            for update in self._updates_of(message):
                node.note(update, now_ms)
        self._send(node.birth(self._own.births.present, self._now_ms()))

    def _have_told_events(self) -> bool:
        """Send events that wait; return whether those were all."""
        waiting = self._parts.outbox.take(Delivery.ALL, self._after, EVENTS_AT_ONCE)
        for stored in waiting:
            self._after = stored.id
            mids = [
                mid
                for update in self._updates_of(stored.message)
                for mid in self._send(self._own.node.relate(update, self._now_ms()))
            ]
            self._under_way.update(dict.fromkeys(mids, stored.id))
            if not mids:  # of a pipeline that is gone, or nothing that hosts are told
                self._parts.outbox.ack(stored.id)
        return len(waiting) < EVENTS_AT_ONCE

    def _updates_of(self, message: Message) -> tuple[Update, ...]:
        """Return what a message says; one that a former version stored may say nothing to us."""
        try:
            return updates_of(message, self._now_ms())
        except msgspec.DecodeError as error:
            logger.warning("%s: %s: not told", message.topic, error)
            return ()

    def _settle(self, mid: int) -> None:
        """Forget an event once it is on its way, which is all that QoS 0 lets us know."""
        if mid == self._death:
            self._enter(Phase.ENDED)
            return
        number = self._under_way.pop(mid, None)
        if number is not None and number not in self._under_way.values():
            self._parts.outbox.ack(number)

    def _die(self) -> None:
        death = node_death(self._own.names, self._own.births.present, self._now_ms())
        self._death = self._connection.publish_bytes(death.topic, death.payload, qos=1)
        self._enter(Phase.DYING)

    def _send(self, publications: list[Publication]) -> list[int]:
        return [self._connection.publish_bytes(p.topic, p.payload, qos=0) for p in publications]

    def _check_deadline(self) -> None:
        age_s = self._parts.time.monotonic_s() - self._phase_since_s
        match self._phase:
            case Phase.CONNECTING | Phase.SUBSCRIBING if age_s > self._settings.answer_deadline_s:
                text = f"no answer within {self._settings.answer_deadline_s:g} s"
                self._fail(Trouble(Cause.NOT_ACKNOWLEDGED, text))
            case Phase.DRAINING if age_s > self._settings.drain_s:
                self._die()
            case Phase.DYING if age_s > self._settings.death_deadline_s:
                self._enter(Phase.ENDED)
            case _:
                pass

    def _fail(self, trouble: Trouble) -> None:
        if not self.is_over:
            self.trouble = trouble
            self._enter(Phase.ENDED)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._phase_since_s = self._parts.time.monotonic_s()

    def _now_ms(self) -> int:
        return round(self._parts.time.wall_s() * 1000)
