"""One daemon per state directory: two would take each other's session, and write one outbox."""

import fcntl
import os
from pathlib import Path

from edge_runtime.errors import ConfigError


class DeviceLock:
    """Makes the directory and holds it until `release` or, by the kernel, the process's end.

    Raises:
        ConfigError: Another process holds it, or the directory cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"state directory {path.parent}: cannot be written ({error.strerror})"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise ConfigError(f"{path.parent}: another daemon runs in this directory") from error

    def release(self) -> None:
        """Let another daemon run."""
        os.close(self._file)
