"""Measure: both models over the same samples, and every executor over the same codes."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.calibrate.dataset import Batch, Dataset
from quantize.detecting import Detector, as_objects
from quantize.emit.onnx_float import emit_float_onnx
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import Kernels, OnnxRunner, TfliteRunner, split
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.ir.interpreter import trace
from quantize.parallel import own_threads
from quantize.report.codes import codes_by_name, reals_by_name
from quantize.report.detection import Graded
from quantize.report.evaluation import Answers, anomaly_scores
from quantize.report.layers import LayerError, compare_layers
from quantize.report.parity import Codes, Executor, Runner
from quantize.report.showing import spread_rows
from quantize.report.subgraphs import logits_name, with_logits
from quantize.report.task import Task

Reals: TypeAlias = Callable[[Batch], Mapping[str, Array]]  # float32 in and out, (N, ...) by name
Watch: TypeAlias = Callable[[str, int, int], None]  # stage ("": at hand), done, total (0: unknown)
BATCH_SIZE = 16
TRACE_BATCH_SIZE = 4  # every tensor of so many samples is in memory at once


def onnx_executor(graph: IntGraph) -> Runner:
    """Return the graph's QDQ file on ONNX Runtime, which takes reals: the codes' own."""
    runner = OnnxRunner(emit_qdq_onnx(graph))

    def run(codes: Codes) -> Codes:
        return codes_by_name(graph, runner(reals_by_name(graph, codes)))

    return run


def tflite_executor(kernels: Kernels) -> Executor:
    """Return what runs a graph's TFLite file on LiteRT's kernels of one kind."""

    def executor(graph: IntGraph) -> Runner:
        return TfliteRunner(emit_tflite(graph), kernels=kernels)

    return executor


EXECUTORS: Mapping[str, Executor] = {
    "litert_reference": tflite_executor(Kernels.REFERENCE),
    "litert_default": tflite_executor(Kernels.DEFAULT),
    "onnxruntime": onnx_executor,
}
SELF_TEST_EXECUTORS: Mapping[str, Executor] = {
    "onnx": EXECUTORS["onnxruntime"],
    "tflite": EXECUTORS["litert_default"],
}


def float_runner(graph: FloatGraph) -> Reals:
    """Return the float model on ONNX Runtime: its outputs and its logits."""
    names = dict.fromkeys((*graph.outputs, logits_name(graph)))
    return OnnxRunner(emit_float_onnx(graph, tuple(names)), threads=own_threads())


def int8_runner(graph: IntGraph) -> Reals:
    """Return the integers on ONNX Runtime: first output and logits.

    The logits are a further output of the file that is run; the first one is the same bit for bit.
    """
    return OnnxRunner(emit_qdq_onnx(with_logits(graph)), threads=own_threads())


def answers(
    run: Reals,
    names: tuple[str, str],
    dataset: Dataset,
    task: Task,
    detector: Detector | None = None,
) -> Answers:
    """Return what a model says to all samples.

    Args:
        run: The model.
        names: Of its output and of its logits.
        dataset: The samples.
        task: Anomaly also gets the score of each sample.
        detector: What its boxes are measured by, for detection.
    """
    outputs, logits, scores = [], [], []
    graded: list[Graded] = []
    for batch in dataset.read(BATCH_SIZE):
        found = run(batch)
        outputs.append(found[names[0]])
        if names[1] != names[0]:
            logits.append(found[names[1]])
        if task is Task.ANOMALY:
            scores.append(anomaly_scores(next(iter(batch.values())), outputs[-1]))
        if detector is not None:
            graded += detector.graded(found, len(graded))
    whole = np.concatenate(outputs)
    return Answers(
        outputs=whole,
        logits=np.concatenate(logits) if logits else whole,
        scores=np.concatenate(scores) if scores else None,
        graded=as_objects(graded) if detector is not None else None,
    )


def sample_codes(graph: IntGraph, dataset: Dataset, limit: int) -> dict[str, Array]:
    """Return the codes of up to `limit` samples, evenly spread over the data."""
    reals = spread_samples(dataset, limit)
    return dict(codes_by_name(graph, reals))


def spread_samples(dataset: Dataset, limit: int) -> dict[str, Array]:
    """Return up to `limit` samples (K, ...) by input name, evenly spread over the data."""
    return pick_samples(dataset, spread_rows(dataset.samples, limit))


def pick_samples(dataset: Dataset, wanted: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Return the samples (K, ...) with these indices, which are sorted, by input name."""
    kept: dict[str, list[Array]] = {}
    start = 0
    for batch in dataset.read(BATCH_SIZE):
        size = len(next(iter(batch.values())))
        if start > wanted[-1]:
            break
        rows = wanted[(wanted >= start) & (wanted < start + size)] - start
        for name, values in batch.items():
            kept.setdefault(name, []).append(values[rows])
        start += size
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def layer_errors(
    reference: FloatGraph, graph: IntGraph, samples: Mapping[str, Array]
) -> tuple[LayerError, ...]:
    """Return the error of every tensor of the integers against the float graph they came from."""
    runner = OnnxRunner(
        emit_float_onnx(reference, [operation.output for operation in reference.operations])
    )

    def interpreted(batch: Mapping[str, Array]) -> Mapping[str, Array]:
        codes = trace(graph, codes_by_name(graph, batch))
        made = {operation.output: codes[operation.output] for operation in graph.operations}
        return reals_by_name(graph, made)

    return compare_layers(split(samples, TRACE_BATCH_SIZE), runner, interpreted, graph)
