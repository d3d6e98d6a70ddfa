"""Several samples through an engine: in one call where it takes them so, else one after the other.

A call costs some tens of microseconds whatever it computes, and its layers find more to do at once.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from edge_runtime.engines.protocol import Engine, FloatArray
from edge_runtime.errors import EngineError

CALL_BYTES = 4 << 20  # of inputs: what layers hold grows with them, and what is saved does not

Tensors: TypeAlias = Mapping[str, FloatArray]


def most_at_once(engine: Engine, sample_bytes: int) -> int:
    """Return how many samples of so many bytes a call may hold, at least 1.

    An engine says by `takes_batches` that it takes several; one of another package need not know.
    """
    if not getattr(engine, "takes_batches", False):
        return 1
    return max(1, CALL_BYTES // max(1, sample_bytes))


def run_all(engine: Engine, samples: Sequence[Tensors], most: int) -> list[dict[str, FloatArray]]:
    """Return the outputs of each sample, at most so many of them in one call.

    Args:
        engine: Of the model.
        samples: Inputs by name, each (1, ...).
        most: At least 1; above 1 only for an engine that takes batches.

    Raises:
        EngineError: The engine fails, or its outputs are not of as many samples as its inputs.
    """
    calls = (samples[first : first + most] for first in range(0, len(samples), most))
    return [outputs for call in calls for outputs in _run_call(engine, call)]


def _run_call(engine: Engine, samples: Sequence[Tensors]) -> list[dict[str, FloatArray]]:
    if len(samples) == 1:
        return [engine.run(samples[0])]
    stacked = {name: np.concatenate([each[name] for each in samples]) for name in samples[0]}
    outputs = engine.run(stacked)
    for name, values in outputs.items():
        if values.ndim == 0 or len(values) != len(samples):
            raise EngineError(
                f"engine {engine.name}: output {name!r} is {values.shape}, "
                f"{len(samples)} samples went in"
            )
    return [{n: values[i : i + 1] for n, values in outputs.items()} for i in range(len(samples))]
