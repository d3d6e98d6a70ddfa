"""What is said on one connection, in order: subscribe, birth, status, deliveries, death.

CONNECTING ─CONNACK─► SUBSCRIBING ─SUBACK─► BIRTH ─all acked─► STATUS ─acked─► ONLINE
ONLINE ─begin_stop─► DRAINING ─outbox empty or out of time─► DYING ─death acked─► ENDED
"""

from collections import deque
from dataclasses import replace
from enum import Enum, auto
from socket import socket
from typing import assert_never

from edge_runtime.mqtt import topics
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
from edge_runtime.mqtt.mailbox import Refusal
from edge_runtime.mqtt.pacing import Pacer
from edge_runtime.mqtt.window import Purpose, Sent, Window
from edge_runtime.records import Delivery, Message

MAX_STATES = 512
PROPERTIES_BYTES = 1024  # what a packet may hold beside topic and payload
GOODBYE_S = 1.0
UNANSWERED_LIMIT = 2  # mosquitto hangs up on what its rules forbid; 3.1.1 has no word for why


class Phase(Enum):
    """How far the exchange is."""

    CONNECTING = auto()
    SUBSCRIBING = auto()
    BIRTH = auto()
    STATUS = auto()
    ONLINE = auto()
    DRAINING = auto()
    DYING = auto()
    ENDED = auto()


_DELIVERING = frozenset({Phase.ONLINE, Phase.DRAINING})


