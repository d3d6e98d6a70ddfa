"""Random inputs: what a model is run on when there is no data; they say nothing of accuracy."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from quantize.calibrate.dataset import Batch, Dataset, ModelInput

RANDOM_INPUTS = "random inputs"
SAMPLES = 32
SEED = 20261125


def noise(inputs: Sequence[ModelInput], low: float, high: float) -> Dataset:
    """Return samples whose values are uniform in [low, high], the same every time."""

    def read(size: int) -> Iterator[Batch]:
        rng = np.random.default_rng(SEED)
        whole = {
            entry.name: rng.uniform(low, high, (SAMPLES, *entry.shape[1:])).astype(np.float32)
            for entry in inputs
        }
        for start in range(0, SAMPLES, size):
            yield {name: values[start : start + size] for name, values in whole.items()}

    return Dataset(
        name=RANDOM_INPUTS,
        samples=SAMPLES,
        labels=None,
        groups=None,
        class_names=(),
        sha256=hashlib.sha256(f"uniform {low!r} {high!r} {SEED}".encode()).hexdigest(),
        read=read,
    )
