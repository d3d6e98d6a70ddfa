"""Bounded concurrency: who finds no free engine waits in a short line, or is refused at once."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from werkzeug.exceptions import ServiceUnavailable

Thing = TypeVar("Thing")


class Seats(Generic[Thing]):
    """Things that one request at a time may hold.

    A line without an end would answer everybody, and everybody too late: what cannot be served
    soon is told so, and may ask another replica.
    """

    def __init__(self, things: Iterable[Thing], most_waiting: int, patience_s: float) -> None:
        """Take what is to be held.

        Args:
            things: At least one.
            most_waiting: Requests in the line; 0: none waits.
            patience_s: The longest that one waits, seconds.
        """
        self._free: queue.SimpleQueue[Thing] = queue.SimpleQueue()
        for thing in things:
            self._free.put(thing)
        self._most_waiting, self._patience_s = most_waiting, patience_s
        self._lock, self._waiting = threading.Lock(), 0

    @contextmanager
    def take(self) -> Iterator[Thing]:
        """Hold one of the things.

        Raises:
            ServiceUnavailable: The line is full, or took too long.
        """
        thing = self._next()
        try:
            yield thing
        finally:
            self._free.put(thing)

    def _next(self) -> Thing:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            self._join_line()
        try:
            return self._free.get(timeout=self._patience_s)
        except queue.Empty:
            raise busy(f"no engine was free within {self._patience_s:g} s") from None
        finally:
            with self._lock:
                self._waiting -= 1

    def _join_line(self) -> None:
        with self._lock:
            if self._waiting >= self._most_waiting:
                raise busy(
                    f"{self._waiting} requests are waiting, allowed are {self._most_waiting}"
                )
            self._waiting += 1


def busy(why: str) -> ServiceUnavailable:
    """Return the refusal of a request that came while all engines were busy."""
    return ServiceUnavailable(f"busy: {why}", retry_after=1)
