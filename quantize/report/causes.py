"""Where the error comes from: weights, rounding and clipping, each alone in the float network.

The reference graph runs once as it is and once for each cause, which then acts in every layer. What
a layer adds itself is the step between its value before and after; what has come together there
since the input is the distance to the undisturbed run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from quantize.ir.float_executor import execute_float_operation
from quantize.ir.graph import Array, FloatGraph, IntGraph, QuantParams, TensorType
from quantize.ir.integer_params import reals_of
from quantize.ir.ops import Operation, input_names, rename_tensors
from quantize.report.metrics import sqnr_of_powers
from quantize.report.subgraphs import logits_name

Values: TypeAlias = Mapping[str, Array]
Key: TypeAlias = tuple[str, "Cause"]
INPUT = "Input"  # the operation that is said to make a graph's input
JUDGED = 16  # so many of the greatest errors are followed to the logits


class Cause(StrEnum):
    """What an integer cannot say."""

    WEIGHTS = "weights"  # weights and biases that were rounded
    ROUNDING = "rounding"  # activations between two codes
    CLIPPING = "clipping"  # activations outside of the range


@dataclass(frozen=True, slots=True)
class ErrorSplit:
    """Signal to noise of a tensor under each cause alone, in dB; None: no error of this cause."""

    weights: float | None
    rounding: float | None
    clipping: float | None


@dataclass(frozen=True, slots=True)
class LayerCauses:
    """The error of one tensor by cause.

    Attributes:
        name: Of the tensor.
        operation: What makes it.
        own: What this layer adds.
        accumulated: What has come together since the input.
    """

    name: str
    operation: str
    own: ErrorSplit
    accumulated: ErrorSplit


@dataclass(frozen=True, slots=True)
class Effect:
    """What one cause in one layer does to the logits when nothing else is disturbed.

    Attributes:
        name: Of the layer's tensor.
        operation: What makes it.
        cause: Which.
        noise_share: Its noise there, in parts of that of the integers, which have all causes.
    """

    name: str
    operation: str
    cause: Cause
    noise_share: float


@dataclass(slots=True)
class _Powers:
    """Sums of squares by tensor, and by tensor and cause."""

    signal: dict[str, float] = field(default_factory=dict)
    own: dict[Key, float] = field(default_factory=dict)
    accumulated: dict[Key, float] = field(default_factory=dict)


class CauseModel:
    """Both graphs, and what each cause does to a tensor."""

    def __init__(self, reference: FloatGraph, graph: IntGraph) -> None:
        """Pair every operation of the float graph with that of the integers."""
        self.reference = reference
        self._types = graph.tensors
        self._integers = _integer_twins(reference, graph)

    def made(
        self, operation: Operation, values: Values, cause: Cause | None
    ) -> tuple[Array, Array]:
        """Return what an operation makes of `values`, before and after a cause acts on it."""
        exact = execute_float_operation(operation, self.reference, values)
        if cause is Cause.WEIGHTS and operation.output in self._integers:
            twin, constants = self._integers[operation.output]
            disturbed = execute_float_operation(twin, self.reference, {**values, **constants})
            return exact, disturbed
        return exact, self.acted(operation.output, exact, cause)

    def acted(self, name: str, values: Array, cause: Cause | None) -> Array:
        """Return a tensor's values after an activation's cause has acted on them."""
        kind = self._types.get(name)
        if kind is None or kind.quant is None or cause in {None, Cause.WEIGHTS}:
            return values
        return rounded(values, kind.quant) if cause is Cause.ROUNDING else clipped(values, kind)


def rounded(values: Array, quant: QuantParams) -> Array:
    """Return the nearest multiples of the scale, without any limit."""
    return np.asarray(np.rint(values / np.float32(quant.scale[0])) * np.float32(quant.scale[0]))


def clipped(values: Array, kind: TensorType) -> Array:
    """Return the values within what the codes of a tensor can say, not rounded."""
    low, high = range_of(kind)
    return np.clip(values, np.float32(low), np.float32(high))


def range_of(kind: TensorType) -> tuple[float, float]:
    """Return the least and the greatest real that a per-tensor quantized tensor can say."""
    assert kind.quant is not None  # the caller has looked
    limits, scale = np.iinfo(kind.dtype.value), kind.quant.scale[0]
    return scale * (limits.min - kind.quant.zero_point), scale * (
        limits.max - kind.quant.zero_point
    )


def split_by_cause(model: CauseModel, batches: Iterable[Values]) -> tuple[LayerCauses, ...]:
    """Return the error by cause of every tensor, inputs first, in the order they are made."""
    powers = _Powers()
    for batch in batches:
        exact = run_with(model, batch, None)
        for name in (*model.reference.inputs, *(op.output for op in model.reference.operations)):
            powers.signal[name] = powers.signal.get(name, 0.0) + power(exact[name])
        for cause in Cause:
            _add_noise(powers, cause, exact, run_with(model, batch, cause, powers.own))
    kinds = dict.fromkeys(model.reference.inputs, INPUT)
    kinds |= {op.output: type(op).__name__ for op in model.reference.operations}
    return tuple(
        LayerCauses(
            name, kind, _split(name, powers.own, powers), _split(name, powers.accumulated, powers)
        )
        for name, kind in kinds.items()
    )


def run_with(
    model: CauseModel, batch: Values, cause: Cause | None, own: dict[Key, float] | None = None
) -> dict[str, Array]:
    """Return every tensor with a cause acting in all layers; `own` takes up each layer's step."""
    graph = model.reference
    values: dict[str, Array] = dict(graph.constants)
    for name in graph.inputs:
        exact = np.asarray(batch[name], np.float32)
        values[name] = model.acted(name, exact, cause)
        _note(own, (name, cause), exact, values[name])
    for operation in graph.operations:
        exact, values[operation.output] = model.made(operation, values, cause)
        _note(own, (operation.output, cause), exact, values[operation.output])
    return values


