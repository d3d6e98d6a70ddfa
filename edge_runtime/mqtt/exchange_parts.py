"""What a conversation with the broker works with: its limits, and whom it asks."""

from collections.abc import Callable
from dataclasses import dataclass
from socket import socket
from typing import Protocol

from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.causes import Trouble
from edge_runtime.mqtt.events import Incoming
from edge_runtime.mqtt.mailbox import Mailbox, Memory
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.topics import Topics
from edge_runtime.records import Message


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """Limits of one connection.

    Attributes:
        window: Most publications in flight; the broker's own limit counts too.
        answer_deadline_s: Without CONNACK, SUBACK or PUBACK for so long the connection is dead.
        drain_s: How long a stop waits for the outbox to empty.
        death_deadline_s: How long it then waits for the PUBACK of `stopped`.
        refused_retry_s: Pause before a publication that the broker refused is sent again.
        refused_limit: After so many refusals a stored message is dropped and counted.
        drain_rate_hz: Stored messages of class ALL sent a second, at most; 0: no limit.
        drain_delay_s: For so long after CONNACK none is sent.
        also_hears: Whole filters beside our own commands; they reach the same hook.
    """

    window: int = 20
    answer_deadline_s: float = 15.0
    drain_s: float = 2.0
    death_deadline_s: float = 3.0
    refused_retry_s: float = 60.0
    refused_limit: int = 3
    drain_rate_hz: float = 0.0
    drain_delay_s: float = 0.0
    also_hears: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the session asks of the supervisor; called in the session's thread, must not block.

    Attributes:
        birth: The `info` message and the present state of everything that has one.
        status: "online" or "degraded", now.
        on_command: A message below `cmd/` came, or one of what the settings say we also hear.
        on_change: The session's state changed.
    """

    birth: Callable[[], tuple[Message, ...]]
    status: Callable[[], str]
    on_command: Callable[[Incoming], None]
    on_change: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What an exchange works with, the same for every connection."""

    topics: Topics
    outbox: Outbox
    mailbox: Mailbox
    memory: Memory
    hooks: Hooks
    time: TimeSource


class Conversation(Protocol):
    """What is said on one connection, from CONNECT to its end.

    Attributes:
        trouble: Why it ended; None after an end in good order.
        wants_other_protocol: The broker said that it does not speak ours.
        was_answered: A CONNACK came, whatever it said.
    """

    trouble: Trouble | None
    wants_other_protocol: bool
    was_answered: bool

    @property
    def complaint(self) -> Trouble | None:
        """Return what the broker refuses although it took us."""

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will be said."""

    @property
    def is_born(self) -> bool:
        """Return whether others have been told that we are here."""

    def begin_stop(self) -> None:
        """Go on to the end in good order."""

    def turn(self, timeout_s: float, wake: socket) -> None:
        """Wait for at most `timeout_s`, handle what came, send what may be sent."""
