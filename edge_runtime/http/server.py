"""Listens until a signal asks it to stop; then finishes what is under way."""

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import create_server

from edge_runtime.errors import ConfigError
from edge_runtime.host.stop_signals import wait_for_stop
from edge_runtime.http.traffic import Traffic

SPARE_THREADS = 4  # for probes, metrics and refusals while all engines are busy
FINISH_S = 20.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return it as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def address_of(text: str) -> Address:
    """Return the address that "HOST:PORT" or "[HOST]:PORT" means; port 0: any free one.

    Raises:
        ConfigError: Neither.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"bind {text!r}: allowed is HOST:PORT, port 0 to 65535")
    return Address(host, int(port))


class Server:
    """The app behind waitress, whose threads do the work."""

    def __init__(self, app: Flask, address: Address, threads: int, max_body_bytes: int) -> None:
        """Bind the address.

        Raises:
            ConfigError: It cannot be bound.
        """
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            listener = socket.create_server((address.host, address.port), family=family)
        except OSError as error:
            is_system_s = (error.errno or 0) > 0  # else the resolver's, with a text of its own
            reason = os.strerror(error.errno or 0) if is_system_s else error.strerror
            raise ConfigError(f"bind {address.url}: {reason}") from error
        self.address = Address(address.host, int(listener.getsockname()[1]))
        self._sockets: dict[int, Any] = {}  # waitress keeps its channels here
        self._server: Any = create_server(
            app,
            self._sockets,
            sockets=[listener],
            threads=threads + SPARE_THREADS,
            max_request_body_size=2 * max_body_bytes,  # up to it the app says so itself
            ident=None,
            clear_untrusted_proxy_headers=True,
        )

    def run(self, traffic: Traffic, drain_s: float) -> None:
        """Answer until SIGTERM or Ctrl-C, which the caller holds back, and finish in good order.

        Args:
            traffic: Says when nothing is under way.
            drain_s: For this long it says "not ready" and still answers: others have to hear of it
                before it stops listening.
        """
        threading.Thread(target=self._server.run, name="listener", daemon=True).start()
        while wait_for_stop(3600.0) is None:
            pass
        _log.info("stopping: not ready for %g s, then what is under way is finished", drain_s)
        traffic.is_draining = True
        wait_for_stop(drain_s)  # a second signal cuts it short
        self._finish(traffic, time.monotonic() + FINISH_S)
        self._server.close()

    def _finish(self, traffic: Traffic, deadline_s: float) -> None:
        while traffic.under_way or self._is_sending():
            if time.monotonic() > deadline_s:
                _log.warning("%d requests were cut off", traffic.under_way)
                return
            wait_for_stop(0.02)

    def _is_sending(self) -> bool:
        """Return whether an answer, or a request that was received, is still with waitress."""
        channels = [each for each in list(self._sockets.values()) if isinstance(each, HTTPChannel)]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
