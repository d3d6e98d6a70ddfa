"""Sound files: PCM in a RIFF WAVE file, as numbers in [-1, 1)."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError
from edge_runtime.sources.pcm import samples_of


@dataclass(frozen=True, slots=True)
class WavFormat:
    """What the header of a file says.

    Attributes:
        sample_rate_hz: Of each channel.
        channels: Side by side.
        sample_bytes: 1 (unsigned) to 4.
        samples: Of each channel.
    """

    sample_rate_hz: int
    channels: int
    sample_bytes: int
    samples: int


def read_wav_format(path: Path) -> WavFormat:
    """Return what a file's header says.

    Raises:
        FrameError: Not there, or no PCM WAVE file.
    """
    return _read(path, 0)[0]


def read_wav(path: Path) -> tuple[npt.NDArray[np.float32], WavFormat]:
    """Return the samples of a file, (samples, channels) in [-1, 1), and its format.

    Raises:
        FrameError: Not there, or no PCM WAVE file.
    """
    form, data = _read(path, None)
    return samples_of(data, form.sample_bytes, form.channels), form


def _read(path: Path, frames: int | None) -> tuple[WavFormat, bytes]:
    try:
        with wave.open(str(path), "rb") as sound:
            form = WavFormat(
                sound.getframerate(), sound.getnchannels(), sound.getsampwidth(), sound.getnframes()
            )
            data = sound.readframes(form.samples if frames is None else frames)
    except (OSError, EOFError, wave.Error) as error:
        raise FrameError(f"{path}: no PCM WAVE file ({str(error) or 'too short'})") from error
    if form.sample_bytes not in {1, 2, 3, 4}:
        raise FrameError(f"{path}: {form.sample_bytes} bytes a sample, allowed are 1 to 4")
    return form, data
