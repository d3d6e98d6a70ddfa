"""Stands before a broker: knows only MQTT 3.1.1, as an old broker does."""

import contextlib
import socket
import threading
from typing import Self

_REFUSED_VERSION = b"\x20\x02\x00\x01"  # CONNACK of 3.1.1: unacceptable protocol version
SESSION_TAKEN_OVER = b"\xe0\x02\x8e\x00"  # DISCONNECT of MQTT 5
_LEVEL_AT = 8  # fixed header (2), length of "MQTT" (2), "MQTT" (4)


class OldBroker:
    """Refuses a CONNECT of MQTT 5, by an answer or by hanging up; hands on every other."""

    _refuses = True

    def __init__(self, broker_port: int, *, answers: bool = True) -> None:
        self._broker_port = broker_port
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="old-broker", daemon=True)]
        self._threads[0].start()

    def learn(self) -> None:
        """Know MQTT 5 from now on, and end all connections, as a broker that is replaced does."""
        self._refuses = False
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            first = client.recv(4096)
            position = _LEVEL_AT + (first[1] >> 7 if len(first) > 1 else 0)
            if self._refuses and len(first) > position and first[position] == 5:
                if self._answers:
                    client.sendall(_REFUSED_VERSION)
                client.shutdown(socket.SHUT_RDWR)
                continue
            broker = socket.create_connection(("127.0.0.1", self._broker_port))
            self._sockets.append(broker)
            broker.sendall(first)
            for source, sink in ((client, broker), (broker, client)):
                thread = threading.Thread(target=_pump, args=(source, sink), daemon=True)
                self._threads.append(thread)
                thread.start()


class Interposer(OldBroker):
    """Hands everything on, and can put bytes of its own into what the broker says."""

    _refuses = False

    def inject(self, data: bytes) -> None:
        self._sockets[0].sendall(data)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
