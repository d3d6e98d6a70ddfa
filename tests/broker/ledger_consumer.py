"""A consumer that counts (boot, seq): what arrived, what came twice, and what is missing.

It speaks MQTT by hand, for a library that cannot write its PUBACK to a broker that was killed
throws away what it has not read yet, although the broker had acknowledged it to the publisher. This
one reads to the end first, and acknowledges only when there is nothing left to read.

As a program it prints its account as JSON, once a second:
    python -m tests.broker.ledger_consumer PORT [TOPIC_FILTER]
"""

import json
import select
import socket
import struct
import sys
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ = 1, 2, 3, 4, 8, 9, 12
KEEP_ALIVE_S = 30
QUIET_S = 0.05
TEXTS_KEPT = 5000  # of each topic that is no stream
STREAMS = ("/event", "/pred")
TO_THE_DEVICE = ("/cmd/", "/cfg/desired", "/ack")  # others may say there what they like


@dataclass
class Account:
    """What was heard of one (topic, boot); `altered` came again with another content."""

    first_seen: list[int] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    duplicates: int = 0
    altered: int = 0

    def note(self, sequence: int, payload: bytes) -> None:
        if sequence in self.seen:
            self.duplicates += 1
            self.altered += self.seen[sequence] != hash(payload)
        else:
            self.seen[sequence] = hash(payload)
            self.first_seen.append(sequence)

    @property
    def missing(self) -> list[int]:
        """Numbers below the greatest that never came."""
        return sorted(set(range(max(self.seen, default=-1) + 1)) - self.seen.keys())

    @property
    def is_in_order(self) -> bool:
        """Whether every number was first seen after all smaller ones."""
        return self.first_seen == sorted(self.first_seen)


class LedgerConsumer:
    """Listens on a thread, and keeps an account per topic and boot; its session is persistent.

    Attributes:
        garbled: Payloads that began as JSON and were none.
    """

    def __init__(self, port: int, topic: str = "edge/v1/#", client_id: str = "ledger") -> None:
        self._port, self._topic, self._client_id = port, topic, client_id
        self._lock = threading.Lock()
        self._accounts: dict[tuple[str, str], Account] = defaultdict(Account)
        self._texts: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=TEXTS_KEPT))
        self.garbled = 0
        self._is_closing = threading.Event()
        self._is_subscribed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()
        assert self._is_subscribed.wait(20)

    def accounts(self) -> dict[tuple[str, str], Account]:
        with self._lock:
            return dict(self._accounts)

    def texts(self, suffix: str) -> list[str]:
        with self._lock:
            return [text for name, all_ in self._texts.items() if name.endswith(suffix)
                    for text in all_]  # fmt: skip

    def total(self, suffix: str) -> int:
        """How many different messages came on topics with this ending."""
        found = self.accounts().items()
        return sum(len(account.seen) for (topic, _), account in found if topic.endswith(suffix))

    def close(self) -> None:
        self._is_closing.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._is_closing.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 2.0) as sock:
                    self._converse(sock)
            except OSError:
                self._is_closing.wait(0.05)

    def _converse(self, sock: socket.socket) -> None:
        sock.sendall(_connect(self._client_id))
        data, acks = bytearray(), bytearray()
        while not self._is_closing.is_set():
            readable, _, _ = select.select([sock], [], [], QUIET_S)
            if readable:
                chunk = sock.recv(65536)
                if not chunk:
                    return
                data += chunk
                for kind, flags, body in _packets(data):
                    self._take(sock, kind, flags, body, acks)
            elif acks:
                sock.sendall(acks)
                acks.clear()

    def _take(
        self, sock: socket.socket, kind: int, flags: int, body: bytes, acks: bytearray
    ) -> None:
        if kind == CONNACK:
            name = self._topic.encode()
            sock.sendall(_packet(SUBSCRIBE, 2, b"\0\1" + _text(name) + b"\1"))
        elif kind == SUBACK:
            self._is_subscribed.set()
        elif kind == PUBLISH:
            (size,) = struct.unpack_from("!H", body)
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if flags & 0b110:
                acks += _packet(PUBACK, 0, rest[:2])
                rest = rest[2:]
            self._note(topic, rest, is_retained=bool(flags & 1))

    def _note(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        if any(part in topic for part in TO_THE_DEVICE):
            return
        with self._lock:
            if not topic.endswith(STREAMS) and not is_retained:
                self._texts[topic].append(payload.decode())
            if is_retained or not payload.startswith(b"{"):
                return
            try:
                value = json.loads(payload)
            except ValueError:
                self.garbled += 1
                return
            if "boot" in value and "seq" in value:
                self._accounts[topic, value["boot"]].note(value["seq"], payload)


def _connect(client_id: str) -> bytes:
    head = _text(b"MQTT") + bytes((4, 0)) + struct.pack("!H", KEEP_ALIVE_S)
    return _packet(CONNECT, 0, head + _text(client_id.encode()))


def _text(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes((kind << 4 | flags, len(body))) + body


def _packets(data: bytearray) -> list[tuple[int, int, bytes]]:
    """Take the whole packets off the front of `data`."""
    found = []
    while len(data) >= 2:
        size, shift, at = 0, 0, 1
        while at < len(data):
            size |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        else:
            break
        if len(data) < at + size:
            break
        found.append((data[0] >> 4, data[0] & 0x0F, bytes(data[at : at + size])))
        del data[: at + size]
    return found


def main(port: str, topic: str = "edge/v1/#") -> None:
    consumer = LedgerConsumer(int(port), topic)
    pause = threading.Event()
    while not pause.wait(1.0):
        heard = {
            f"{name} {boot}": {
                "received": len(account.seen),
                "missing": account.missing[:20],
                "duplicates": account.duplicates,
            }
            for (name, boot), account in sorted(consumer.accounts().items())
        }
        sys.stdout.write(json.dumps(heard) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
