"""Blocks of sound to windows: the same windows as row by row, many rows at a time."""

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import FrameError
from edge_runtime.sources.rows import WindowShape

Samples = npt.NDArray[np.float32]


class Blocks:
    """Collects samples and hands out a window every `step` rows once `length` are there.

    The windows are those of `edge_runtime.windows.Windower`.
    """

    def __init__(self, shape: WindowShape) -> None:
        self._shape = shape
        self._rows = np.empty((0, len(shape.columns)), np.float32)
        self._skip = 0  # rows between two windows, where the step is above the length

    def feed(self, rows: Samples) -> None:
        """Add rows, (N, C)."""
        skipped = min(self._skip, len(rows))
        self._skip -= skipped
        self._rows = np.concatenate([self._rows, rows[skipped:]])

    def take(self) -> Samples | None:
        """Return the next window (length, C), None where too few rows are there."""
        length, step = self._shape.length, self._shape.step
        if len(self._rows) < length:
            return None
        window = self._rows[:length].copy()
        self._skip = max(0, step - len(self._rows))
        self._rows = self._rows[step:]
        return window


def samples_of(data: bytes, sample_bytes: int, channels: int) -> Samples:
    """Return PCM as (N, channels) float32 in [-1, 1).

    Args:
        data: Little-endian; 8 bits are unsigned, all others signed (the WAV convention).
        sample_bytes: 1 to 4.
        channels: Interleaved.

    Raises:
        FrameError: Another sample size.
    """
    if sample_bytes not in (1, 2, 3, 4):
        raise FrameError(f"{8 * sample_bytes} bits a sample, allowed are 8, 16, 24 and 32")
    whole = len(data) - len(data) % (sample_bytes * channels)
    if sample_bytes == 1:
        codes = (np.frombuffer(data[:whole], np.uint8).astype(np.int32) - 128) << 24
    else:
        # Left-justified in 32 bits: every width then has the same scale.
        padded = np.zeros((whole // sample_bytes, 4), np.uint8)
        padded[:, 4 - sample_bytes :] = np.frombuffer(data[:whole], np.uint8).reshape(
            -1, sample_bytes
        )
        codes = padded.view("<i4")[:, 0]
    samples: Samples = (codes.astype(np.float64) / 2**31).astype(np.float32)
    return samples.reshape(-1, channels)


def pick_channel(rows: Samples, channel: int, shape: WindowShape) -> Samples:
    """Return the model's columns: one is `channel`, more are the channels from there on.

    Raises:
        FrameError: There are fewer.
    """
    wanted = len(shape.columns)
    if channel + wanted > rows.shape[1]:
        raise FrameError(f"{rows.shape[1]} channels, the model takes {wanted} from {channel} on")
    return rows[:, channel : channel + wanted]
