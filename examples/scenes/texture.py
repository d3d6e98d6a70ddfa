"""Textures: backgrounds that are no photographs, but not plain either."""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]


def texture(rng: np.random.Generator, size: int) -> Pixels:
    """Return (size, size, 3) in 0..255: a random blend of colours, often with stripes."""
    cells = int(rng.integers(2, 9))
    colours = rng.uniform(0, 255, (cells, cells, 3))
    blend = _enlarged(colours, size) * rng.uniform(0.2, 1.0) + rng.uniform(0, 100, 3)
    if rng.random() < 0.5:
        blend += _stripes(rng, size)[..., np.newaxis] * rng.uniform(-40, 40, 3)
    return np.clip(blend, 0, 255).astype(np.float32)


def contrasting_colour(rng: np.random.Generator, behind: Pixels) -> Pixels:
    """Return a random colour (3,) whose brightness differs from what is behind it by 50 or more."""
    while True:
        colour = rng.uniform(0, 255, 3).astype(np.float32)
        if abs(float(colour.mean()) - float(behind.mean())) >= 50:
            return colour


def noisy(rng: np.random.Generator, picture: Pixels) -> npt.NDArray[np.uint8]:
    """Return the picture as a sensor would give it: noise added, rounded, 0..255."""
    noise = rng.normal(0, rng.uniform(0, 14), picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def sampled(grid: Pixels, rows: Pixels, columns: Pixels) -> Pixels:
    """Return the grid (H, W, ...) at real coordinates, bilinear; 0 beyond its edge.

    Args:
        grid: The values.
        rows: (...) coordinates; 0 is the centre of the first row.
        columns: The same.
    """
    padded = np.pad(grid, ((1, 2), (1, 2), *((0, 0),) * (grid.ndim - 2)))
    rows = np.clip(rows + 1, 0, grid.shape[0] + 1)
    columns = np.clip(columns + 1, 0, grid.shape[1] + 1)
    top, left = rows.astype(int), columns.astype(int)
    down, right = ((real - whole) for real, whole in ((rows, top), (columns, left)))
    if grid.ndim == 3:
        down, right = down[..., np.newaxis], right[..., np.newaxis]
    above = padded[top, left] * (1 - right) + padded[top, left + 1] * right
    below = padded[top + 1, left] * (1 - right) + padded[top + 1, left + 1] * right
    return (above * (1 - down) + below * down).astype(np.float32)


def _enlarged(grid: npt.NDArray[np.float64], size: int) -> Pixels:
    line = np.linspace(0, len(grid) - 1, size, dtype=np.float32)
    return sampled(grid.astype(np.float32), *np.meshgrid(line, line, indexing="ij"))


def _stripes(rng: np.random.Generator, size: int) -> Pixels:
    """Return (size, size) waves of -1..1 in a random direction."""
    angle, length = rng.uniform(0, np.pi), rng.uniform(3, 12)
    line = np.arange(size)
    way = np.cos(angle) * line[:, np.newaxis] + np.sin(angle) * line
    return np.sin(2 * np.pi * way / length).astype(np.float32)
