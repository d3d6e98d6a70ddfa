"""Writes recordings below a pipeline's own directory, numbered, and lets the oldest go."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from edge_runtime.recorder.record import ENTRIES, FRAMES, RECORDING, Kept, Recording

DIGITS = 6


def write_recording(directory: Path, recording: Recording, kept: Sequence[Kept]) -> Path:
    """Return where the recording is now; it is whole, or not there.

    Args:
        directory: The pipeline's.
        recording: All but the frames.
        kept: The frames, in order.

    Raises:
        OSError: The file system takes nothing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    number = max((int(path.name) for path in recordings_in(directory)), default=0) + 1
    place = directory / f"{number:0{DIGITS}}"
    beside = directory / f"{place.name}.new"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    arrays = {k.entry.values: k.values for k in kept if k.entry.values and k.values is not None}
    if arrays:
        with (beside / FRAMES).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    lines = b"".join(msgspec.json.encode(each.entry) + b"\n" for each in kept)
    (beside / ENTRIES).write_bytes(lines)
    (beside / RECORDING).write_bytes(msgspec.json.encode(recording) + b"\n")
    beside.rename(place)
    return place


def prune(directory: Path, most: int, most_bytes: float) -> None:
    """Remove the oldest recordings until the bounds hold; the newest stays."""
    found = recordings_in(directory)
    sizes = [_bytes_of(path) for path in found]
    while len(found) > 1 and (len(found) > most or sum(sizes) > most_bytes):
        shutil.rmtree(found.pop(0), ignore_errors=True)
        sizes.pop(0)


def recordings_in(directory: Path) -> list[Path]:
    """Return the pipeline's recordings, oldest first."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if path.name.isdecimal() and path.is_dir())
    return sorted(found, key=lambda path: int(path.name))


def _bytes_of(directory: Path) -> int:
    return sum(entry.stat().st_size for entry in os.scandir(directory) if entry.is_file())
