"""Output: a directory that is there whole or not at all."""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from firmware_export.errors import FirmwareExportError, OutputError
from firmware_export.record import read_owned_files


def check_destination(out: Path) -> None:
    """Refuse, before any work is done, a destination that we must not replace.

    Raises:
        OutputError: It exists and was not written by us; or it cannot be made.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OutputError(f"{out}: exists and is no directory")
    if out.exists():
        _check_ours(out)
    else:
        _check_parent(out)


def _check_parent(out: Path) -> None:
    parent = next(path for path in out.absolute().parents if path.exists())
    if not parent.is_dir():
        raise OutputError(f"{parent}: not a directory")


def _check_ours(out: Path) -> None:
    if not any(out.iterdir()):
        return
    try:
        ours = read_owned_files(out)
    except FirmwareExportError as error:
        raise OutputError(f"{out}: exists and is no export of ours, nothing was written") from error
    there = (path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir())
    if foreign := sorted(set(there) - ours):
        raise OutputError(f"{out}: holds {foreign[0]}, which is not ours, nothing was written")


def write_directory(out: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (path below `out`: content) beside `out`, then rename; an old export goes.

    Raises:
        OutputError: It cannot be written; then `out` is as it was.
    """
    check_destination(out)
    out = out.absolute()  # "." cannot be renamed
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            fill_directory(staging / "new", files)
            _swap(staging, out)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror or error}") from error


def fill_directory(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (path below `directory`: content)."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _swap(staging: Path, out: Path) -> None:
    old = staging / "old"
    if out.exists():
        out.rename(old)
    try:
        (staging / "new").rename(out)
    except OSError:
        with suppress(FileNotFoundError):
            old.rename(out)
        raise
