"""The error that rounding a few tensors makes in a network's output, all else in float."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.emit.onnx_simulated import SCALE, ZERO_POINT, emit_simulated_onnx
from quantize.executors import OnnxRunner
from quantize.ir.graph import Array, FloatGraph, Graph, QuantParams
from quantize.ir.ops import Logistic, LogSoftmax, Operation, Softmax, input_names
from quantize.ir.spec import check_float

_Floats: TypeAlias = npt.NDArray[np.float64]
_View: TypeAlias = Callable[[_Floats], _Floats]
Batches: TypeAlias = Sequence[Mapping[str, npt.NDArray[np.float32]]]
Errors: TypeAlias = tuple[float, ...]
Measure: TypeAlias = Callable[..., Errors | None]
Runner: TypeAlias = Callable[[Mapping[str, Array], Sequence[str]], Mapping[str, Array]]


_HOPELESS = 1.1  # what is so much worse over the first batches will not be better over all


class Judge:
    """Knows the exact outputs of a network for some samples, and tells how far others are off.

    It looks at the outputs, but at logits instead of scores: a softmax hides most of the error
    behind its few undecided samples. Logits are seen twice, as they are and through a softmax that
    is soft on every sample: what comes near the first place counts more, the rest still counts.
    """

    def __init__(self, graph: FloatGraph, samples: Batches, run: Runner) -> None:
        """Run the samples.

        Args:
            graph: Float.
            samples: By input name, in batches.
            run: Gives any activations of the graph, by name.
        """
        self._graph, self._samples, self._run = graph, samples, run
        judged = judged_outputs(graph)
        exact = [run(batch, list(judged)) for batch in samples]
        self._exact = {
            name: Exact([batch[name] for batch in exact], is_logits=is_logits)
            for name, is_logits in judged.items()
        }

    def errors_of(self, rounded: Sequence[str]) -> Measure:
        """Return a function from the params of some tensors, which share them, to the errors.

        An error is noise power over signal power, of each batch and summed over the outputs that
        are reached. Given the errors to beat, it ends early, with None, where that has no hope.
        """
        part = part_after(self._graph, rounded, list(self._exact))
        runner = OnnxRunner(emit_simulated_onnx(part, rounded, part.outputs), integers=False)
        inputs = [inputs_of(part, batch, self._run) for batch in self._samples]

        def measure(params: QuantParams, to_beat: Errors = ()) -> Errors | None:
            rounding = rounding_inputs(rounded, params)
            errors: list[float] = []
            for number, batch in enumerate(inputs):
                outputs = runner({**batch, **rounding})
                errors.append(
                    sum(self._exact[name].error(number, outputs[name]) for name in outputs)
                )
                if to_beat and sum(errors) > _HOPELESS * sum(to_beat[: len(errors)]):
                    return None
            return tuple(errors)

        return measure


def inputs_of(part: FloatGraph, batch: Mapping[str, Array], run: Runner) -> dict[str, Array]:
    """Return what a part reads: samples, and activations that are made before it."""
    made = [name for name in part.inputs if name not in batch]
    found = dict(run(batch, made)) if made else {}
    return {name: batch[name] if name in batch else found[name] for name in part.inputs}


def judged_outputs(graph: FloatGraph) -> dict[str, bool]:
    """Return the tensors to look at, and which of them are logits of a softmax."""
    makers = {operation.output: operation for operation in graph.operations}
    judged: dict[str, bool] = {}
    for name in graph.outputs:
        maker = makers.get(name)
        has_scores = isinstance(maker, Softmax | LogSoftmax | Logistic)
        judged[maker.input if has_scores else name] = isinstance(maker, Softmax | LogSoftmax)  # type: ignore[union-attr]  # has_scores
    return judged


class Exact:
    """One exact output for all samples, and how to look at the error of another."""

    def __init__(self, batches: Sequence[Array], *, is_logits: bool) -> None:
        whole = np.concatenate(batches).astype(np.float64)
        views: list[_View] = [_soft_scores(whole), _as_it_is] if is_logits else [_as_it_is]
        self._views = [(view, _power(view(whole))) for view in views]
        self._batches = batches

    def error(self, batch: int, found: Array) -> float:
        """Return the noise power of a batch over the signal power of all, summed over views."""
        pair = self._batches[batch].astype(np.float64), found.astype(np.float64)
        return sum(_power(view(pair[1]) - view(pair[0])) / power for view, power in self._views)


def _power(values: _Floats) -> float:
    return max(float(np.sum(values**2)), float(np.finfo(np.float64).tiny))


def _as_it_is(values: _Floats) -> _Floats:
    return values


def _soft_scores(logits: _Floats) -> _View:
    """Return a softmax at the temperature of half of the usual margin of these logits."""
    top = np.sort(logits, axis=-1)[..., -2:]
    temperature = max(float(np.median(np.ptp(top, axis=-1))) / 2, 1.0)

    def view(values: _Floats) -> _Floats:
        powers = np.exp((values - values.max(axis=-1, keepdims=True)) / temperature)
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

    return view


def outputs_after(graph: FloatGraph, name: str, outputs: Sequence[str]) -> list[str]:
    """Return those outputs that a tensor is, or that rest on it."""
    reached = {name}
    for operation in graph.operations:
        if reached & set(input_names(operation)):
            reached.add(operation.output)
    return [output for output in outputs if output in reached]


def part_after(graph: FloatGraph, names: Sequence[str], outputs: Sequence[str]) -> FloatGraph:
    """Return the operations that make some tensors, and all that rest on them up to outputs."""
    reached = set(names)
    part: list[Operation] = []
    for operation in graph.operations:
        if operation.output in reached or reached & set(input_names(operation)):
            reached.add(operation.output)
            part.append(operation)
    return check_float(_cut(graph, part, [name for name in outputs if name in reached]))


def _cut(graph: FloatGraph, operations: Sequence[Operation], outputs: Sequence[str]) -> Graph:
    needed = set(outputs)
    kept: list[Operation] = []
    for operation in reversed(operations):
        if operation.output in needed:
            kept.append(operation)
            needed.update(input_names(operation))
    made = {operation.output for operation in kept}
    inputs = [
        n for n in graph.tensors if n in needed and n not in made and n not in graph.constants
    ]
    names = needed | made
    return Graph(
        graph.name,
        tuple(inputs),
        tuple(outputs),
        {name: tensor for name, tensor in graph.tensors.items() if name in names},
        {name: values for name, values in graph.constants.items() if name in names},
        tuple(reversed(kept)),
    )


def rounding_inputs(
    rounded: Sequence[str], params: QuantParams
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the inputs of a simulated file that say how some activations are rounded."""
    inputs: dict[str, npt.NDArray[np.generic]] = {}
    for name in rounded:
        inputs[SCALE + name] = np.array(params.scale[0], np.float32)
        inputs[ZERO_POINT + name] = np.array(params.zero_point, np.int8)
    return inputs
