"""Another device's topic: numbers from the JSON messages that it publishes."""

import os
import socket
from collections import deque
from pathlib import Path
from typing import assert_never

from edge_runtime.config.loading import read_secret
from edge_runtime.config.sensors import MqttSourceConfig
from edge_runtime.errors import ConfigError, FrameError, SessionError, SourceError
from edge_runtime.mqtt.connection import BrokerSettings, Connection, Protocol, TlsSettings
from edge_runtime.mqtt.events import (
    Acknowledged,
    Closed,
    Connected,
    Event,
    Incoming,
    Subscribed,
    WrongProtocol,
)
from edge_runtime.sources.fields import decode_json, pick
from edge_runtime.sources.pace import MOMENT_S
from edge_runtime.sources.protocol import Quiet, Refusal
from edge_runtime.sources.rows import Row, RowReading

MAX_PAYLOAD_BYTES = 1 << 16


class MqttReader:
    """A row for each JSON object that is published, or several for a list of objects.

    What the broker had retained before we came is of unknown age and is left out.
    """

    def __init__(self, config: MqttSourceConfig, fields: tuple[str, ...]) -> None:
        self._config = config
        self._fields = fields
        self._protocol = Protocol.V5
        self._connection: Connection | None = None
        self._rows: deque[RowReading] = deque()
        self._wakers: tuple[socket.socket, ...] = ()  # a connection's turn can be woken; no need

    def open(self) -> None:
        """Connect; the subscription follows when the broker has accepted us."""
        self.close()
        self._rows.clear()
        self._connection = Connection(self._settings(), self._protocol)
        self._wakers = socket.socketpair()
        self._wakers[0].setblocking(False)
        try:
            self._connection.open()
        except (OSError, SessionError, ConfigError) as error:
            self.close()
            raise SourceError(f"mqtt {self._place()}: {error}") from error

    def read(self) -> RowReading:
        """Return the next message's row.

        Raises:
            SourceError: The broker refuses us, or the connection is gone.
        """
        if not self._rows:
            assert self._connection is not None, "read before open"
            for event in self._connection.turn(MOMENT_S, self._wakers[0]):
                self._hear(event, self._connection)
        return self._rows.popleft() if self._rows else Quiet()

    def close(self) -> None:
        """Drop the connection; we leave no will and no session."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for waker in self._wakers:
            waker.close()
        self._wakers = ()

    def _hear(self, event: Event, connection: Connection) -> None:
        match event:
            case Connected():
                connection.subscribe(self._config.topic)
            case WrongProtocol():
                self._protocol = Protocol.V311
                raise SourceError(f"mqtt {self._place()}: MQTT 5 is not spoken, 3.1.1 is next")
            case Subscribed(None) | Acknowledged():
                pass
            case Subscribed(trouble) | Closed(trouble):
                raise SourceError(f"mqtt {self._place()}: {trouble.text if trouble else ''}")
            case Incoming():
                self._take(event)
            case _:
                assert_never(event)

    def _take(self, message: Incoming) -> None:
        if self._protocol is Protocol.V311 and message.is_retained:
            return
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            size = len(message.payload)
            self._rows.append(Refusal(f"payload of {size} bytes, allowed are {MAX_PAYLOAD_BYTES}"))
            return
        try:
            document = decode_json(message.payload)
        except FrameError as error:
            self._rows.append(Refusal(f"{message.topic}: {error}"))
            return
        for item in document if isinstance(document, list) else [document]:
            try:
                self._rows.append(Row(pick(item, self._fields)))
            except FrameError as error:
                self._rows.append(Refusal(f"{message.topic}: {error}"))

    def _settings(self) -> BrokerSettings:
        config = self._config
        tls, password = config.tls, config.password_file
        paths = None if tls is None else (tls.ca, tls.cert, tls.key)
        return BrokerSettings(
            host=config.host,
            port=config.effective_port,
            client_id=f"edge-source-{os.getpid()}-{id(self):x}"[:64],
            keep_alive_s=config.keep_alive_s,
            session_expiry_s=0,
            username=config.username,
            password=None if password is None else lambda: read_secret(Path(password)),
            tls=None if paths is None else TlsSettings(*(Path(p) if p else None for p in paths)),
        )

    def _place(self) -> str:
        return f"{self._config.host}:{self._config.effective_port}"
