"""A folder of images or `.npy` arrays, in the order of their names."""

from pathlib import Path

from edge_runtime.config.sources import FilesConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.image_file import read_frame_file
from edge_runtime.sources.protocol import End, Reading, Refusal, Shot

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".npy"})


class FilesSource:
    """Every file once, or over and over; other files and folders in it are left alone."""

    def __init__(self, config: FilesConfig) -> None:
        self._config = config
        self._files: list[Path] = []
        self._next = 0

    @property
    def is_lossless(self) -> bool:
        """A folder played once, or as fast as the model goes, loses nothing."""
        return not self._config.loop or self._config.fps == 0

    @property
    def rate_hz(self) -> float | None:
        """The configured rate."""
        return self._config.fps or None

    def open(self) -> None:
        """List the folder; the next `read` goes on where the last one stopped."""
        folder = Path(self._config.path)
        try:
            entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
        except OSError as error:
            raise SourceError(f"{folder}: {error.strerror or error}") from error
        self._files = [e for e in entries if e.suffix.lower() in SUFFIXES and e.is_file()]
        if not self._files:
            known = ", ".join(sorted(SUFFIXES))
            raise SourceError(f"{folder}: no file ends in {known}")

    def read(self) -> Reading:
        """Return the next file's image or array."""
        index = self._next
        if index >= len(self._files) and not self._config.loop:
            return End()
        self._next += 1
        path = self._files[index % len(self._files)]
        try:
            values = read_frame_file(path)
        except FrameError as error:
            return Refusal(str(error))
        due_s = index / self._config.fps if self._config.fps else None
        return Shot(values, label=path.name, due_s=due_s)

    def close(self) -> None:
        """Nothing is held open."""
