"""The count of connections (`bdSeq`), kept over restarts.

A will that comes late, of a daemon that was killed, must not end the session of the next one: hosts
tell them apart by this number alone, so it must not begin at 0 with every process.
"""

import logging
from pathlib import Path

from edge_runtime.host.durable import replace_file

logger = logging.getLogger(__name__)

FILE_NAME = "sparkplug-births"
_NUMBERS = 256  # 0 to 255, then 0: Sparkplug 3.0.0, section 6.4.25


class BirthCount:
    """Used by the session's thread.

    Attributes:
        present: Of the connection that was made last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.present = _read(path)

    def next(self) -> int:
        """Return the number of the connection that is about to be made; it is on disk before."""
        self.present = (self.present + 1) % _NUMBERS
        try:
            replace_file(self._path, b"%d\n" % self.present)
        except OSError as error:
            logger.warning("%s: %s: the count of connections is not kept", self._path, error)
        return self.present


def _read(path: Path) -> int:
    """Return the last number used; -1 where there is none, so that the first is 0."""
    try:
        return int(path.read_bytes()) % _NUMBERS
    except FileNotFoundError:
        return -1
    except (OSError, ValueError) as error:
        logger.warning("%s: %s: the count of connections begins anew", path, error)
        return -1
