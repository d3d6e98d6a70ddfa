"""Compare: any two models, float or int8, ONNX or TFLite, on the same samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantize.calibrate.dataset import Batch, ModelInput
from quantize.calibrate.open_data import DataSettings, open_data
from quantize.emit.onnx_float import emit_float_onnx
from quantize.errors import ModelError
from quantize.executors import OnnxRunner, TfliteRunner
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.ir.interpreter import trace
from quantize.load.open import ModelFormat, OpenedModel, open_model
from quantize.measure import Reals, Watch, onnx_executor
from quantize.report.codes import codes_by_name, quant_params, reals_by_name, to_codes
from quantize.report.layers import LayerError, Tracer, Values, compare_layers
from quantize.report.metrics import predictions, sqnr_db
from quantize.report.parity import Runner, difference
from quantize.report.task import Task, class_cut, infer_task

BATCH_SIZE = 16
TRACED_SAMPLES = 16
TRACE_BATCH_SIZE = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One of the two models, ready to run on reals."""

    opened: OpenedModel
    graph: FloatGraph | IntGraph
    inputs: tuple[ModelInput, ...]
    run: Reals
    trace: Tracer


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two models differ.

    Attributes:
        samples: How many were run.
        max_lsb: Of the first output, where both give codes of the same scale; else None.
        max_abs: Of the first output, in reals.
        sqnr_db: Of the second's output against the first's; None where they are equal.
        changed_predictions: Samples whose greatest output is another; None without classes.
        layers: Of the tensors that both have, by name.
    """

    samples: int
    max_lsb: int | None
    max_abs: float
    sqnr_db: float | None
    changed_predictions: int | None
    layers: tuple[LayerError, ...]


def compare_models(
    first: Path, second: Path, data: Path, settings: DataSettings, watch: Watch
) -> Comparison:
    """Return how the second model differs from the first.

    Float models run on ONNX Runtime as the graphs that were loaded; int8 models run from their own
    file, on the runtime of its format. Inner tensors of int8 models are the interpreter's.

    Raises:
        ModelError: A model cannot be read, or they do not take and give the same shapes.
        DataError: The data is not what the first model takes.
    """
    watch("load", 0, 0)
    left, right = _open(first), _open(second)
    _check_alike(left, right)
    dataset = open_data(data, left.inputs, settings)
    wanted, found, kept = [], [], list[Batch]()
    done = 0
    for batch in dataset.read(BATCH_SIZE):
        wanted.append(left.run(batch)[left.graph.outputs[0]])
        found.append(right.run(_renamed(batch, right))[right.graph.outputs[0]])
        if done < TRACED_SAMPLES:
            kept.append({name: values[: TRACED_SAMPLES - done] for name, values in batch.items()})
        done += len(wanted[-1])
        watch("compare", done, dataset.samples)
    layers = _layers(left, right, kept)
    task = infer_task(left.graph, dataset.labels, _hint(left))
    outputs = (np.concatenate(wanted), np.concatenate(found))
    return _comparison(left, right, outputs, layers, has_classes=task is Task.CLASSIFICATION)


def _comparison(
    left: _Side,
    right: _Side,
    outputs: tuple[Array, Array],
    layers: tuple[LayerError, ...],
    *,
    has_classes: bool,
) -> Comparison:
    wanted, found = outputs[0], outputs[1].reshape(outputs[0].shape)
    changed = None
    if has_classes:
        cut = class_cut(left.graph)
        changed = int(np.sum(predictions(wanted, cut) != predictions(found, cut)))
    return Comparison(
        samples=len(wanted),
        max_lsb=_max_lsb(left.graph, right.graph, wanted, found),
        max_abs=float(np.max(np.abs(wanted.astype(np.float64) - found))),
        sqnr_db=sqnr_db(wanted, found),
        changed_predictions=changed,
        layers=layers,
    )


def _hint(side: _Side) -> str | None:
    content = side.opened.content
    return None if isinstance(content, IntGraph) else content.task_hint


def _max_lsb(
    left: FloatGraph | IntGraph, right: FloatGraph | IntGraph, wanted: Array, found: Array
) -> int | None:
    if not (isinstance(left, IntGraph) and isinstance(right, IntGraph)):
        return None
    quant = quant_params(left, left.outputs[0])
    if quant != quant_params(right, right.outputs[0]):
        return None
    return difference(to_codes(wanted, quant), to_codes(found, quant)).max_lsb


def _layers(left: _Side, right: _Side, kept: list[Batch]) -> tuple[LayerError, ...]:
    parts = [
        {name: values[start : start + TRACE_BATCH_SIZE] for name, values in batch.items()}
        for batch in kept
        for start in range(0, len(next(iter(batch.values()))), TRACE_BATCH_SIZE)
    ]

    def trace_right(batch: Values) -> Values:
        return right.trace(_renamed(batch, right))

    return compare_layers(parts, left.trace, trace_right, right.graph)


def _open(path: Path) -> _Side:
    opened = open_model(path)
    if isinstance(opened.content, IntGraph):
        return _int8_side(opened, opened.content)
    graph, permutations = opened.content.graph, opened.content.input_permutations
    made = [operation.output for operation in graph.operations]
    return _Side(
        opened=opened,
        graph=graph,
        inputs=_inputs(graph, permutations),
        run=OnnxRunner(emit_float_onnx(graph)),
        trace=OnnxRunner(emit_float_onnx(graph, made)),
    )


def _int8_side(opened: OpenedModel, graph: IntGraph) -> _Side:
    runner: Runner = (
        TfliteRunner(opened.data) if opened.format is ModelFormat.TFLITE else onnx_executor(graph)
    )

    def run(batch: Batch) -> Mapping[str, Array]:
        return reals_by_name(graph, runner(codes_by_name(graph, batch)))

    def traced(batch: Values) -> Values:
        codes = trace(graph, codes_by_name(graph, batch))
        made = {operation.output: codes[operation.output] for operation in graph.operations}
        return reals_by_name(graph, made)

    return _Side(opened=opened, graph=graph, inputs=_inputs(graph, {}), run=run, trace=traced)


def _inputs(
    graph: FloatGraph | IntGraph, permutations: Mapping[str, tuple[int, ...]]
) -> tuple[ModelInput, ...]:
    return tuple(
        ModelInput(name, graph.tensors[name].shape, permutations.get(name)) for name in graph.inputs
    )


def _check_alike(left: _Side, right: _Side) -> None:
    shapes = [
        [side.graph.tensors[name].shape[1:] for name in (*side.graph.inputs, side.graph.outputs[0])]
        for side in (left, right)
    ]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f"{right.opened.name}: inputs and output of shapes {shapes[1]},"
            f" {left.opened.name} has {shapes[0]}"
        )


def _renamed(batch: Batch, side: _Side) -> Batch:
    """Return the batch under the names of a side's inputs, by position."""
    return dict(zip(side.graph.inputs, batch.values(), strict=True))
