"""Sensitivity: what each layer does to the outputs when it alone is int8.

Errors of single layers add up almost exactly, so that the greatest are what to take out first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.output_error import (
    Exact,
    Runner,
    inputs_of,
    judged_outputs,
    outputs_after,
    part_after,
    rounding_inputs,
)
from quantize.emit.onnx_simulated import emit_simulated_onnx
from quantize.executors import OnnxRunner
from quantize.ir.graph import Array, FloatGraph, IntGraph, QuantParams
from quantize.ir.integer_params import quant_of, reals_of
from quantize.ir.ops import Operation
from quantize.parallel import Workers, run_all
from quantize.params import MOVING_OPERATIONS
from quantize.weights import Weighted

_Batches: TypeAlias = Sequence[Mapping[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One layer.

    Attributes:
        name: Of its output in the float graph.
        error: Noise power over signal power of the outputs, summed over them and over how they
            are looked at (see Judge), with this layer's weights and output rounded to int8.
    """

    name: str
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class LayerTrial:
    """A layer and everything that it takes to measure it; it can be pickled.

    Attributes:
        name: Of its output.
        quant: Its output's int8 params.
        part: The float network from the layer on, the layer's weights rounded.
        inputs: What the part reads, in batches.
        exact: What it should give, by name, in the same batches.
        logits: Which of those are logits of a softmax.
    """

    name: str
    quant: QuantParams
    part: FloatGraph
    inputs: tuple[Mapping[str, Array], ...]
    exact: Mapping[str, tuple[Array, ...]]
    logits: frozenset[str]


def rank_layers(
    graph: FloatGraph, integers: IntGraph, samples: _Batches, run: Runner, workers: Workers
) -> tuple[Sensitivity, ...]:
    """Return all layers but those that only move values, the worst first.

    The result does not depend on who works.

    Args:
        graph: Float.
        integers: What `lower` made of it, all in int8.
        samples: What is measured on, by input name, in batches.
        run: Gives any activations of the graph, by name.
        workers: Who works.
    """
    found = run_all(measure_layer, _trials(graph, integers, samples, run), workers)
    return tuple(sorted(found, key=lambda layer: -layer.error))  # stable: ties as they run


def measure_layer(trial: LayerTrial) -> Sensitivity:
    """Return the error of one layer."""
    names = (trial.name,)
    runner = OnnxRunner(emit_simulated_onnx(trial.part, names, trial.part.outputs), integers=False)
    exact = {
        name: Exact(batches, is_logits=name in trial.logits)
        for name, batches in trial.exact.items()
    }
    rounding = rounding_inputs(names, trial.quant)
    total = 0.0
    for number, batch in enumerate(trial.inputs):
        outputs = runner({**batch, **rounding})
        total += sum(exact[name].error(number, values) for name, values in outputs.items())
    return Sensitivity(trial.name, total)


def _trials(
    graph: FloatGraph, integers: IntGraph, samples: _Batches, run: Runner
) -> Iterator[LayerTrial]:
    """Yield a trial of each layer when a worker is free: what a layer reads may be large."""
    judged = judged_outputs(graph)
    exact = [run(batch, [*judged]) for batch in samples]
    weighted = (op for op in integers.operations if isinstance(op, Weighted))
    for operation in graph.operations:
        twin = next(weighted) if isinstance(operation, Weighted) else None
        seen = outputs_after(graph, operation.output, [*judged])
        if isinstance(operation, MOVING_OPERATIONS) or not seen:
            continue
        rounded = _rounded(graph, operation, integers, twin)
        part = part_after(rounded, [operation.output], [*judged])
        yield LayerTrial(
            name=operation.output,
            quant=quant_of(integers, operation.output),
            part=part,
            inputs=tuple(inputs_of(part, batch, run) for batch in samples),
            exact={name: tuple(batch[name] for batch in exact) for name in part.outputs},
            logits=frozenset(name for name in part.outputs if judged[name]),
        )


def _rounded(
    graph: FloatGraph, operation: Operation, integers: IntGraph, twin: Weighted | None
) -> FloatGraph:
    """Return the graph with the weights and the bias of one operation as the integers have them."""
    if not isinstance(operation, Weighted) or twin is None:
        return graph
    pairs = [(operation.weight, twin.weight), (operation.bias, twin.bias)]
    constants = {
        ours: reals_of(integers.constants[theirs], integers.tensors[theirs].quant)
        for ours, theirs in pairs
        if ours is not None and theirs is not None
    }
    return replace(graph, constants={**graph.constants, **constants})
