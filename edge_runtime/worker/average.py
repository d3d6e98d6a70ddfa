"""The mean of what a model said of the last few windows."""

from collections import deque
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from edge_runtime.engines.protocol import FloatArray

AverageState: TypeAlias = tuple[dict[str, tuple[tuple[int, ...], list[float]]], ...]


class Average:
    """Keeps the outputs of the last `count` frames; used by the inference loop alone."""

    def __init__(self, count: int) -> None:
        self._last: deque[Mapping[str, FloatArray]] = deque(maxlen=count)

    def state(self) -> AverageState:
        """Return what it remembers, oldest first."""
        return tuple(
            {name: (values.shape, values.ravel().tolist()) for name, values in outputs.items()}
            for outputs in self._last
        )

    def restore(self, state: AverageState) -> None:
        """Remember what another one did."""
        self._last.clear()
        for outputs in state:
            self._last.append(
                {n: np.array(v, np.float32).reshape(shape) for n, (shape, v) in outputs.items()}
            )

    def __call__(self, outputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """Return the mean of these outputs and those before, as many as there are."""
        self._last.append(outputs)
        return {
            name: np.mean([each[name] for each in self._last], axis=0, dtype=np.float32)
            for name in outputs
        }