class Exchange:
    """One connection's conversation.

    Attributes:
        trouble: Why it ended; None after a death in good order.
        wants_other_protocol: The broker said that it does not speak ours.
        was_answered: A CONNACK came, whatever it said.
    """

    def __init__(self, connection: Connection, settings: ExchangeSettings, parts: Parts) -> None:
        self.phase = Phase.CONNECTING
        self.trouble: Trouble | None = None
        self.wants_other_protocol = False
        self.was_answered = False
        self._connection = connection
        self._settings = settings
        self._parts = parts
        self._window = Window(settings.window)
        self._max_packet_bytes = 0
        self._after = {Delivery.LATEST: 0, Delivery.ALL: 0}
        self._births: deque[tuple[Message, int]] = deque()
        self._status_sent = ""
        self._is_stopping = False
        self._phase_since_s = parts.time.monotonic_s()
        self._subscription_trouble: Trouble | None = None
        starts_at_s = parts.time.monotonic_s() + settings.drain_delay_s
        self._pacer = Pacer(settings.drain_rate_hz, starts_at_s)

    @property
    def complaint(self) -> Trouble | None:
        """Return what the broker refuses although it took us."""
        return self._parts.memory.complaint or self._subscription_trouble

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will be said."""
        return self.phase is Phase.ENDED

    @property
    def is_born(self) -> bool:
        """Return whether `status` was published and acknowledged."""
        return self.phase in {Phase.ONLINE, Phase.DRAINING, Phase.DYING}

    def begin_stop(self) -> None:
        """Go on to the death, by way of draining; without a CONNACK end at once."""
        if self._is_stopping:
            return
        self._is_stopping = True
        match self.phase:
            case Phase.CONNECTING:
                self._enter(Phase.ENDED)
            case Phase.ONLINE:
                self._enter(Phase.DRAINING)
            case Phase.SUBSCRIBING | Phase.BIRTH | Phase.STATUS:
                self._die()
            case Phase.DRAINING | Phase.DYING | Phase.ENDED:
                pass
            case _:
                assert_never(self.phase)

    def turn(self, timeout_s: float, wake: socket) -> None:
        """Wait for at most `timeout_s`, handle what came, send what may be sent."""
        for event in self._connection.turn(timeout_s, wake):
            if self.phase is not Phase.ENDED:
                self._handle(event)
        self._check_deadlines()
        self._send()
        self._advance()
        if self.phase is Phase.ENDED and self.trouble is None:
            self._connection.disconnect(wake=wake, timeout_s=GOODBYE_S)

    def _handle(self, event: Event) -> None:
        match event:
            case Connected():
                self.was_answered = True
                self._window.size = min(self._settings.window, event.receive_maximum)
                self._max_packet_bytes = event.max_packet_bytes
                also_hears = self._settings.also_hears
                self._connection.subscribe(self._parts.topics.commands, *also_hears)
                self._enter(Phase.SUBSCRIBING)
            case WrongProtocol():
                self.was_answered = self.wants_other_protocol = True
                self._fail(Trouble(Cause.PROTOCOL, "the broker speaks another version of MQTT"))
            case Subscribed():
                self._subscription_trouble = event.trouble
                self._gather_births()
                self._enter(Phase.BIRTH)
            case Acknowledged():
                self._settle(event)
            case Incoming():
                self._parts.hooks.on_command(event)
            case Closed():
                self.was_answered |= event.trouble.cause.needs_a_person
                self._fail(event.trouble)
            case _:
                assert_never(event)

    def _gather_births(self) -> None:
        """Line up info, the states that the supervisor knows, ours, and those in the outbox."""
        births = {message.topic: (message, 0) for message in self._parts.hooks.birth()}
        for topic, message in self._parts.memory.states.items():
            births.setdefault(topic, (message, 0))
        for stored in self._parts.outbox.take(Delivery.LATEST, 0, MAX_STATES):
            births[stored.message.topic] = (stored.message, stored.id)
            self._after[Delivery.LATEST] = stored.id
        self._births.extend(births.values())

    def _advance(self) -> None:
        """Enter the next phase once this one's work is done."""
        if self.phase is Phase.BIRTH and not self._births and self._window.is_empty():
            self._send_status()
            self._enter(Phase.STATUS)
        elif self.phase is Phase.STATUS and self._window.is_empty():
            self._enter(Phase.ONLINE)
        elif self.phase is Phase.DRAINING and self._is_drained():
            self._die()
        elif self.phase is Phase.DYING and not self._window.holds(Purpose.DEATH):
            self._enter(Phase.ENDED)

    def _is_drained(self) -> bool:
        is_late = self._phase_age_s() > self._settings.drain_s
        return is_late or (self._parts.outbox.is_empty() and self._window.is_empty())

    def _die(self) -> None:
        self._publish(Purpose.DEATH, _status_message("stopped"))
        self._enter(Phase.DYING)

    def _send(self) -> None:
        if self.phase is Phase.BIRTH:
            while self._births and self._may_send():
                self._give_birth(*self._births.popleft())
        elif self.phase in _DELIVERING:
            self._send_news()
            self._send_stored(Delivery.LATEST)
            self._send_stored(Delivery.ALL)

    def _give_birth(self, message: Message, number: int) -> None:
        """Publish one state; one of the supervisor's that the broker would hang up on is left."""
        if number:
            self._publish(Purpose.STORED, message, number=number)
        elif not self._fits(message):
            self._leave_out(
                message, f"{len(message.payload)} bytes, the broker takes no such packet"
            )
        elif self._is_forbidden(message):
            self._leave_out(message, "the broker hangs up on it, do its rules forbid it?")
        else:
            self._publish(Purpose.BIRTH, message)

    def _is_forbidden(self, message: Message) -> bool:
        """Return whether a message abroad has cost connections; else count it as sent.

        Without this an access rule for one foreign topic would keep us from ever being born.
        """
        if not topics.is_abroad(message.topic):
            return False
        unanswered = self._parts.memory.unanswered
        unanswered[message.topic] += 1
        if unanswered[message.topic] <= UNANSWERED_LIMIT:
            return False
        unanswered[message.topic] = UNANSWERED_LIMIT - 1  # the next birth tries once more
        return True

    def _leave_out(self, message: Message, why: str) -> None:
        whole = self._parts.topics.full(message.topic)
        self._parts.memory.complaint = Trouble(Cause.REFUSED, f"{whole}: {why}")

    def _send_news(self) -> None:
        """Send what overtakes the backlog: a changed status, answers, LIVE messages."""
        is_new = self._parts.hooks.status() != self._status_sent
        if is_new and self._may_send() and not self._window.holds(Purpose.STATUS):
            self._send_status()
        while self._may_send() and (reply := self._parts.mailbox.next_reply()) is not None:
            sent = Sent(Purpose.REPLY, reply.message, 0, self._parts.time.monotonic_s())
            mid = self._connection.publish(
                reply.topic, reply.message,
                expires_in_s=reply.message.expiry_s, correlation=reply.correlation,
            )  # fmt: skip
            self._window.add(mid, sent)
        while not self._connection.is_backed_up():
            live = self._parts.mailbox.next_live()
            if live is None:
                break
            self._publish_live(live)

    def _send_stored(self, delivery: Delivery) -> None:
        """Send the outbox's rows above the last one sent, as many as the window takes."""
        under_way = self._window.numbers()
        limit = self._window.room() + len(under_way)
        if not self._may_send():
            return
        for stored in self._parts.outbox.take(delivery, self._after[delivery], limit):
            if not self._may_send() or not self._is_due(delivery):
                return
            self._after[delivery] = stored.id
            if stored.id in under_way or self._is_parked(stored.id):
                continue
            if delivery is Delivery.ALL:
                self._pacer.sent()
            if self._fits(stored.message):
                message = replace(stored.message, expiry_s=stored.expires_in_s)
                self._publish(Purpose.STORED, message, number=stored.id)
            else:
                self._parts.outbox.refuse(stored.id, stored.message, "oversize")

    def _is_due(self, delivery: Delivery) -> bool:
        """Return whether a message of a class may go now; a state is one a topic, and not paced."""
        is_paced = delivery is Delivery.ALL
        return not is_paced or self._pacer.may_send(self._parts.time.monotonic_s())

    def _is_parked(self, number: int) -> bool:
        refusal = self._parts.memory.refusals.get(number)
        return refusal is not None and refusal.retry_at_s > self._parts.time.monotonic_s()

    def _send_status(self) -> None:
        self._status_sent = self._parts.hooks.status()
        self._publish(Purpose.STATUS, _status_message(self._status_sent))

    def _publish(self, purpose: Purpose, message: Message, *, number: int = 0) -> None:
        topic = self._parts.topics.full(message.topic)
        try:
            mid = self._connection.publish(topic, message, expires_in_s=message.expiry_s)
        except ValueError:  # a topic that MQTT forbids; it would come back for ever
            self._parts.outbox.refuse(number, message, "invalid_topic")
            return
        self._window.add(mid, Sent(purpose, message, number, self._parts.time.monotonic_s()))

    def _publish_live(self, message: Message) -> None:
        if self._fits(message):
            topic = self._parts.topics.full(message.topic)
            self._connection.publish(topic, message, expires_in_s=message.expiry_s)

    def _settle(self, answer: Acknowledged) -> None:
        sent = self._window.settle(answer.mid)
        if sent is None:  # QoS 0, which paho reports once the bytes are out
            return
        now = self._parts.time.monotonic_s()
        self._parts.memory.round_trips.add(now - sent.sent_at_s)
        if answer.trouble is not None:
            self._refused(sent, answer.trouble, now)
            return
        self._parts.memory.unanswered.pop(sent.message.topic, None)
        if sent.message.delivery is Delivery.LATEST and sent.purpose is Purpose.STORED:
            self._parts.memory.remember(replace(sent.message, expiry_s=None))
        if sent.number:
            self._parts.outbox.ack(sent.number)
            self._parts.memory.refusals.pop(sent.number, None)
            self._parts.memory.complaint = None

    def _refused(self, sent: Sent, trouble: Trouble, now: float) -> None:
        """Note a refusal; a stored message is tried again later, and in the end given up."""
        memory = self._parts.memory
        memory.complaint = Trouble(trouble.cause, f"{sent.message.topic}: {trouble.text}")
        if not sent.number:
            return
        before = memory.refusals.pop(sent.number, None)
        count = 1 if before is None else before.count + 1
        if count >= self._settings.refused_limit:
            self._parts.outbox.refuse(sent.number, sent.message, "refused")
        else:
            memory.refusals[sent.number] = Refusal(count, now + self._settings.refused_retry_s)

    def _rewind_for_refused(self, now: float) -> None:
        """Look at the outbox from its beginning once a refused message may be sent again."""
        refusals = self._parts.memory.refusals
        due = [number for number, refusal in refusals.items() if refusal.retry_at_s <= now]
        if any(number <= max(self._after.values()) for number in due):
            under_way = self._window.numbers()
            if not under_way.issuperset(due):
                self._after = dict.fromkeys(self._after, 0)

    def _check_deadlines(self) -> None:
        now = self._parts.time.monotonic_s()
        self._rewind_for_refused(now)
        if self._parts.outbox.has_overdue():
            self._after[Delivery.ALL] = 0
        waiting_since_s = self._window.oldest_s()
        if self.phase in {Phase.CONNECTING, Phase.SUBSCRIBING}:
            waiting_since_s = self._phase_since_s
        limit_s = self._settings.answer_deadline_s
        if self.phase is Phase.DYING:
            limit_s = self._settings.death_deadline_s
            waiting_since_s = self._phase_since_s
        if waiting_since_s is not None and now - waiting_since_s > limit_s:
            self._fail(Trouble(Cause.NOT_ACKNOWLEDGED, f"no answer within {limit_s:g} s"))

    def _fail(self, trouble: Trouble) -> None:
        if self.phase is not Phase.ENDED:
            self.trouble = trouble
            self._enter(Phase.ENDED)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._phase_since_s = self._parts.time.monotonic_s()

    def _phase_age_s(self) -> float:
        return self._parts.time.monotonic_s() - self._phase_since_s

    def _may_send(self) -> bool:
        return self._window.room() > 0 and not self._connection.is_backed_up()

    def _fits(self, message: Message) -> bool:
        size = len(message.payload) + len(self._parts.topics.full(message.topic))
        return size + PROPERTIES_BYTES <= self._max_packet_bytes


def _status_message(text: str) -> Message:
    return Message(topics.STATUS, text.encode(), Delivery.LATEST, retain=True)
