"""Input made from a seed; ships, for trials and tests without hardware."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.config.sources import SyntheticConfig
from edge_runtime.sources.protocol import End, Reading, Shot

SQUARE_SHARE = 4  # the square's side is a quarter of the image's shorter side
SINE_ROWS = 50  # rows in a period of the first column; later columns are faster


class SyntheticSource:
    """Frames that depend on their number and the seed only.

    `shape` is a sample's, (T, C); None asks for images.
    """

    def __init__(
        self, config: SyntheticConfig, shape: tuple[int, int] | None, step: int = 1
    ) -> None:
        self._config = config
        self._shape = shape
        self._step = step
        self._next = 0

    @property
    def is_lossless(self) -> bool:
        """A counted run, or one as fast as the model goes, loses nothing."""
        return self._config.rate_hz == 0 or self._config.frames is not None

    @property
    def rate_hz(self) -> float | None:
        """Frames a second."""
        if self._config.rate_hz == 0:
            return None
        return self._config.rate_hz / (self._step if self._shape else 1)

    def open(self) -> None:
        """Nothing to open; the numbers go on."""

    def read(self) -> Reading:
        """Return the next frame."""
        number = self._next
        if number == self._config.frames:
            return End()
        self._next += 1
        rate_hz = self.rate_hz
        due_s = number / rate_hz if rate_hz else None
        return Shot(self._values(number), due_s=due_s)

    def close(self) -> None:
        """Nothing is held open."""

    def _values(self, number: int) -> npt.NDArray[Any]:
        if self._shape is None:
            size = (self._config.height, self._config.width)
            is_noise = self._config.pattern == "noise"
            return noise_image(self._rng(number), size) if is_noise else moving_image(number, size)
        if self._config.pattern == "noise":
            return self._rng(number).uniform(-1.0, 1.0, self._shape).astype(np.float32)
        return sine_rows(number * self._step, self._shape, self._config.seed)

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng((self._config.seed, number))


def moving_image(number: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return frame `number` of a bright square that wanders over a gradient, (H, W, 3) uint8."""
    height, width = size
    ramp = (np.arange(width) * 160 // width).astype(np.uint8)
    image = np.repeat(np.broadcast_to(ramp, (height, width))[:, :, np.newaxis], 3, axis=2)
    side = max(1, min(height, width) // SQUARE_SHARE)
    left = _bounce(number * 3, width - side)
    top = _bounce(number * 2, height - side)
    image[top : top + side, left : left + side] = (64, 240, 255)
    return image


def noise_image(rng: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return uniform noise, (H, W, 3) uint8."""
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8)


def sine_rows(first: int, shape: tuple[int, int], seed: int) -> npt.NDArray[np.float32]:
    """Return rows `first`, `first` + 1, ... of one wave a column, (T, C) float32 in [-1, 1]."""
    rows, columns = shape
    times = np.arange(first, first + rows, dtype=np.float64)[:, np.newaxis]
    speeds = np.arange(1, columns + 1, dtype=np.float64)
    phases = np.random.default_rng(seed).uniform(0.0, math.tau, columns)
    return np.sin(times * speeds * (math.tau / SINE_ROWS) + phases).astype(np.float32)


def _bounce(distance: int, room: int) -> int:
    """Return the place after walking `distance` to and fro in [0, room]."""
    if room <= 0:
        return 0
    place = distance % (2 * room)
    return place if place <= room else 2 * room - place
