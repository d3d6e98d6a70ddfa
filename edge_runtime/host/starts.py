"""How the last starts ended: what follows on several that broke off soon is a safer start.

systemd starts a daemon that crashes again and again until it gives up, and then the device is mute.
A daemon that holds back step by step still says what is wrong with it.
"""

import contextlib
from enum import StrEnum
from pathlib import Path

from edge_runtime.host.durable import replace_file

PREVIOUS_AFTER, NONE_AFTER = 3, 6  # starts that broke off, in a row
SETTLED_AFTER_S = 60.0  # a run that lasts so long has proved itself
_MOST_DIGITS = 9


class Caution(StrEnum):
    """What a start dares."""

    NONE = "none"
    PREVIOUS_MODELS = "previous_models"
    NO_MODELS = "no_models"


def caution_after(broken_starts: int) -> Caution:
    """Return what to dare after so many starts in a row that broke off."""
    if broken_starts >= NONE_AFTER:
        return Caution.NO_MODELS
    return Caution.PREVIOUS_MODELS if broken_starts >= PREVIOUS_AFTER else Caution.NONE


class StartRecord:
    """A number in a file: the starts in a row that were neither stopped in order nor settled.

    Attributes:
        broken: Those before this one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.broken = _read(path)
        with contextlib.suppress(OSError):  # where nothing can be written, nothing is counted
            replace_file(path, f"{self.broken + 1}\n".encode())

    def settle(self) -> None:
        """Forget the starts that broke off: this one went well."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _read(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else 0
