"""Coloured digits: scikit-learn's handwritten digits, turned and tinted, on textures.

Training and evaluation pictures are made of different handwriting: 500 of the 1,797 digits are
held out. The same seed gives the same pictures.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from examples.scenes.texture import Pixels, contrasting_colour, noisy, sampled, texture

SIZE = 32
CLASSES = 10
HELD_OUT = 500
SPLIT_SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class Handwriting:
    """Digits (N, 8, 8) in 0..1 and what they are (N,)."""

    strokes: Pixels
    labels: npt.NDArray[np.int64]


def handwriting() -> tuple[Handwriting, Handwriting]:
    """Return the digits to train with, and those that are held out."""
    digits = load_digits()
    strokes = (digits.images / 16).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        strokes, digits.target, test_size=HELD_OUT, random_state=SPLIT_SEED, stratify=digits.target
    )
    return Handwriting(train_x, train_y), Handwriting(test_x, test_y)


def pictures(
    source: Handwriting, count: int, seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return `count` pictures (N, 32, 32, 3) in RGB and their classes (N,)."""
    rng = np.random.default_rng(seed)
    order = np.resize(rng.permutation(len(source.labels)), count)
    made = np.stack([_picture(rng, source.strokes[index]) for index in order])
    return made, source.labels[order]


def as_input(made: npt.NDArray[np.uint8]) -> Pixels:
    """Return pictures as the networks take them: (N, 3, 32, 32), -1..1; see preprocess.toml."""
    return np.ascontiguousarray((made.astype(np.float32) - 127.5).transpose(0, 3, 1, 2) / 127.5)


def _picture(rng: np.random.Generator, strokes: Pixels) -> npt.NDArray[np.uint8]:
    behind = texture(rng, SIZE)
    ink = _placed(rng, strokes)[..., np.newaxis]
    return noisy(rng, behind * (1 - ink) + contrasting_colour(rng, behind) * ink)


def _placed(rng: np.random.Generator, strokes: Pixels) -> Pixels:
    """Return (32, 32) in 0..1: the strokes turned, scaled and moved."""
    angle, scale = rng.uniform(-0.3, 0.3), 8 / rng.uniform(18, 30)
    centre = SIZE / 2 - 0.5 + rng.uniform(-3, 3, 2)
    line = np.arange(SIZE, dtype=np.float32)
    down, right = np.meshgrid(line - centre[0], line - centre[1], indexing="ij")
    rows = scale * (np.cos(angle) * down - np.sin(angle) * right) + 3.5
    columns = scale * (np.sin(angle) * down + np.cos(angle) * right) + 3.5
    return np.clip(1.6 * sampled(strokes, rows, columns) - 0.2, 0, 1).astype(np.float32)
