"""A device as a broker sees it: CONNECT, then numbered events at QoS 1; no model, no thread."""

import json
import secrets
import socket
import struct
import time

_CONNACK, _PUBACK = 2, 4
KEEP_ALIVE_S = 600


class SimulatedDevice:
    """Speaks MQTT 3.1.1 by hand, for a thousand of them in one process.

    Attributes:
        sent: Events published, numbered from 0.
        unacknowledged: Packet ids that the broker has not acknowledged.
    """

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.sent = 0
        self.unacknowledged: set[int] = set()
        self.is_connected = False
        self._boot = secrets.token_hex(4)
        self._topic = f"edge/v1/test/{name}/p/door/event".encode()
        self._data = bytearray()
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.sendall(_connect(name.encode()))

    def publish(self) -> None:
        """Send the next event."""
        mid = self.sent % 65_535 + 1
        payload = json.dumps(self._event(), separators=(",", ":")).encode()
        body = struct.pack("!H", len(self._topic)) + self._topic + struct.pack("!H", mid) + payload
        self.unacknowledged.add(mid)
        self.sent += 1
        self.socket.sendall(b"\x32" + _length(len(body)) + body)

    def receive(self) -> None:
        """Take in CONNACK and PUBACKs; all that a broker sends here is four bytes long."""
        chunk = self.socket.recv(4096)
        if not chunk:
            raise ConnectionError(f"{self.name}: the broker hung up")
        self._data += chunk
        while len(self._data) >= 4:
            kind, mid = self._data[0] >> 4, int.from_bytes(self._data[2:4], "big")
            del self._data[:4]
            if kind == _CONNACK:
                self.is_connected = mid == 0
            elif kind == _PUBACK:
                self.unacknowledged.discard(mid)

    def _event(self) -> dict[str, object]:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        return {
            "schema": "edge.event/1", "boot": self._boot, "seq": self.sent, "ts": now,
            "clock": "synced", "id": secrets.token_hex(8), "kind": "measured",
            "model": {"name": "brightness", "version": 1, "digest": "sha256:" + "0" * 16},
            "result": {"class": "bright", "score": 0.97, "top": [["bright", 0.97], ["dark", 0.03]]},
            "age_ms": 12.3,
        }  # fmt: skip


def _connect(name: bytes) -> bytes:
    body = b"\0\4MQTT\4\2" + struct.pack("!HH", KEEP_ALIVE_S, len(name)) + name
    return b"\x10" + _length(len(body)) + body


def _length(size: int) -> bytes:
    """Return MQTT's variable byte integer."""
    found = bytearray()
    while True:
        size, digit = divmod(size, 128)
        found.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(found)
