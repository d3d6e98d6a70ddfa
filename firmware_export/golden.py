"""Golden vectors: inputs, and the outputs that the interpreter says they give."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from quantize.ir.graph import Array, IntGraph
from quantize.ir.interpreter import execute

SEED = 20_261_123


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Vectors by tensor name, (N, ...) int8 each.

    Attributes:
        inputs: What the model is given.
        outputs: What it must give, bit for bit.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return len(next(iter(self.inputs.values())))


def random_inputs(graph: IntGraph, count: int) -> dict[str, Array]:
    """Return `count` random inputs over all codes, the same at each call."""
    rng = np.random.default_rng(SEED)
    return {
        name: rng.integers(-128, 128, (count, *graph.tensors[name].shape[1:]), np.int8)
        for name in graph.inputs
    }


def golden_vectors(graph: IntGraph, inputs: Mapping[str, Array]) -> Golden:
    """Return the vectors of these inputs, in the graph's own profile."""
    return Golden(dict(inputs), execute(graph, inputs))
