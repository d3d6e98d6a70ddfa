"""Error per layer: the signal-to-noise ratio of every tensor that both models have."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from quantize.ir.graph import Array, Graph
from quantize.report.metrics import sqnr_of_powers

Values: TypeAlias = Mapping[str, Array]
Tracer: TypeAlias = Callable[[Values], Values]  # reals in, every tensor as reals, by name


@dataclass(frozen=True, slots=True)
class LayerError:
    """How far one tensor of the second model is from the first's.

    Attributes:
        name: Of the tensor.
        operation: What makes it in the second model.
        sqnr_db: None where there is no difference, or no signal.
        max_abs: The greatest difference, in the tensor's own unit.
        low: The least value in the first model.
        high: The greatest.
    """

    name: str
    operation: str
    sqnr_db: float | None
    max_abs: float
    low: float
    high: float


@dataclass(slots=True)
class _Sums:
    """What is kept of a tensor from batch to batch."""

    signal: float = 0.0
    noise: float = 0.0
    max_abs: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, wanted: Array, found: Array) -> None:
        signal = wanted.astype(np.float64)
        error = np.abs(signal - found.reshape(signal.shape))
        self.signal += float(np.sum(signal**2))
        self.noise += float(np.sum(error**2))
        self.max_abs = max(self.max_abs, float(error.max()))
        self.low = min(self.low, float(signal.min()))
        self.high = max(self.high, float(signal.max()))


def compare_layers(
    batches: Iterable[Values], first: Tracer, second: Tracer, graph: Graph
) -> tuple[LayerError, ...]:
    """Return the error of every tensor that both tracers give, in the order of `graph`.

    Args:
        batches: Inputs by name, reals.
        first: The model that is taken for right.
        second: The model that is measured.
        graph: Of the second model; says which operation makes a tensor.
    """
    sums: dict[str, _Sums] = {}
    for batch in batches:
        wanted, found = first(batch), second(batch)
        for name in _shared_names(graph, wanted, found):
            sums.setdefault(name, _Sums()).add(wanted[name], found[name])
    kinds = {operation.output: type(operation).__name__ for operation in graph.operations}
    return tuple(_error(name, kinds[name], sums[name]) for name in kinds if name in sums)


def _shared_names(graph: Graph, wanted: Values, found: Values) -> list[str]:
    return [
        operation.output
        for operation in graph.operations
        if operation.output in wanted
        and operation.output in found
        and wanted[operation.output].size == found[operation.output].size
    ]


def _error(name: str, operation: str, sums: _Sums) -> LayerError:
    return LayerError(
        name=name,
        operation=operation,
        sqnr_db=sqnr_of_powers(sums.signal, sums.noise),
        max_abs=sums.max_abs,
        low=sums.low,
        high=sums.high,
    )
