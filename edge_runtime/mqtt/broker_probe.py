"""Connects to the broker once, under another client id, to see whether it would take us."""

import socket
import time
from pathlib import Path

from edge_runtime.config.loading import read_secret
from edge_runtime.config.structs import MqttConfig
from edge_runtime.diagnosis.findings import Finding, Level
from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.mqtt.causes import Cause, Trouble, trouble_of_error
from edge_runtime.mqtt.connection import BrokerSettings, Connection, Protocol, TlsSettings
from edge_runtime.mqtt.events import Closed, Connected, WrongProtocol

PROBE_S = 5.0
_REMEDIES = {
    Cause.UNREACHABLE: "is the broker running, and the port open? the daemon starts anyway",
    Cause.CREDENTIALS: "look at mqtt.username and mqtt.password_file",
    Cause.NOT_AUTHORISED: "the broker's access rules refuse this user",
    Cause.TLS_EXPIRED: "the broker's certificate has to be renewed (or this clock set)",
    Cause.TLS_WRONG_HOST: "mqtt.host must be a name in the broker's certificate",
    Cause.TLS_UNKNOWN_ISSUER: "set mqtt.tls.ca to the authority that signed it",
}


def probe_broker(mqtt: MqttConfig) -> Finding:
    """Return whether the broker takes us; it is left at once and hears nothing from us."""
    where = f"mqtt {mqtt.host}:{mqtt.effective_port}"
    protocols = tuple(Protocol) if mqtt.protocol == "auto" else (Protocol(mqtt.protocol),)
    trouble = Trouble(Cause.PROTOCOL, "speaks neither MQTT 5 nor 3.1.1")
    for protocol in protocols:
        answer = _try(mqtt, protocol)
        if answer is None:
            return Finding(Level.OK, where, f"takes us, MQTT {protocol.value}")
        trouble = answer
        if trouble.cause is not Cause.PROTOCOL:
            break
    remedy = _REMEDIES.get(trouble.cause, "")
    return Finding(Level.ERROR, where, f"{trouble.cause.value}: {trouble.text}", remedy)


def _try(mqtt: MqttConfig, protocol: Protocol) -> Trouble | None:
    connection = Connection(_settings(mqtt), protocol)
    try:
        connection.open()
        return _await_answer(connection)
    except EdgeRuntimeError as error:
        return Trouble(Cause.CREDENTIALS, str(error))
    except (OSError, ValueError) as error:
        return trouble_of_error(error)
    finally:
        connection.close()


def _await_answer(connection: Connection) -> Trouble | None:
    reader, writer = socket.socketpair()
    until_s = time.monotonic() + PROBE_S
    with reader, writer:
        while time.monotonic() < until_s:
            for event in connection.turn(0.2, reader):
                if isinstance(event, Connected):
                    connection.disconnect(wake=reader, timeout_s=1.0)
                    return None
                if isinstance(event, WrongProtocol):
                    return Trouble(Cause.PROTOCOL, "another version of MQTT")
                if isinstance(event, Closed):
                    return event.trouble
    return Trouble(Cause.NOT_ACKNOWLEDGED, f"no answer within {PROBE_S:g} s")


def _settings(mqtt: MqttConfig) -> BrokerSettings:
    tls, password = mqtt.tls, mqtt.password_file
    files = None
    if tls is not None:
        files = TlsSettings(*(None if f is None else Path(f) for f in (tls.ca, tls.cert, tls.key)))
    return BrokerSettings(
        host=mqtt.host or "",
        port=mqtt.effective_port,
        client_id="",  # the broker makes one up; the device's own session stays untouched
        session_expiry_s=0,
        connect_timeout_s=PROBE_S,
        username=mqtt.username,
        password=None if password is None else lambda: read_secret(Path(password)),
        tls=files,
    )
