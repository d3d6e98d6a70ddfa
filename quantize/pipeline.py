"""The pipeline: a float model and data become a bundle; the stages in order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.manifest import ImageInput, Manifest
from quantize.calibrate.dataset import Batch, Dataset, Reader
from quantize.emit.bundle import plan_destination, write_bundle
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import split
from quantize.integers import Quantized, quantize_graph
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.job import Job, JobData, open_job_data
from quantize.load.open import OpenedModel, open_float_model
from quantize.measure import (
    BATCH_SIZE,
    EXECUTORS,
    SELF_TEST_EXECUTORS,
    Reals,
    Watch,
    answers,
    float_runner,
    int8_runner,
    layer_errors,
    pick_samples,
    sample_codes,
    spread_samples,
)
from quantize.packing import Made, bundle_files, bundle_manifest
from quantize.passes.simplify import simplify
from quantize.report.accuracy import accuracy_details
from quantize.report.costs import operation_counts, total_macs
from quantize.report.evaluation import Answers, Evaluation, evaluate
from quantize.report.explanation import Evidence, explain
from quantize.report.page import render_page
from quantize.report.parity import Parity, compare_executor, interpret
from quantize.report.report import ModelFacts, Report
from quantize.report.showing import Ask, Show, look
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
    answered = both_answers(data, loaded.graph, quantized.graph)
    evaluation = evaluate(data.question, *answered)
    watch("parity", 0, 0)
    parity = parity_of(quantized.graph, data, watch)
    watch("explain", 0, 0)
    samples = spread_samples(data.evaluation, LAYER_SAMPLES)
    details = accuracy_details(data.question, *answered, data.evaluation.files)
    explanation = explain(_evidence(quantized, job, samples, evaluation))
    pictures: dict[int, str] = {}
    if job.page:
        show = _show(job, data, loaded.graph, quantized.graph)
        explanation, pictures = look(show, explanation, details.changes)
    watch("write", 0, 0)
    made = _make(opened, quantized, data)
    report = Report(
        model=destination.name,
        facts=_facts(made),
        profile=made.graph.profile.value,
        calibration_samples=data.calibration.samples,
        evaluated_on=_evaluated_on(data),
        evaluation=evaluation,
        range_methods=_methods(quantized),
        parity=parity,
        layers=layer_errors(quantized.reference, made.graph, samples),
        accuracy=details,
        explanation=explanation,
    )
    page = render_page(report, pictures) if job.page else None
    files = bundle_files(made, report, data.question, page)
    written = write_bundle(destination, bundle_manifest(made, report, job, data), files)
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
    return evaluate(data.question, *both_answers(data, before, after))


def both_answers(data: JobData, before: FloatGraph, after: IntGraph) -> tuple[Answers, Answers]:
    """Return what the float model and the integers say to the evaluation data."""
    task = data.question.task
    names = [(graph.outputs[0], logits_name(graph)) for graph in (before, after)]
    wanted = answers(float_runner(before), names[0], data.evaluation, task)
    return wanted, answers(int8_runner(after), names[1], data.evaluation, task)


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


def _facts(made: Made) -> ModelFacts:
    return ModelFacts(
        format=made.opened.format.value,
        float_bytes=len(made.opened.data),
        onnx_bytes=len(made.onnx),
        tflite_bytes=len(made.tflite),
        operations=operation_counts(made.graph),
        macs=total_macs(made.graph),
    )


def _evaluated_on(data: JobData) -> str:
    return "calibration data" if data.evaluation is data.calibration else "evaluation data"


def _methods(quantized: Quantized) -> dict[str, str]:
    return {name: method.value for name, method in quantized.methods.items()}


def _evidence(
    quantized: Quantized, job: Job, samples: Mapping[str, Array], evaluation: Evaluation
) -> Evidence:
    return Evidence(
        reference=quantized.reference,
        graph=quantized.graph,
        recipe=job.recipe,
        samples=samples,
        histograms=quantized.calibration.histograms,
        methods=_methods(quantized),
        logits_sqnr_db=evaluation.logits_sqnr_db,
    )


def _show(job: Job, data: JobData, before: FloatGraph, after: IntGraph) -> Show:
    """Return what the page may ask of both models and of the evaluation data."""
    name = after.inputs[0]
    image = job.preprocessing if isinstance(job.preprocessing, ImageInput) else None
    return Show(
        question=data.question,
        graph=after,
        models=(
            _ask(float_runner(before), name, before.outputs[0]),
            _ask(int8_runner(after), name, after.outputs[0]),
        ),
        pick=lambda rows: pick_samples(data.evaluation, rows)[name],
        samples=data.evaluation.samples,
        columns=data.evaluation.columns,
        is_bgr=image is not None and image.colour == "bgr",
    )


def _ask(run: Reals, name: str, output: str) -> Ask:
    """Return a model as a function of one array, which runs a batch at a time."""

    def ask(samples: Array) -> Array:
        return np.concatenate([run(batch)[output] for batch in split({name: samples}, BATCH_SIZE)])

    return ask
