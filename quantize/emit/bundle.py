"""A bundle on disk: NAME/VERSION/, written beside and renamed, so it is whole or not there."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from edge_runtime.manifest import (
    BUNDLE_NAME,
    MANIFEST_NAME,
    MAX_VERSION,
    BundleFile,
    Manifest,
    encode_manifest,
    load_bundle,
)
from quantize.errors import OutputError

Role: TypeAlias = Literal["onnx", "tflite", "labels", "self_test", "calibration", "report", "page"]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file for the bundle."""

    role: Role
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a bundle goes: `out`/`name`/`version`; `replace` allows that to exist."""

    out: Path
    name: str
    version: int
    replace: bool

    @property
    def path(self) -> Path:
        """The bundle's directory."""
        return self.out / self.name / str(self.version)


def plan_destination(
    out: Path, name: str, version: int | None, *, replace: bool = False
) -> Destination:
    """Return where the bundle goes; no version means the one after the highest there is.

    Raises:
        OutputError: An illegal name or version, the version exists, or `out` is no directory that
            can be written. Said before any work is done.
    """
    if not BUNDLE_NAME.fullmatch(name):
        raise OutputError(f"name {name!r}, allowed is {BUNDLE_NAME.pattern}")
    if version is not None and not 1 <= version <= MAX_VERSION:
        raise OutputError(f"version {version}, allowed is 1 to {MAX_VERSION}")
    chosen = version if version is not None else highest_version(out / name) + 1
    destination = Destination(out, name, chosen, replace)
    _refuse_existing(destination)
    _check_writable(out)
    return destination


def highest_version(folder: Path) -> int:
    """Return the greatest version in the folder NAME/, 0 where there is none."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror}") from error
    return max((int(name) for name in names if name.isascii() and name.isdecimal()), default=0)


def write_bundle(
    destination: Destination, manifest: Manifest, files: Sequence[NewFile]
) -> Manifest:
    """Write a bundle and return its manifest, which now names the files.

    Raises:
        OutputError: It cannot be written; then nothing of it stays behind.
    """
    entries = tuple(_entry(file) for file in sorted(files, key=lambda file: file.name))
    full = msgspec.structs.replace(
        manifest, name=destination.name, version=destination.version, files=entries
    )
    try:
        with _staging(destination) as staging:
            for file in files:
                _write_file(staging / file.name, file.content)
            _write_file(staging / MANIFEST_NAME, encode_manifest(full))
            load_bundle(staging)  # the device would refuse what this refuses
            _move_into_place(staging, destination)
    except OSError as error:
        raise OutputError(f"{destination.path}: {error.strerror or error}") from error
    return full


def _refuse_existing(destination: Destination) -> None:
    if destination.path.exists() and not destination.replace:
        raise OutputError(f"{destination.path}: exists already; --force replaces it")


def _check_writable(out: Path) -> None:
    """Refuse an `out` that is no directory, or whose nearest existing parent takes no entries."""
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise OutputError(f"{existing}: not a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{existing}: Permission denied")


def _entry(file: NewFile) -> BundleFile:
    digest = hashlib.sha256(file.content).hexdigest()
    return BundleFile(role=file.role, name=file.name, bytes=len(file.content), sha256=digest)


@contextlib.contextmanager
def _staging(destination: Destination) -> Iterator[Path]:
    """Yield an empty directory beside the destination; what is left of it is removed."""
    parent = destination.path.parent.absolute()
    created = [path for path in (parent, *parent.parents) if not path.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=parent))
    try:
        staging.chmod(0o755)  # mkdtemp's 0700 would hide the bundle from the daemon's user
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for path in created:
            with contextlib.suppress(OSError):  # not empty: the bundle is in it
                path.rmdir()


def _write_file(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _move_into_place(staging: Path, destination: Destination) -> None:
    """Rename; a version that is replaced is first moved aside, and back if the rename fails."""
    path = destination.path
    _refuse_existing(destination)
    if not path.exists():
        staging.rename(path)
    else:
        aside = Path(tempfile.mkdtemp(prefix=".replaced-", dir=path.parent))
        path.rename(aside / path.name)
        try:
            staging.rename(path)
        except OSError:
            (aside / path.name).rename(path)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
