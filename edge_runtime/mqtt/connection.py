"""One network connection to the broker: bytes in and out, answers as values.

paho is the transport and nothing more: it has no thread, no queue and no reconnect here, and a
fresh client is made for every connection. Its callbacks only note what came.
"""

import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_runtime.errors import SessionError
from edge_runtime.mqtt.causes import UNSUPPORTED_PROTOCOL, Cause, Trouble, trouble_of_reason
from edge_runtime.mqtt.events import (
    Acknowledged,
    Closed,
    Connected,
    Event,
    Incoming,
    Subscribed,
    WrongProtocol,
)
from edge_runtime.mqtt.properties import (
    connect_properties,
    disconnect_properties,
    publish_properties,
    will_properties,
)
from edge_runtime.records import Delivery, Message

_FAILURE = 0x80
_KEEP_ALIVE_TIMEOUT = 0x8D


class Protocol(StrEnum):
    """The version of MQTT that a connection speaks."""

    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM; the system's authorities where `ca` is None."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we vanish, QoS 1.

    Attributes:
        topic: The whole name.
        boot: In the properties of a will that is text, so that a late one is told from a new
            session's; None: bytes, without properties.
        after_goodbye: It is also sent after our DISCONNECT, where the protocol has a word for that.
    """

    topic: str
    payload: bytes
    retain: bool = False
    boot: str | None = None
    after_goodbye: bool = False


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is and who we are to it.

    Attributes:
        will: Makes the will of the connection that is about to be made.
        session_expiry_s: How long the broker keeps our session; 0: it begins anew every time.
        password: Reads the password anew at every connection, so that it can be changed.
    """

    host: str
    port: int
    client_id: str
    will: Callable[[], Will] | None = None
    keep_alive_s: int = 30
    will_delay_s: int = 15
    session_expiry_s: int = 3600
    connect_timeout_s: float = 10.0
    username: str | None = None
    password: Callable[[], str] | None = None
    tls: TlsSettings | None = None


