"""What tells that the outbox's file went back in time: a copy restored, a card that lies.

The mark lies beside the file and says how far its numbers had come. Where the file knows less, it
is an older one: it gets a new epoch, so that a consumer sees the break, and numbers go on above the
mark. Where both went back together only the consumer can tell, by `epoch` and `last_id` in health.
"""

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_runtime.host.durable import replace_file
from edge_runtime.mqtt.outbox.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file's numbers had come.

    Attributes:
        epoch: Names the file from its making, or from the last break, on.
        last_id: The greatest number that was committed in it.
    """

    epoch: str
    last_id: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a start found.

    Attributes:
        name: The file's from now on.
        last_id: No number up to this one is given again.
        regression: Why the file got a new name, None where it knew all that was marked.
    """

    name: str
    last_id: int
    regression: str | None


def begin_epoch(store: Store, path: Path, *, was_damaged: bool) -> Epoch:
    """Compare a file that was just opened with its mark, and name it anew where it is older.

    A damaged file that was set aside is told of already; its successor is no regression.

    Raises:
        sqlite3.Error: The new name could not be written.
    """
    before, found = _read(path), Mark(store.epoch(), store.last_id)
    broke = None if was_damaged or before is None else _regression(before, found)
    if broke is not None:
        logger.warning("outbox %s: %s", path, broke)
    name = found.epoch
    if broke is not None or not name:
        name = secrets.token_hex(4)
        store.begin_epoch(name)
    last_id = found.last_id if before is None else max(found.last_id, before.last_id)
    write_mark(path, Mark(name, found.last_id))
    return Epoch(name, last_id, broke)


def write_mark(path: Path, mark: Mark) -> None:
    """Write the mark down; where the disk refuses, the old one stays."""
    try:
        replace_file(_place(path), msgspec.json.encode(mark))
    except OSError as error:
        logger.debug("mark of %s: %s", path, error)


def _read(path: Path) -> Mark | None:
    try:
        return msgspec.json.decode(_place(path).read_bytes(), type=Mark)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _regression(before: Mark, found: Mark) -> str | None:
    if found.epoch != before.epoch:
        return f"another file: numbers up to {before.last_id} were given in one that is gone"
    if found.last_id < before.last_id:
        return f"an older copy: it knows numbers up to {found.last_id}, given were {before.last_id}"
    return None


def _place(path: Path) -> Path:
    return path.with_suffix(".mark")
