"""A daemon on a link to a broker, with a consumer on the broker: where faults are put in."""

import contextlib
from pathlib import Path
from typing import Self

from edge_runtime.supervisor.health import Health, decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.ledger_consumer import LedgerConsumer
from tests.broker.link import Link
from tests.broker.mosquitto import Mosquitto, eventually

HEALTH_INTERVAL_S = 1.0
SETTLE_S = 90.0  # a shared machine takes its time; what is judged is judged in messages
MQTT = "puback_timeout_s = 2\nkeep_alive_s = 5\n"


class Stand:
    """Broker, link, consumer and daemon; closed as a whole.

    Attributes:
        directory: Of the daemon: bundle, configuration, state.
    """

    def __init__(self, directory: Path, *, mqtt: str = MQTT, **daemon: object) -> None:
        self.directory = directory / "daemon"
        self.broker = Mosquitto(directory)
        self.link = Link(self.broker.port)
        self.daemon = DaemonProcess(self.directory, self.link.port, mqtt=mqtt, **daemon)
        self._directory = directory
        self._consumer: LedgerConsumer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.close()
        self.link.close()
        if self._consumer is not None:
            self._consumer.close()
        self.broker.kill()

    @property
    def consumer(self) -> LedgerConsumer:
        assert self._consumer is not None
        return self._consumer

    def start_broker(self) -> None:
        self.broker.start()
        if self._consumer is None:
            self._consumer = LedgerConsumer(self.broker.port)

    def start(self) -> Self:
        self.start_broker()
        self.daemon.start().wait_ready()
        self.wait_for_events(20)
        return self

    def restart(self) -> None:
        """Start a daemon that was killed or stopped, as systemd would."""
        self.daemon.forget_broken_starts()
        self.daemon.notified.clear()
        self.daemon.start().wait_ready()

    def events(self) -> int:
        return self.consumer.total("/event")

    def wait_for_events(self, more: int) -> None:
        before = self.events()
        eventually(lambda: self.events() >= before + more, f"{more} more events", SETTLE_S)

    def healths(self) -> list[Health]:
        return [decode_health(text.encode()) for text in self.consumer.texts("/health")]

    def wait_for_health(self, more: int) -> list[Health]:
        """Return what health said from now on, at least `more` times."""
        before = len(self.consumer.texts("/health"))
        eventually(lambda: len(self.consumer.texts("/health")) >= before + more, "health", SETTLE_S)
        return self.healths()[before:]

    def settle(self, within_s: float = SETTLE_S) -> Health:
        """Wait until all is well and what waited is delivered; return the health that says so."""
        eventually(self._is_settled, f"settled; last {self.healths()[-1:]}", within_s)
        return self.healths()[-1]

    def _is_settled(self) -> bool:
        with contextlib.suppress(IndexError):
            newest = self.wait_for_health(1)[-1]
            is_drained = newest.mqtt.outbox.waiting <= 2 * newest.pipelines[0].fps_infer + 5
            return newest.status == "online" and is_drained
        return False
