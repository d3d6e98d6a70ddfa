"""A session with its outbox on a thread, as the supervisor would run it."""

import random
import threading
from dataclasses import replace
from pathlib import Path

from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.backoff import BackoffSettings
from edge_runtime.mqtt.connection import BrokerSettings, TlsSettings, Will
from edge_runtime.mqtt.events import Incoming
from edge_runtime.mqtt.exchange_parts import ExchangeSettings, Hooks, Parts
from edge_runtime.mqtt.mailbox import Mailbox, Memory
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.mqtt.session import Session, SessionSettings, SessionState
from edge_runtime.mqtt.topics import Topics
from edge_runtime.records import Delivery, Message
from edge_runtime.supervisor.watchdog import Loop
from tests.broker.mosquitto import eventually

BOOT = "b00t"
TOPICS = Topics("test", "pi-1")


class Rig:
    """Session, outbox and hooks; `kill` drops the socket as a crash would."""

    def __init__(
        self, path: Path, port: int, *, protocol: str = "auto", host: str = "127.0.0.1",
        will_delay_s: int = 0, username: str | None = None, password: str | None = None,
        tls: TlsSettings | None = None, slow_retry_s: float = 60.0,
        exchange: ExchangeSettings | None = None,
    ) -> None:  # fmt: skip
        time = TimeSource()
        self.outbox = Outbox(OutboxSettings(path, max_loss_window_s=0.0), time, BOOT)
        self.commands: list[Incoming] = []
        self.status_text = "online"
        self.changes = 0
        self.births = (
            Message("info", b'{"schema":"edge.info/1"}', Delivery.LATEST, retain=True),
            Message("p/door/source", b"online", Delivery.LATEST, retain=True),
        )
        hooks = Hooks(
            birth=lambda: self.births,
            status=lambda: self.status_text,
            on_command=self.commands.append,
            on_change=self._count_change,
        )
        parts = Parts(TOPICS, self.outbox, Mailbox(), Memory(), hooks, time)
        broker = BrokerSettings(
            host=host, port=port, client_id=TOPICS.device,
            will=lambda: Will(TOPICS.full("status"), b"offline", retain=True, boot=BOOT),
            will_delay_s=will_delay_s, username=username, tls=tls, connect_timeout_s=3.0,
            password=None if password is None else lambda: password,
        )  # fmt: skip
        settings = SessionSettings(
            broker,
            exchange=exchange or ExchangeSettings(answer_deadline_s=5.0),
            protocol=protocol,
            backoff=BackoffSettings(first_s=0.05, max_s=0.2),
            slow_retry_s=slow_retry_s,
        )
        self.loop = Loop("mqtt", time.monotonic_s)
        self.session = Session(settings, parts, random.Random(1), self.loop)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.session.run, args=(self._stop,), name="mqtt")

    def start(self) -> "Rig":
        self._thread.start()
        return self

    def wait_online(self) -> "Rig":
        self.wait_state(SessionState.ONLINE)
        return self

    def wait_state(self, state: SessionState) -> None:
        eventually(lambda: self.session.status().state is state, f"{self.session.status()}")

    def put(self, number: int, topic: str = "p/door/event", **changes: object) -> None:
        message = Message(
            topic, b"%d" % number, Delivery.ALL,
            properties=(("schema", "edge.event/1"), ("boot", BOOT), ("seq", str(number))),
        )  # fmt: skip
        self.outbox.put(replace(message, **changes))
        self.outbox.commit_if_due()
        self.session.wake()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._stop.set()
            self.session.wake()
            self._thread.join(15)
            assert not self._thread.is_alive()
            self.session.close()
            self.outbox.close()

    def _count_change(self) -> None:
        self.changes += 1
