"""Where the supervisor's messages leave: now or never, or by way of the store."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.session import Session
from edge_runtime.records import Delivery, Message


@dataclass(frozen=True, slots=True)
class Outlet:
    """Used by the supervisor's thread.

    Attributes:
        also: Those who say the same in another tongue.
    """

    session: Session
    outbox: Outbox
    also: tuple[Callable[[Message], None], ...] = ()

    def publish(self, message: Message) -> None:
        """Hand a message on as its delivery class demands."""
        if message.delivery is Delivery.LIVE:
            self.session.publish_live(message)
        else:
            self.outbox.put(message)
        for hear in self.also:
            hear(message)
