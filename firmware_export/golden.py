"""Golden vectors: inputs, and the outputs that the interpreter says they give."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from quantize.ir.graph import Array, IntGraph, TensorType
from quantize.ir.integer_params import code_limits
from quantize.ir.interpreter import execute

SEED = 20_261_123


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Vectors by tensor name, (N, ...) codes each.

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
    return {name: _random_codes(rng, graph.tensors[name], count) for name in graph.inputs}


def _random_codes(rng: np.random.Generator, tensor: TensorType, count: int) -> Array:
    low, high = code_limits(tensor.dtype)
    return rng.integers(low, high + 1, (count, *tensor.shape[1:]), np.dtype(tensor.dtype.value))


def golden_vectors(graph: IntGraph, inputs: Mapping[str, Array]) -> Golden:
    """Return the vectors of these inputs, in the graph's own profile."""
    return Golden(dict(inputs), execute(graph, inputs))
