"""A broker inside the daemon, on loopback only, for trials without one; extra `demo`.

amqtt speaks MQTT 3.1.1 and keeps nothing: the session's fall-back is used with it.
"""

import asyncio
import contextlib
import logging
import socket
import threading

from edge_runtime.errors import SessionError

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
START_S = 15.0


class EmbeddedBroker:
    """Runs on a thread of its own between `start` and `stop`.

    Attributes:
        port: Where it listens, once started.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = port if port is not None else _free_port()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-broker", daemon=True)

    def start(self) -> None:
        """Listen; return once clients can connect.

        Raises:
            SessionError: amqtt is not installed, or the port is taken.
        """
        self._thread.start()
        self._started.wait(START_S)
        if self._failure is not None or not self._started.is_set():
            raise SessionError(f"embedded broker on {HOST}:{self.port}: {self._failure}")

    def stop(self) -> None:
        """End the broker and its thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - the edge of this thread; told by `start`
            self._failure = error
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        try:
            from amqtt.broker import Broker  # noqa: PLC0415 - an extra, imported when asked for
        except ImportError as error:
            raise SessionError(
                "amqtt is not installed: pip install 'edge-runtime[demo]'"
            ) from error
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        broker = Broker(_configuration(self.port))
        await broker.start()
        self._started.set()
        await self._stop.wait()
        with contextlib.suppress(Exception):  # amqtt raises on clients that are already gone
            await broker.shutdown()


def _configuration(port: int) -> dict[str, object]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}", "max_connections": 50}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
