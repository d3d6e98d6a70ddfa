"""Sound from WAV files, paced as a microphone would be or as fast as the model goes."""

import wave
from pathlib import Path

import numpy as np

from edge_runtime.config.sensors import WavConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.pcm import Blocks, pick_channel, samples_of
from edge_runtime.sources.protocol import End, Reading, Refusal, Shot
from edge_runtime.sources.rows import WindowShape

MAX_FILE_BYTES = 1 << 30
BLOCK_ROWS = 4096


class WavSource:
    """Windows of each file in turn, in the order of their names; none spans two files.

    A file of another rate than the model's is refused: nothing here resamples.
    """

    def __init__(self, config: WavConfig, shape: WindowShape) -> None:
        self._config = config
        self._shape = shape
        self._files: list[Path] = []
        self._next = 0
        self._wave: wave.Wave_read | None = None
        self._blocks = Blocks(shape)
        self._rows_played = 0
        self._has_window = False
        self._good_files = 0

    @property
    def is_lossless(self) -> bool:
        """A file played once, or as fast as the model goes, loses nothing."""
        return not self._config.loop or not self._config.live

    @property
    def rate_hz(self) -> float | None:
        """Windows a second, None where the model sets the pace."""
        return self._config.rate_hz / self._shape.step if self._config.live else None

    def open(self) -> None:
        """List the files; the next `read` goes on with the file after the last one begun."""
        path = Path(self._config.path)
        try:
            entries = sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error
        self._files = [entry for entry in entries if entry.suffix.lower() == ".wav"]
        if not self._files or not self._files[0].is_file():
            raise SourceError(f"{path}: no .wav file")

    def read(self) -> Reading:
        """Return the next window, or why a file cannot be played."""
        while True:
            window = self._blocks.take()
            if window is not None:
                return self._shot(window)
            if self._wave is not None:
                refusal = self._feed(self._wave)
                if refusal is not None:
                    return refusal
                continue
            reading = self._begin_next()
            if reading is not None:
                return reading

    def close(self) -> None:
        """Close the file that is played."""
        if self._wave is not None:
            self._wave.close()
            self._wave = None

    def _begin_next(self) -> Reading | None:
        """Open the next file; return a reading where there is none, or none that suits."""
        if self._next == len(self._files):
            if not self._config.loop:
                return End()
            if self._good_files == 0:
                raise SourceError(f"{self._config.path}: no file holds a window")
            self._next = self._good_files = 0
        path = self._files[self._next]
        self._next += 1
        try:
            self._wave = _open_wave(path, self._config)
        except FrameError as error:
            return Refusal(f"{path.name}: {error}")
        self._blocks = Blocks(self._shape)
        self._has_window = False
        return None

    def _feed(self, file: wave.Wave_read) -> Refusal | None:
        """Take in a block; at the end of a file say where it gave no window."""
        path = self._files[self._next - 1]
        data = file.readframes(BLOCK_ROWS)
        if data:
            rows = samples_of(data, file.getsampwidth(), file.getnchannels())
            self._blocks.feed(pick_channel(rows, self._config.channel, self._shape))
            return None
        self.close()
        self._good_files += self._has_window
        if self._has_window:
            return None
        return Refusal(f"{path.name}: shorter than a window of {self._shape.length} samples")

    def _shot(self, window: np.ndarray) -> Shot:
        """Return a window, due when its last sample is."""
        self._rows_played += self._shape.step if self._has_window else self._shape.length
        self._has_window = True
        due_s = self._rows_played / self._config.rate_hz if self._config.live else None
        return Shot(window, label=self._files[self._next - 1].name, due_s=due_s)


def _open_wave(path: Path, config: WavConfig) -> wave.Wave_read:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise FrameError(f"larger than {MAX_FILE_BYTES} bytes")
        file = wave.open(str(path), "rb")  # noqa: SIM115 (closed by close())
    except (wave.Error, EOFError) as error:
        raise FrameError(f"not a PCM WAV file: {error}") from error
    except OSError as error:
        raise FrameError(f"{error.strerror or error}") from error
    rate_hz, channels = file.getframerate(), file.getnchannels()
    if rate_hz == config.rate_hz and config.channel < channels:
        return file
    file.close()
    if rate_hz != config.rate_hz:
        raise FrameError(f"{rate_hz} samples a second, the model takes {config.rate_hz}")
    raise FrameError(f"{channels} channels, channel {config.channel} is wanted")
