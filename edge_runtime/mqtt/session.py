"""The session with the broker: connects, is born, delivers, dies in good order, starts again."""

import contextlib
import logging
import random
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, TypeAlias

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.mqtt.backoff import Backoff, BackoffSettings
from edge_runtime.mqtt.causes import Cause, Trouble, trouble_of_error
from edge_runtime.mqtt.connection import BrokerSettings, Connection, Protocol
from edge_runtime.mqtt.exchange import Exchange
from edge_runtime.mqtt.exchange_parts import Conversation, ExchangeSettings, Parts
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.records import Message
from edge_runtime.supervisor.watchdog import Loop

logger = logging.getLogger(__name__)

TURN_S = 1.0
CONNECT_MAY_TAKE_S = 120.0  # resolving a name blocks for as long as the resolver likes
TURN_MAY_TAKE_S = 20.0
SILENT_REFUSALS_LIMIT = 2
MAX_CONNECTIONS_COUNTED = 1000
_HOUR_S = 3600.0

ProtocolChoice: TypeAlias = Literal["auto", "5", "3.1.1"]
Converse: TypeAlias = Callable[[Connection, ExchangeSettings, Parts], Conversation]


class SessionState(StrEnum):
    """How it stands with the broker; shown in health."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How to behave.

    Attributes:
        name: In the log.
        protocol: "auto" tries MQTT 5, and 3.1.1 where the broker refuses it.
        slow_retry_s: Least pause after a refusal that a person has to cure.
    """

    broker: BrokerSettings
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    protocol: ProtocolChoice = "auto"
    backoff: BackoffSettings = field(default_factory=BackoffSettings)
    slow_retry_s: float = 60.0
    name: str = "broker"


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A snapshot for health.

    Attributes:
        trouble: Why it is not online, or what the broker refuses although it is.
        reconnects_1h: Connections made in the last hour, less the first of this process.
        live_dropped: LIVE messages that were never sent, by reason ("offline", "slow_link").
    """

    state: SessionState
    trouble: Trouble | None
    protocol: str
    connections: int
    reconnects_1h: int
    takeovers: int
    live_dropped: Counter[str]
    puback_p50_ms: float | None
    puback_p99_ms: float | None


class Session:
    """Owns the connection; `run` is the body of one thread, the rest may be called from others.

    What is said on it, `converse` says: one conversation for each connection.
    """

    def __init__(
        self, settings: SessionSettings, parts: Parts, rng: random.Random, loop: Loop,
        converse: Converse = Exchange,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._parts = parts
        self._time = parts.time
        self._rng = rng
        self._loop = loop
        self._converse = converse
        self._backoff = Backoff(settings.backoff, rng)
        self._protocol = Protocol.V5 if settings.protocol == "auto" else Protocol(settings.protocol)
        self._silent_refusals = 0
        self._fell_back_silently = False
        self._lock = threading.Lock()
        self._state = SessionState.CONNECTING
        self._trouble: Trouble | None = None
        self._connected_at_s: deque[float] = deque(maxlen=MAX_CONNECTIONS_COUNTED)
        self._connections = 0
        self._takeovers = 0
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)

    def run(self, stop: threading.Event) -> None:
        """Keep a connection until `stop` is set; then die in good order and return."""
        while not stop.is_set():
            self._set_state(SessionState.CONNECTING, self._trouble)
            trouble = self._attempt(stop)
            if trouble is not None and not stop.is_set():
                self._pause(trouble, stop)
        self._loop.rest()
        self._set_state(SessionState.STOPPED, None)

    def close(self) -> None:
        """Release what wakes the thread; call it after `run` has returned."""
        self._wake_reader.close()
        self._wake_writer.close()

    def wake(self) -> None:
        """Have the thread look at the outbox, the status and `stop` now."""
        with contextlib.suppress(BlockingIOError):  # full of wake-ups: it is awake already
            self._wake_writer.send(b"\0")

    def publish_live(self, message: Message) -> None:
        """Send a LIVE message now or never: without a connection it is dropped and counted."""
        if self._parts.mailbox.put_live(message):
            self.wake()

    def reply(self, reply: Reply) -> None:
        """Send the answer to a command, QoS 1, as long as this connection lasts."""
        self._parts.mailbox.put_reply(reply)
        self.wake()

    def status(self) -> SessionStatus:
        """Return the numbers for health."""
        now = self._time.monotonic_s()
        round_trips = self._parts.memory.round_trips
        with self._lock:
            recent = sum(1 for at in self._connected_at_s if now - at < _HOUR_S)
            holds_first = recent == self._connections
            return SessionStatus(
                state=self._state,
                trouble=self._trouble,
                protocol=self._protocol.value,
                connections=self._connections,
                reconnects_1h=max(0, recent - holds_first),
                takeovers=self._takeovers,
                live_dropped=self._parts.mailbox.dropped(),
                puback_p50_ms=round_trips.percentile_ms(0.5),
                puback_p99_ms=round_trips.percentile_ms(0.99),
            )

    def _attempt(self, stop: threading.Event) -> Trouble | None:
        """Return why the connection ended, None where another protocol is to be tried at once."""
        self._loop.beat(CONNECT_MAY_TAKE_S)
        connection = Connection(self._settings.broker, self._protocol)
        try:
            connection.open()
            return self._serve(connection, stop)
        except (OSError, ValueError, EdgeRuntimeError) as error:
            if isinstance(error, EdgeRuntimeError):
                return Trouble(Cause.CREDENTIALS, str(error))
            return trouble_of_error(error)
        finally:
            connection.close()
            self._parts.mailbox.shut()

    def _serve(self, connection: Connection, stop: threading.Event) -> Trouble | None:
        delay_s = self._rng.uniform(0.0, self._settings.exchange.drain_delay_s)
        settings = replace(self._settings.exchange, drain_delay_s=delay_s)
        exchange = self._converse(connection, settings, self._parts)
        while not exchange.is_over:
            self._loop.beat(TURN_MAY_TAKE_S)
            if stop.is_set():
                exchange.begin_stop()
            exchange.turn(TURN_S, self._wake_reader)
            self._note(exchange)
        if exchange.wants_other_protocol and self._settings.protocol == "auto":
            self._fall_back()
            return None
        return self._judge(exchange)

    def _note(self, exchange: Conversation) -> None:
        if not exchange.is_born:
            return
        if self._state is not SessionState.ONLINE:
            now = self._time.monotonic_s()
            self._backoff.succeeded(now)
            self._silent_refusals = 0
            self._parts.mailbox.open()
            with self._lock:
                self._connections += 1
                self._connected_at_s.append(now)
        self._set_state(SessionState.ONLINE, exchange.complaint)

    def _judge(self, exchange: Conversation) -> Trouble | None:
        """Return the trouble; a broker that hangs up on CONNECT twice may not know MQTT 5.

        It may as well have been the link, or a broker that was starting: after each connection that
        followed such a silence MQTT 5 is asked for once again.
        """
        if self._settings.protocol != "auto":
            return exchange.trouble
        if not exchange.was_answered:
            self._silent_refusals += 1
        elif self._fell_back_silently:
            self._fell_back_silently = False
            self._protocol, self._silent_refusals = Protocol.V5, SILENT_REFUSALS_LIMIT - 1
        if self._silent_refusals >= SILENT_REFUSALS_LIMIT:
            self._silent_refusals = 0
            self._fell_back_silently = self._protocol is Protocol.V5
            self._fall_back()
        return exchange.trouble

    def _fall_back(self) -> None:
        other = Protocol.V311 if self._protocol is Protocol.V5 else Protocol.V5
        logger.warning(
            "%s: MQTT %s is refused: trying %s",
            self._settings.name, self._protocol.value, other.value,
        )  # fmt: skip
        self._protocol = other

    def _pause(self, trouble: Trouble, stop: threading.Event) -> None:
        pause_s = self._backoff.failed(self._time.monotonic_s())
        if trouble.cause.needs_a_person:
            pause_s = max(pause_s, self._settings.slow_retry_s * self._rng.uniform(1.0, 1.5))
        with self._lock:
            self._takeovers += trouble.cause is Cause.TAKEN_OVER
        refused = trouble.cause.needs_a_person
        self._set_state(SessionState.REFUSED if refused else SessionState.WAITING, trouble)
        until_s = self._time.monotonic_s() + pause_s
        while not stop.is_set() and (left_s := until_s - self._time.monotonic_s()) > 0:
            self._loop.beat(TURN_MAY_TAKE_S)
            stop.wait(min(left_s, TURN_S))

    def _set_state(self, state: SessionState, trouble: Trouble | None) -> None:
        """Take over the state; log each loss once and each return once."""
        with self._lock:
            was, before = self._state, self._trouble
            self._state, self._trouble = state, trouble
        if (state, trouble) == (was, before):
            return
        if state is SessionState.ONLINE and was is not SessionState.ONLINE:
            logger.info("%s: online (MQTT %s)", self._settings.name, self._protocol.value)
        if trouble is not None and trouble != before:
            name = self._settings.name
            logger.warning("%s: %s: %s", name, trouble.cause.value, trouble.text)
        if trouble != before or SessionState.ONLINE in {state, was}:
            self._parts.hooks.on_change()