def make_tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context that verifies the broker's chain and name; there is no other kind here.

    Raises:
        SessionError: A file is missing or no PEM.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.cert is not None:
            context.load_cert_chain(settings.cert, settings.key)
    except OSError as error:
        files = ", ".join(str(path) for path in (settings.ca, settings.cert, settings.key) if path)
        raise SessionError(f"tls: {files}: {error.strerror or error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Transport(Client):
    """paho's client on a socket that we connect: its own leaves one open when TLS fails."""

    def __init__(self, connect: Callable[[], socket.socket], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connect = connect

    def _create_socket(self) -> socket.socket:
        return self._connect()


class Connection:
    """One connection, used by one thread."""

    def __init__(self, settings: BrokerSettings, protocol: Protocol) -> None:
        self._settings = settings
        self._protocol = protocol
        self._events: list[Event] = []
        self._client = self._make_client()
        self._will: Will | None = None

    def open(self) -> None:
        """Connect, shake hands and send CONNECT; blocks for at most the connect timeout.

        Raises:
            OSError: Unreachable, or TLS failed (ssl.SSLError).
            SessionError: The password or a certificate cannot be read.
        """
        client, settings = self._client, self._settings
        if settings.username is not None:
            password = settings.password() if settings.password is not None else None
            client.username_pw_set(settings.username, password)
        if self._protocol is Protocol.V5:
            properties = connect_properties(settings.session_expiry_s)
            client.connect(
                settings.host,
                settings.port,
                settings.keep_alive_s,
                # A clean start ends the old session now, and its will is sent.
                clean_start=settings.session_expiry_s == 0,
                properties=properties,
            )
        else:
            client.connect(settings.host, settings.port, settings.keep_alive_s)

    def turn(self, timeout_s: float, wake: socket.socket) -> list[Event]:
        """Move bytes until something comes, `wake` is readable or the time is over."""
        sock = self._client.socket()
        if sock is not None:
            self._move(sock, timeout_s, wake)
        events, self._events = self._events, []
        if self._client.socket() is None and not any(isinstance(e, Closed) for e in events):
            events.append(Closed(Trouble(Cause.LOST, "connection closed")))
        return events

    def subscribe(self, *filters: str) -> None:
        """Ask for messages, QoS 1, without retained ones and without our own; one answer comes."""
        if self._protocol is Protocol.V5:
            options = SubscribeOptions(
                qos=1,
                noLocal=True,
                retainAsPublished=True,
                retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND,
            )
            self._client.subscribe([(name, options) for name in filters])
        else:
            self._client.subscribe([(name, 1) for name in filters])

    def publish(
        self, topic: str, message: Message, *, expires_in_s: int | None = None,
        correlation: bytes | None = None,
    ) -> int:  # fmt: skip
        """Send a message to a whole topic name; return the number that its PUBACK will carry."""
        properties = None
        if self._protocol is Protocol.V5:
            properties = publish_properties(message, expires_in_s, correlation)
        info = self._client.publish(
            topic, message.payload, qos_of(message), message.retain, properties
        )
        return info.mid

    def publish_bytes(self, topic: str, payload: bytes, *, qos: int) -> int:
        """Send bytes that are neither text nor JSON; return the number that its answer carries.

        At QoS 0 that comes as soon as the bytes are out.
        """
        return self._client.publish(topic, payload, qos).mid

    def is_backed_up(self) -> bool:
        """Return whether bytes wait for the network; then nothing more should be handed over."""
        return bool(self._client.want_write())

    def disconnect(self, *, wake: socket.socket, timeout_s: float) -> None:
        """Say good-bye, which discards a will that is not meant for it, and end the session."""
        if self._protocol is Protocol.V5:
            keeps_will = self._will is not None and self._will.after_goodbye
            name = "Disconnect with will message" if keeps_will else "Normal disconnection"
            reason = ReasonCode(PacketTypes.DISCONNECT, name)
            self._client.disconnect(reason, disconnect_properties())
        else:
            self._client.disconnect()
        if self._client.want_write():
            self.turn(timeout_s, wake)

    def close(self) -> None:
        """Drop the connection as it is; the broker will send the will."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            sock.close()

    def _move(self, sock: Any, timeout_s: float, wake: socket.socket) -> None:
        is_buffered = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        writers = [sock] if self._client.want_write() else []
        readable, writable, _ = select.select(
            [sock, wake], writers, [], 0.0 if is_buffered or self._events else timeout_s
        )
        if wake in readable:
            _drain(wake)
        try:
            if sock in readable or is_buffered:
                self._client.loop_read()
            if writable:
                self._client.loop_write()
            self._client.loop_misc()
        except (OSError, ValueError) as error:  # what paho lets through of a malformed packet
            self._events.append(Closed(Trouble(Cause.PROTOCOL, str(error))))

    def _reach(self) -> socket.socket:
        """Return the socket, with the will that goes into the CONNECT on it.

        Made only now: a will may be counted, and no CONNECT goes out while nobody listens.
        """
        sock = self._connect()
        if self._settings.will is not None:
            self._set_will(self._settings.will())
        return sock

    def _connect(self) -> socket.socket:
        """Return a connected socket, with TLS where it is wanted; nothing stays open on failure."""
        settings = self._settings
        context = None if settings.tls is None else make_tls_context(settings.tls)
        address = (settings.host, settings.port)
        plain = socket.create_connection(address, settings.connect_timeout_s)
        # Or a small packet waits for the acknowledgement of the one before: 40 ms a PUBACK.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            return plain
        try:
            return context.wrap_socket(plain, server_hostname=settings.host)
        except BaseException:
            plain.close()
            raise

    def _make_client(self) -> Client:
        is_v5 = self._protocol is Protocol.V5
        client = _Transport(
            self._reach,
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            # 3.1.1 has no expiry: a session would keep old commands for us for ever.
            clean_session=None if is_v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.suppress_exceptions = True
        client.max_inflight_messages_set(0)  # the window is ours
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _set_will(self, will: Will) -> None:
        self._will = will
        properties = None
        if self._protocol is Protocol.V5:
            properties = will_properties(self._settings.will_delay_s, will.boot)
        self._client.will_set(will.topic, will.payload, 1, will.retain, properties)

    def _on_connect(
        self, client: Client, userdata: object, flags: object, reason: ReasonCode,
        limits: Properties | None,
    ) -> None:  # fmt: skip
        del client, userdata, flags
        if not reason.is_failure:
            receive = int(getattr(limits, "ReceiveMaximum", 65_535))
            packet = int(getattr(limits, "MaximumPacketSize", 268_435_455))
            self._events.append(Connected(receive, packet))
        elif reason.value == UNSUPPORTED_PROTOCOL:
            self._events.append(WrongProtocol())
        else:
            self._events.append(Closed(trouble_of_reason(reason.value, str(reason))))

    def _on_subscribe(
        self, client: Client, userdata: object, mid: int, reasons: list[ReasonCode],
        _: Properties | None,
    ) -> None:  # fmt: skip
        del client, userdata, mid
        refused = next((r for r in reasons if r.value >= _FAILURE), None)
        trouble = None if refused is None else trouble_of_reason(refused.value, str(refused))
        self._events.append(Subscribed(trouble))

    def _on_publish(
        self, client: Client, userdata: object, mid: int, reason: ReasonCode,
        _: Properties | None,
    ) -> None:  # fmt: skip
        del client, userdata
        trouble = trouble_of_reason(reason.value, str(reason)) if reason.is_failure else None
        self._events.append(Acknowledged(mid, trouble))

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        properties = message.properties
        self._events.append(
            Incoming(
                topic=message.topic,
                payload=bytes(message.payload),
                is_retained=message.retain,
                response_topic=getattr(properties, "ResponseTopic", None),
                correlation=getattr(properties, "CorrelationData", None),
            )
        )

    def _on_disconnect(
        self, client: Client, userdata: object, flags: DisconnectFlags, reason: ReasonCode,
        _: Properties | None,
    ) -> None:  # fmt: skip
        del client, userdata
        trouble = Trouble(Cause.LOST, str(reason))
        if flags.is_disconnect_packet_from_server:
            trouble = trouble_of_reason(reason.value, str(reason))
        elif reason.value == _KEEP_ALIVE_TIMEOUT:
            trouble = Trouble(Cause.LOST, "the broker is silent")
        self._events.append(Closed(trouble))


def qos_of(message: Message) -> int:
    """Return MQTT's word for a delivery class: 0 for LIVE, 1 for what must arrive."""
    return 0 if message.delivery is Delivery.LIVE else 1


def _drain(wake: socket.socket) -> None:
    try:
        while wake.recv(4096):
            pass
    except BlockingIOError:
        pass
