"""One worker process with its pipe, as the supervisor holds it."""

import logging
import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from edge_runtime.link import FromWorker, ToWorker

logger = logging.getLogger(__name__)

INBOX_SIZE = 256  # a worker that sends faster than the supervisor stores has to wait
PUT_PATIENCE_S = 0.2
Target: TypeAlias = Callable[[Any, "Connection[FromWorker, ToWorker]"], None]


class WorkerProcess:
    """A spawned process, and the thread that reads its pipe, so that a half-written record of a
    frozen worker holds up nobody else.
    """  # noqa: D205 - one sentence

    def __init__(
        self, name: str, target: Target, settings: object, wake: Callable[[], None]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=True)
        self._process = context.Process(
            target=_begin, args=(target, settings, theirs), name=f"edge-{name}", daemon=True
        )
        self._process.start()
        theirs.close()
        self._wake = wake
        self._inbox: queue.Queue[FromWorker] = queue.Queue(INBOX_SIZE)
        self._is_closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name=f"pipe-{name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """Return how the process ended, negative for a signal; None while it runs."""
        return self._process.exitcode

    def receive(self, limit: int) -> list[FromWorker]:
        """Return up to `limit` records that have arrived."""
        records: list[FromWorker] = []
        while len(records) < limit:
            try:
                records.append(self._inbox.get_nowait())
            except queue.Empty:
                break
        return records

    def send(self, record: ToWorker) -> bool:
        """Hand a record over; return whether the pipe still stood."""
        try:
            self._connection.send(record)
        except (OSError, ValueError):
            return False
        return True

    def is_over(self) -> bool:
        """Return whether the process has ended and its last record was received."""
        has_ended = not self._process.is_alive() and not self._reader.is_alive()
        return has_ended and self._inbox.empty()

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()

    def close(self, deadline_s: float) -> None:
        """Join process and thread, and release the pipe; what runs on then is killed."""
        self._process.join(deadline_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._is_closing.set()
        self._reader.join()
        self._connection.close()
        self._process.close()

    def _read(self) -> None:
        try:
            while True:
                self._deliver(self._connection.recv())
        except (EOFError, OSError):
            pass
        except Exception:  # the edge of this thread: a torn record cannot be unpickled
            logger.exception("%s: unreadable record", threading.current_thread().name)
        finally:
            self._wake()

    def _deliver(self, record: FromWorker) -> None:
        while not self._is_closing.is_set():
            try:
                self._inbox.put(record, timeout=PUT_PATIENCE_S)
            except queue.Full:
                self._wake()
                continue
            self._wake()
            return


def _begin(
    target: Target, settings: object, connection: "Connection[FromWorker, ToWorker]"
) -> None:
    """Run the worker's body with the signals that the daemon holds back for itself let through."""
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    target(settings, connection)
