"""What commands were already acted on: the highest counter of each issuer, on disk before the act.

Without it a command that somebody recorded would work again, after a restart at the latest.
"""

from functools import cached_property
from pathlib import Path

import msgspec

from edge_runtime.host.durable import replace_file
from edge_runtime.remote.commands import CommandError

MAX_ISSUERS = 64


class _Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        counters: By issuer.
        seen_at: The latest `issued_at` of all, UTC, seconds: time is at least that, whatever a
            clock without a battery says.
    """

    counters: dict[str, int] = {}
    seen_at: float = 0.0


class CounterStore:
    """Used by one thread; the file is read at the first command.

    Every method raises CommandError where the file cannot be read: starting again from 0 would let
    old commands work again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _record(self) -> _Record:
        return _read(self._path)

    @property
    def seen_at(self) -> float:
        """Return a moment that is certainly past, UTC, seconds since the epoch."""
        return self._record.seen_at

    def last(self, issuer: str) -> int:
        """Return the highest counter of an issuer, 0 for a new one."""
        return self._record.counters.get(issuer, 0)

    def advance(self, issuer: str, counter: int, issued_at: float) -> None:
        """Note a counter as used; it is on disk when this returns.

        Raises:
            CommandError: It was used already, there are too many issuers, or the disk takes
                nothing: what cannot be remembered must not be done.
        """
        last = self.last(issuer)
        if counter <= last:
            raise CommandError(f"counter {counter} of {issuer!r} is used, the last one was {last}")
        if issuer not in self._record.counters and len(self._record.counters) >= MAX_ISSUERS:
            raise CommandError(f"issuer {issuer!r} is one more than the {MAX_ISSUERS} allowed")
        record = _Record(
            counters={**self._record.counters, issuer: counter},
            seen_at=max(self._record.seen_at, issued_at),
        )
        try:
            replace_file(self._path, msgspec.json.encode(record))
        except OSError as error:
            raise CommandError(f"the counter cannot be kept: {error.strerror}") from error
        self._record = record


def _read(path: Path) -> _Record:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _Record()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    try:
        return msgspec.json.decode(data, type=_Record)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: damaged ({error}); remove it to accept commands") from error
