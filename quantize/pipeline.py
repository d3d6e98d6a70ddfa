"""The pipeline: a float model and data become a bundle; the stages in order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.manifest import Manifest
from quantize.calibrate.dataset import Batch, Dataset, Reader
from quantize.emit.bundle import plan_destination, write_bundle
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.integers import Quantized, quantize_graph
from quantize.ir.graph import FloatGraph, IntGraph
from quantize.job import Job, JobData, open_job_data
from quantize.load.open import OpenedModel, open_float_model
from quantize.measure import (
    EXECUTORS,
    SELF_TEST_EXECUTORS,
    Watch,
    answers,
    float_runner,
    int8_runner,
    layer_errors,
    sample_codes,
    spread_samples,
)
from quantize.packing import Made, bundle_files, bundle_manifest
from quantize.passes.simplify import simplify
from quantize.report.costs import operation_counts, total_macs
from quantize.report.evaluation import Evaluation, evaluate
from quantize.report.parity import Parity, compare_executor, interpret
from quantize.report.report import ModelFacts, Report
from quantize.report.subgraphs import logits_name
from quantize.report.task import Task
from quantize.self_test_vectors import make_vectors

PARITY_SAMPLES = 100
TRACED_SAMPLES = 32
LAYER_SAMPLES = 16
SELF_TEST_CANDIDATES = 32
MAX_NAME = 48
ANOMALY_PERCENTILE = 99.0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a job came to.

    Attributes:
        bundle: The directory that was written.
        manifest: As it stands in it.
        report: As it stands in it.
    """

    bundle: Path
    manifest: Manifest
    report: Report


def run_job(job: Job, watch: Watch) -> Outcome:
    """Quantize a model, measure the integers and write the bundle.

    Args:
        job: What to do.
        watch: Is told of every stage.

    Raises:
        QuantizeError: By cause; nothing is written then.
    """
    watch("load", 0, 0)
    opened, loaded = open_float_model(job.model)
    name = bundle_name(opened.name) if job.name is None else job.name
    destination = plan_destination(job.out, name, job.version, replace=job.force)
    data = open_job_data(job, loaded)
    read = counted(data.calibration, watch)
    quantized = quantize_graph(simplify(loaded.graph), read, job.recipe, watch)
    watch("evaluate", 0, 0)
    data = with_threshold(data, quantized.graph)
    evaluation = measure(data, loaded.graph, quantized.graph)
    watch("parity", 0, 0)
    parity = parity_of(quantized.graph, data, watch)
    watch("write", 0, 0)
    made = _make(opened, quantized, data)
    report = _report(destination.name, made, quantized, data, evaluation, parity)
    manifest = bundle_manifest(made, report, job, data)
    written = write_bundle(destination, manifest, bundle_files(made, report, data.question))
    return Outcome(destination.path, written, report)


def counted(dataset: Dataset, watch: Watch) -> Reader:
    """Return a reader of the data that tells how many samples were read."""

    def read(size: int) -> Iterator[Batch]:
        done = 0
        for batch in dataset.read(size):
            yield batch
            done += len(next(iter(batch.values())))
            watch("", done, dataset.samples)

    return read


def bundle_name(stem: str) -> str:
    """Return a legal bundle name made of a file's name: lower case, other characters as dashes."""
    words = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    return words[:MAX_NAME].rstrip("-") or "model"


def with_threshold(data: JobData, graph: IntGraph) -> JobData:
    """Return the data with a threshold for anomaly: where none was given, the 99th percentile.

    It is taken of the integers' scores on the calibration data, normal samples only where labels
    tell them.
    """
    question = data.question
    if question.task is not Task.ANOMALY or question.threshold is not None:
        return data
    names = (graph.outputs[0], logits_name(graph))
    scores = answers(int8_runner(graph), names, data.calibration, Task.ANOMALY).scores
    if scores is None:
        raise AssertionError("anomaly answers have scores")
    labels = data.calibration.labels
    normal = scores if labels is None else scores[labels == 0]
    threshold = float(np.percentile(normal if len(normal) else scores, ANOMALY_PERCENTILE))
    return replace(data, question=replace(question, threshold=threshold))


def measure(data: JobData, before: FloatGraph, after: IntGraph) -> Evaluation:
    """Return how the integers do beside the float model, both on ONNX Runtime."""
    task = data.question.task
    wanted = answers(
        float_runner(before), (before.outputs[0], logits_name(before)), data.evaluation, task
    )
    found = answers(
        int8_runner(after), (after.outputs[0], logits_name(after)), data.evaluation, task
    )
    return evaluate(data.question, wanted, found)


def parity_of(graph: IntGraph, data: JobData, watch: Watch) -> dict[str, Parity]:
    """Return how each executor differs from the interpreter, by the executor's name."""
    codes = sample_codes(graph, data.evaluation, PARITY_SAMPLES)
    has_classes = data.question.task is Task.CLASSIFICATION
    reference = interpret(graph, codes, traced=TRACED_SAMPLES, has_classes=has_classes)
    found = {}
    for done, (name, executor) in enumerate(EXECUTORS.items(), start=1):
        found[name] = compare_executor(reference, executor)
        watch("parity", done, len(EXECUTORS))
    return found


def _make(opened: OpenedModel, quantized: Quantized, data: JobData) -> Made:
    candidates = spread_samples(data.calibration, SELF_TEST_CANDIDATES)
    return Made(
        opened=opened,
        graph=quantized.graph,
        onnx=emit_qdq_onnx(quantized.graph),
        tflite=emit_tflite(quantized.graph),
        histograms=quantized.calibration.histograms,
        vectors=make_vectors(quantized.graph, candidates, SELF_TEST_EXECUTORS),
    )


def _report(
    name: str,
    made: Made,
    quantized: Quantized,
    data: JobData,
    evaluation: Evaluation,
    parity: dict[str, Parity],
) -> Report:
    samples = spread_samples(data.evaluation, LAYER_SAMPLES)
    is_same = data.evaluation is data.calibration
    return Report(
        model=name,
        facts=ModelFacts(
            format=made.opened.format.value,
            float_bytes=len(made.opened.data),
            onnx_bytes=len(made.onnx),
            tflite_bytes=len(made.tflite),
            operations=operation_counts(made.graph),
            macs=total_macs(made.graph),
        ),
        profile=made.graph.profile.value,
        calibration_samples=data.calibration.samples,
        evaluated_on="calibration data" if is_same else "evaluation data",
        evaluation=evaluation,
        range_methods={name: method.value for name, method in quantized.methods.items()},
        parity=parity,
        layers=layer_errors(quantized.reference, made.graph, samples),
    )
