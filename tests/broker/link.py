"""A TCP link to a broker that can be slow, narrow, frozen or cut; in user space, so no root."""

import contextlib
import select
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

CHUNK_BYTES = 16 << 10
MOST_QUEUED = 64  # chunks in one direction; then the sender's kernel has to wait
TURN_S = 0.002
IDLE_S = 0.05


@dataclass
class _Way:
    """One direction of one connection."""

    source: socket.socket
    sink: socket.socket
    queue: deque[tuple[float, bytes]] = field(default_factory=deque)
    allowance: float = 0.0


class Link:
    """Stands before a broker; its port stays, whatever becomes of the broker behind it.

    Attributes:
        delay_s: Each way.
        bytes_per_s: Each way and connection; None: as fast as it goes.
        is_frozen: Nothing is read or written, but the connections stand: half-open, to a peer.
        is_cut: Connections are ended, and new ones hung up on.
    """

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ways: list[_Way] = []
        self._is_closing = threading.Event()
        self._last_s = time.monotonic()
        self.heal()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def heal(self) -> None:
        """A link like any other again."""
        self.delay_s, self.bytes_per_s = 0.0, None
        self.is_frozen = self.is_cut = False

    def close(self) -> None:
        self._is_closing.set()
        self._thread.join(5)
        self._listener.close()
        self._hang_up(self._ways)

    def _run(self) -> None:
        while not self._is_closing.is_set():
            if self.is_cut:
                self._hang_up(self._ways)
            wanted = [] if self.is_frozen else [way.source for way in self._wanting()]
            pause_s = TURN_S if any(way.queue for way in self._ways) else IDLE_S
            readable, _, _ = select.select([self._listener, *wanted], [], [], pause_s)
            for sock in readable:
                if sock is self._listener:
                    self._accept()
                else:
                    self._receive(sock)
            self._send_all()

    def _wanting(self) -> list[_Way]:
        return [way for way in self._ways if len(way.queue) < MOST_QUEUED]

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            if self.is_cut:
                raise ConnectionRefusedError
            broker = socket.create_connection(("127.0.0.1", self._broker_port), 2.0)
        except OSError:
            client.close()
            return
        for sock in (client, broker):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ways += [_Way(client, broker), _Way(broker, client)]

    def _receive(self, sock: socket.socket) -> None:
        way = next((way for way in self._ways if way.source is sock), None)
        if way is None:
            return
        data = b""
        with contextlib.suppress(OSError):
            data = sock.recv(CHUNK_BYTES)
        if data:
            way.queue.append((time.monotonic() + self.delay_s, data))
        else:
            self._hang_up([w for w in self._ways if sock in (w.source, w.sink)])

    def _send_all(self) -> None:
        now = time.monotonic()
        passed_s, self._last_s = now - self._last_s, now
        if self.is_frozen:
            return
        for way in list(self._ways):
            rate = self.bytes_per_s
            way.allowance = 1e9 if rate is None else min(rate, way.allowance + rate * passed_s)
            try:
                self._send(way, now)
            except BlockingIOError:
                continue
            except OSError:
                self._hang_up([w for w in self._ways if way.source in (w.source, w.sink)])

    def _send(self, way: _Way, now: float) -> None:
        while way.queue and way.queue[0][0] <= now and way.allowance >= 1:
            due_s, data = way.queue[0]
            sent = way.sink.send(data[: int(way.allowance)])
            way.allowance -= sent
            if sent == len(data):
                way.queue.popleft()
            else:
                way.queue[0] = (due_s, data[sent:])

    def _hang_up(self, ways: list[_Way]) -> None:
        for way in list(ways):
            for sock in (way.source, way.sink):
                sock.close()
        self._ways = [way for way in self._ways if way.source.fileno() >= 0]