def effects(
    model: CauseModel, layers: Sequence[LayerCauses], batch: Values, logits_sqnr_db: float | None
) -> tuple[Effect, ...]:
    """Return what the greatest errors do to the logits, each alone, the worst first.

    Args:
        model: Both graphs.
        layers: By `split_by_cause`.
        batch: Samples to run.
        logits_sqnr_db: Of the integers.
    """
    exact = run_with(model, batch, None)
    last = logits_name(model.reference)
    whole = 0.0 if logits_sqnr_db is None else power(exact[last]) / 10 ** (logits_sqnr_db / 10)
    kinds = {layer.name: layer.operation for layer in layers}
    noises = {
        key: power(_followed(model, exact, key)[last] - exact[last]) for key in _greatest(layers)
    }
    total = max(whole, sum(noises.values()))
    found = [
        Effect(name, kinds[name], cause, noise / total)
        for (name, cause), noise in noises.items()
        if noise > 0.0
    ]
    return tuple(sorted(found, key=lambda effect: -effect.noise_share))


def power(values: Array) -> float:
    """Return the sum of squares."""
    return float(np.sum(np.square(values, dtype=np.float64)))


def _note(
    own: dict[Key, float] | None, key: tuple[str, Cause | None], exact: Array, found: Array
) -> None:
    name, cause = key
    if own is not None and cause is not None:
        own[name, cause] = own.get((name, cause), 0.0) + power(found - exact)


def _add_noise(powers: _Powers, cause: Cause, exact: Values, found: Values) -> None:
    for name in powers.signal:
        key, noise = (name, cause), power(found[name] - exact[name])
        powers.accumulated[key] = powers.accumulated.get(key, 0.0) + noise


def _split(name: str, noises: Mapping[Key, float], powers: _Powers) -> ErrorSplit:
    ratios = [sqnr_of_powers(powers.signal[name], noises[name, cause]) for cause in Cause]
    return ErrorSplit(*(None if ratio is None else round(ratio, 3) for ratio in ratios))


def _greatest(layers: Iterable[LayerCauses]) -> list[Key]:
    """Return the pairs of layer and cause with the worst ratios of their own."""
    ratios = [
        (ratio, layer.name, cause)
        for layer in layers
        for cause in Cause
        if (ratio := getattr(layer.own, cause.value)) is not None
    ]
    return [(name, cause) for _, name, cause in sorted(ratios)[:JUDGED]]


def _followed(model: CauseModel, exact: Values, key: Key) -> dict[str, Array]:
    """Return every tensor with one cause acting in one layer; only what follows runs again."""
    name, cause = key
    values = dict(exact)
    if name in model.reference.inputs:
        values[name] = model.acted(name, exact[name], cause)
    changed = {name}
    for operation in model.reference.operations:
        if operation.output == name:
            values[name] = model.made(operation, exact, cause)[1]
        elif changed & set(input_names(operation)):
            changed.add(operation.output)
            values[operation.output] = execute_float_operation(operation, model.reference, values)
    return values


def _integer_twins(
    reference: FloatGraph, graph: IntGraph
) -> dict[str, tuple[Operation, dict[str, Array]]]:
    """Return each operation with constants as the integers' own, which reads the float tensors.

    Both read the same tensors in the same order; the integers may have a bias more, which is last.
    """
    twins = {}
    integers = {operation.output: operation for operation in graph.operations}
    for operation in reference.operations:
        twin = integers.get(operation.output)
        if twin is None or type(twin) is not type(operation):
            continue
        constants = {
            name: reals_of(graph.constants[name], graph.tensors[name].quant)
            for name in input_names(twin)
            if name in graph.constants
        }
        pairs = zip(input_names(twin), input_names(operation), strict=False)
        renamed = {theirs: ours for theirs, ours in pairs if theirs not in graph.constants}
        if constants:
            twins[operation.output] = (rename_tensors(twin, renamed), constants)
    return twins
