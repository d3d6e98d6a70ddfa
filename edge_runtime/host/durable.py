"""Replacing a small file so that a crash or a power cut leaves the old one or the new one, whole.

Renaming alone is not enough: without fsync of the file its content may be missing, without fsync of
the directory the new name.
"""

import os
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Make `data` the content of a file; it is on disk when this returns.

    Raises:
        OSError: The file system takes nothing.
    """
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
