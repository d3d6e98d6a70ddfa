"""What the calibration samples showed of each tensor, beside the range that was chosen for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import IntGraph
from quantize.report.causes import range_of

BINS = 48


class Counts(Protocol):
    """What calibration keeps of a tensor: bin i begins at (first + i) * 2**exponent."""

    @property
    def low(self) -> float:
        """The least value, exact."""

    @property
    def high(self) -> float:
        """The greatest value, exact."""

    @property
    def count(self) -> int:
        """How many values."""

    @property
    def counts(self) -> npt.NDArray[Any]:
        """(B,) of each bin."""

    def centres(self) -> npt.NDArray[np.float64]:
        """Return the middle of each bin, (B,)."""


@dataclass(frozen=True, slots=True)
class Activation:
    """One tensor.

    Attributes:
        name: Of the tensor.
        method: How its range was found; None where an operation dictates it.
        low: The least value seen.
        high: The greatest value seen.
        range_low: The least value that its codes can say.
        range_high: The greatest.
        clipped_share: Share of the values outside of that, as far as the bins tell.
        counts: Of 48 bins alike from `low` to `high`.
    """

    name: str
    method: str | None
    low: float
    high: float
    range_low: float
    range_high: float
    clipped_share: float
    counts: tuple[int, ...]


def activations(
    histograms: Mapping[str, Counts], graph: IntGraph, methods: Mapping[str, str]
) -> tuple[Activation, ...]:
    """Return each quantized tensor that was calibrated, in the order they are made."""
    names = [*graph.inputs, *(operation.output for operation in graph.operations)]
    return tuple(
        _activation(name, histograms[name], graph, methods.get(name))
        for name in names
        if name in histograms and graph.tensors[name].quant is not None
    )


def _activation(name: str, seen: Counts, graph: IntGraph, method: str | None) -> Activation:
    low, high = range_of(graph.tensors[name])
    centres = seen.centres()
    step = (high - low) / 512  # within half a step of an end nothing is lost
    outside = seen.counts[(centres < low - step) | (centres > high + step)].sum()
    return Activation(
        name=name,
        method=method,
        low=seen.low,
        high=seen.high,
        range_low=low,
        range_high=high,
        clipped_share=float(outside) / seen.count,
        counts=_coarse(seen),
    )


def _coarse(seen: Counts) -> tuple[int, ...]:
    """Return the counts in 48 bins; those of one fine bin go where its middle lies."""
    width = (seen.high - seen.low) or 1.0
    places = np.clip((seen.centres() - seen.low) / width * BINS, 0, BINS - 1).astype(np.int64)
    coarse = np.bincount(places, seen.counts, BINS)
    return tuple(int(count) for count in coarse)
