"""Reads a recording back, and refuses what is none."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_runtime.errors import ReplayError
from edge_runtime.recorder.record import ENTRIES, FRAMES, RECORDING, SCHEMA, Entry, Kept, Recording


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A recording with its frames."""

    recording: Recording
    kept: tuple[Kept, ...]


def read_recording(directory: Path) -> Recorded:
    """Return what a directory holds.

    Raises:
        ReplayError: It is no recording, is damaged, or holds no frames.
    """
    try:
        recording = msgspec.json.decode((directory / RECORDING).read_bytes(), type=Recording)
        lines = (directory / ENTRIES).read_bytes().splitlines()
        entries = [msgspec.json.decode(line, type=Entry) for line in lines]
    except (OSError, msgspec.DecodeError) as error:
        raise ReplayError(f"{directory}: not a recording: {error}") from error
    if recording.schema != SCHEMA:
        raise ReplayError(f"{directory}: schema {recording.schema!r}, allowed is {SCHEMA!r}")
    if recording.privacy:
        raise ReplayError(f"{directory}: holds no frames (recorder.privacy), nothing to replay")
    return Recorded(recording, _with_frames(directory, entries))


def _with_frames(directory: Path, entries: list[Entry]) -> tuple[Kept, ...]:
    try:
        with np.load(directory / FRAMES, allow_pickle=False) as arrays:
            return tuple(Kept(entry, arrays[str(entry.values)]) for entry in entries)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ReplayError(f"{directory / FRAMES}: {error}") from error
