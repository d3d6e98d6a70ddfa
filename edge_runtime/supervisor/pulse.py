"""A small file in memory that says the daemon lives: for probes that cannot speak MQTT."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_runtime.errors import EdgeRuntimeError

FILE_NAME = "pulse.json"
BEAT_S = 2.0
LATE_S = 20.0


class NoPulseError(EdgeRuntimeError):
    """No daemon writes here, or it has stopped to."""


class Beat(msgspec.Struct, frozen=True):
    """The file's content.

    Attributes:
        monotonic_s: When it was written; one scale for all processes of the machine.
        status: "online" or "degraded", as published.
    """

    monotonic_s: float
    status: str


class Pulse:
    """Written by the supervisor's thread; without a directory in memory it writes nothing."""

    def __init__(self, directory: Path | None, now: Callable[[], float]) -> None:
        self._path = None if directory is None else directory / FILE_NAME
        self._now = now
        self._due_s = 0.0

    def beat(self, status: str) -> None:
        """Write that the daemon lives, now and then."""
        now = self._now()
        if self._path is None or now < self._due_s:
            return
        self._due_s = now + BEAT_S
        beside = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):  # a probe will find it late
            beside.write_bytes(msgspec.json.encode(Beat(now, status)))
            beside.replace(self._path)


def read_pulse(directory: Path | None, now: Callable[[], float] = time.monotonic) -> Beat:
    """Return the daemon's last beat.

    Raises:
        NoPulseError: There is none, or it is older than LATE_S.
    """
    if directory is None:
        raise NoPulseError("no $RUNTIME_DIRECTORY: it names where the daemon writes its pulse")
    path = directory / FILE_NAME
    try:
        beat = msgspec.json.decode(path.read_bytes(), type=Beat)
    except FileNotFoundError as error:
        raise NoPulseError(f"{path}: no daemon writes it") from error
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoPulseError(f"{path}: {error}") from error
    age_s = now() - beat.monotonic_s
    if not 0.0 <= age_s <= LATE_S:
        raise NoPulseError(f"{path}: the last beat is {age_s:.0f} s old, allowed are {LATE_S:g}")
    return beat
