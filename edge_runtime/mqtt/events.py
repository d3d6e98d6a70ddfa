"""What happens on a connection to the broker, as values."""

from dataclasses import dataclass
from typing import TypeAlias

from edge_runtime.mqtt.causes import Trouble


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted us, with its limits."""

    receive_maximum: int
    max_packet_bytes: int


@dataclass(frozen=True, slots=True)
class WrongProtocol:
    """The broker does not speak the version that we tried."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker answered a subscription; `trouble` where it refused."""

    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker answered the publication `mid`; `trouble` where it refused."""

    mid: int
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message for us."""

    topic: str
    payload: bytes
    is_retained: bool
    response_topic: str | None
    correlation: bytes | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is gone."""

    trouble: Trouble


Event: TypeAlias = Connected | WrongProtocol | Subscribed | Acknowledged | Incoming | Closed
