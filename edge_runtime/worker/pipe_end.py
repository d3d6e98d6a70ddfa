"""The worker's end of the pipe: many send, one receives, the parent's death is noticed."""

import threading
from multiprocessing.connection import Connection

from edge_runtime.link import FromWorker, ToWorker


class ParentGoneError(Exception):
    """The supervisor closed the pipe or died; there is nobody left to work for."""


class WorkerLink:
    """Sends whole records; `multiprocessing` leaves the locking to us."""

    def __init__(self, connection: "Connection[FromWorker, ToWorker]") -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, record: FromWorker) -> None:
        """Send one record; waits while the supervisor is behind.

        Raises:
            ParentGoneError: There is no supervisor any more.
        """
        try:
            with self._sending:
                self._connection.send(record)
        except OSError as error:
            raise ParentGoneError from error

    def receive(self, wait_s: float) -> ToWorker | None:
        """Return the next command, None where none came in time.

        Raises:
            ParentGoneError: There is no supervisor any more.
        """
        try:
            return self._connection.recv() if self._connection.poll(wait_s) else None
        except (OSError, EOFError) as error:
            raise ParentGoneError from error
