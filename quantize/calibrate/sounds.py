"""Data of a folder of .wav files: every window of every file is a sample, labelled as its file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError
from edge_runtime.signals.wav_file import read_wav, read_wav_format
from quantize.calibrate.dataset import Batch, Dataset, ModelInput, checked
from quantize.calibrate.files import LabelledFile, files_sha256, labels_of, list_files
from quantize.calibrate.npz import Array
from quantize.errors import DataError

SUFFIXES = frozenset({".wav"})
Prepare: TypeAlias = Callable[[Path, npt.NDArray[np.float32]], Array]


@dataclass(frozen=True, slots=True)
class SoundWindows:
    """How a sound becomes samples.

    Attributes:
        channels: Of every file.
        length: Samples of a window; a shorter file is filled up with silence.
        step: From one window to the next; what is left at the end is dropped.
        sample_rate_hz: Of every file; None: whatever they have.
        prepare: What the device does to such a window, (length, channels) in [-1, 1).
    """

    channels: int
    length: int
    step: int
    sample_rate_hz: float | None
    prepare: Prepare


@dataclass(frozen=True, slots=True)
class _Piece:
    file: LabelledFile
    start: int


def holds_sounds(folder: Path) -> bool:
    """Tell whether a folder, or one of the folders in it, holds .wav files."""
    places = (folder, *(entry for entry in folder.iterdir() if entry.is_dir()))
    return any(path.suffix.lower() in SUFFIXES for place in places for path in place.iterdir())


def open_sounds(
    folder: Path, model_input: ModelInput, windows: SoundWindows, class_names: Sequence[str]
) -> Dataset:
    """Return the data of a folder of sounds, in the order of labels.csv or of the file names.

    Raises:
        DataError: No files, no PCM, another rate or number of channels than the model takes.
    """
    files = list_files(folder, SUFFIXES)
    pieces = [piece for file in files for piece in _pieces(file, windows)]
    labels = labels_of(folder.name, [piece.file for piece in pieces], class_names)
    return Dataset(
        name=folder.name,
        samples=len(pieces),
        labels=None if labels is None else labels.values,
        groups=None,
        class_names=() if labels is None else labels.class_names,
        sha256=files_sha256(folder, files),
        read=lambda size: checked(
            folder.name, _read(pieces, model_input, windows, size), [model_input]
        ),
        files=tuple(piece.file.path.relative_to(folder).as_posix() for piece in pieces),
    )


def _pieces(file: LabelledFile, windows: SoundWindows) -> list[_Piece]:
    try:
        form = read_wav_format(file.path)
    except FrameError as error:
        raise DataError(str(error)) from error
    if form.channels != windows.channels:
        raise DataError(
            f"{file.path}: {form.channels} channels, the model takes {windows.channels}"
        )
    if windows.sample_rate_hz not in {None, form.sample_rate_hz}:
        raise DataError(
            f"{file.path}: {form.sample_rate_hz} Hz, the model takes {windows.sample_rate_hz:g}"
        )
    last = max(0, form.samples - windows.length)
    return [_Piece(file, start) for start in range(0, last + 1, windows.step)]


def _read(
    pieces: Sequence[_Piece], model_input: ModelInput, windows: SoundWindows, size: int
) -> Iterator[Batch]:
    parts: list[Array] = []
    path, samples = None, np.zeros((0, windows.channels), np.float32)
    for piece in pieces:
        if piece.file.path != path:
            path = piece.file.path
            samples, _ = read_wav(path)
        window = samples[piece.start : piece.start + windows.length]
        filled = np.pad(window, ((0, windows.length - len(window)), (0, 0)))
        parts.append(windows.prepare(piece.file.path, filled))
        if len(parts) == size:
            yield {model_input.name: np.concatenate(parts)}
            parts = []
    if parts:
        yield {model_input.name: np.concatenate(parts)}
