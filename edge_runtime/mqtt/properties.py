"""The properties of MQTT 5 that we send, as paho takes them."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_runtime.records import Message

MAX_INCOMING_BYTES = 16 << 10  # commands are small; the broker keeps larger ones from us
MAX_INCOMING_IN_FLIGHT = 16
_UTF8 = 1


def connect_properties(session_expiry_s: int) -> Properties:
    """Return how long the broker keeps our session, and what it may send us."""
    properties = _empty(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = session_expiry_s
    properties.ReceiveMaximum = MAX_INCOMING_IN_FLIGHT
    properties.MaximumPacketSize = MAX_INCOMING_BYTES
    return properties


def will_properties(delay_s: int, boot: str | None) -> Properties:
    """Return when the broker publishes the will, and of a text whose it is."""
    properties = _empty(PacketTypes.WILLMESSAGE)
    properties.WillDelayInterval = delay_s
    if boot is not None:
        properties.PayloadFormatIndicator = _UTF8
        properties.ContentType = "text/plain"
        properties.UserProperty = [("boot", boot)]
    return properties


def publish_properties(
    message: Message, expires_in_s: int | None, correlation: bytes | None
) -> Properties:
    """Return type, expiry, correlation and user properties of a message."""
    properties = _empty(PacketTypes.PUBLISH)
    properties.PayloadFormatIndicator = _UTF8
    is_json = message.payload[:1] == b"{"
    properties.ContentType = "application/json" if is_json else "text/plain"
    if expires_in_s is not None:
        properties.MessageExpiryInterval = expires_in_s
    if correlation is not None:
        properties.CorrelationData = correlation
    if message.properties:
        properties.UserProperty = list(message.properties)
    return properties


def disconnect_properties() -> Properties:
    """Return that the broker's session ends with the connection: nothing is kept for us."""
    properties = _empty(PacketTypes.DISCONNECT)
    properties.SessionExpiryInterval = 0
    return properties


def _empty(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho's class has no annotations
