"""The pipeline: a float model and data become a bundle; the stages in order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.engines.onnx_engine import onnxruntime_module
from edge_runtime.manifest import ImageInput, Manifest
from quantize.answering import both_answers, with_threshold
from quantize.budget_search import Note, Searched
from quantize.emit.bundle import plan_destination, write_bundle
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import split
from quantize.integers import Quantized
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.job import Job, JobData, open_job_data
from quantize.job_integers import how_without_data, open_job_model, pruned_of, quantize_job
from quantize.load.loaded import LoadedModel
from quantize.load.open import OpenedModel
from quantize.measure import (
    BATCH_SIZE,
    EXECUTORS,
    SELF_TEST_EXECUTORS,
    Reals,
    Watch,
    float_runner,
    int8_runner,
    layer_errors,
    pick_samples,
    sample_codes,
    spread_samples,
)
from quantize.packing import Made, bundle_files, bundle_manifest
from quantize.report.accuracy import AccuracyDetails, accuracy_details
from quantize.report.costs import operation_counts, total_macs
from quantize.report.evaluation import Evaluation, Question, evaluate
from quantize.report.explanation import Evidence, Explanation, explain
from quantize.report.layers import LayerError
from quantize.report.page import render_page
from quantize.report.parity import Parity, compare_executor, interpret
from quantize.report.report import ModelFacts, Report
from quantize.report.showing import Ask, Show, look
from quantize.report.task import Task
from quantize.saturation import saturating, warn_of_saturation
from quantize.self_test_vectors import make_vectors

PARITY_SAMPLES = 100
TRACED_SAMPLES = 32
LAYER_SAMPLES = 16
SELF_TEST_CANDIDATES = 32
MAX_NAME = 48


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


def no_note(line: str) -> None:
    """Say nothing; a Note is told of every candidate of a search."""


def run_job(job: Job, watch: Watch, note: Note = no_note) -> Outcome:
    """Quantize a model, measure the integers and write the bundle.

    Args:
        job: What to do.
        watch: Is told of every stage.
        note: Is told of every candidate, where there is a budget to search under.

    Raises:
        QuantizeError: By cause; nothing is written then.
    """
    watch("start", 0, 0)
    onnxruntime_module()  # its import is slow, and is told apart from the work
    watch("load", 0, 0)
    opened, loaded = open_job_model(job)
    name = bundle_name(opened.name) if job.name is None else job.name
    destination = plan_destination(job.out, name, job.version, replace=job.force)
    data = open_job_data(job, loaded)
    searched = quantize_job(job, data, loaded, watch, note)
    job = replace(job, recipe=searched.recipe)
    data = with_threshold(data, searched.quantized.graph)
    watch("emit", 0, 0)
    graph = searched.quantized.graph
    emitted = _Emitted(emit_qdq_onnx(graph), emit_tflite(graph))
    done = _Done(job, opened, loaded, data, searched, emitted)
    measured = _measured(done, watch)
    watch("self-test", 0, 0)
    made = _make(done)
    watch("write", 0, 0)
    report = _report(destination.name, done, made, measured)
    page = render_page(report, measured.pictures) if job.page else None
    files = bundle_files(made, report, data.question, page)
    written = write_bundle(destination, bundle_manifest(made, report, job, data), files)
    return Outcome(destination.path, written, report)


@dataclass(frozen=True, slots=True)
class _Emitted:
    """Both model files."""

    onnx: bytes
    tflite: bytes


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """A job whose integers are there; its recipe is the one that a search ended with."""

    job: Job
    opened: OpenedModel
    loaded: LoadedModel
    data: JobData
    searched: Searched
    emitted: _Emitted


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What was measured of the integers."""

    evaluation: Evaluation
    parity: Mapping[str, Parity]
    layers: tuple[LayerError, ...]
    details: AccuracyDetails
    explanation: Explanation
    pictures: Mapping[int, str]


def _measured(done: _Done, watch: Watch) -> _Measured:
    job, data, quantized = done.job, done.data, done.searched.quantized
    watch("evaluate", 0, 0)
    answered = both_answers(data, done.loaded.graph, quantized.graph)
    evaluation = evaluate(data.question, *answered)
    watch("parity", 0, 0)
    warn_of_saturation(saturating())
    parity = parity_of(quantized.graph, data, watch)
    watch("explain", 0, 0)
    samples = spread_samples(data.evaluation, LAYER_SAMPLES)
    details = accuracy_details(data.question, *answered, data.evaluation.files)
    explanation = explain(_evidence(quantized, job, samples, evaluation))
    pictures: Mapping[int, str] = {}
    if job.page:
        show = _show(job, data, done.loaded.graph, quantized.graph)
        explanation, pictures = look(show, explanation, details.changes)
    layers = layer_errors(quantized.reference, quantized.graph, samples)
    return _Measured(evaluation, parity, layers, details, explanation, pictures)


def _report(name: str, done: _Done, made: Made, measured: _Measured) -> Report:
    job, quantized = done.job, done.searched.quantized
    return Report(
        model=name,
        facts=_facts(made),
        profile=made.graph.profile.value,
        calibration_samples=quantized.calibration.samples,
        evaluated_on=_evaluated_on(job, done.data),
        evaluation=measured.evaluation,
        range_methods=_methods(quantized),
        parity=measured.parity,
        layers=measured.layers,
        accuracy=measured.details,
        explanation=measured.explanation,
        search=done.searched.report,
        pruning=pruned_of(job, done.loaded, done.data.calibration, made),
        without_data=how_without_data(job, done.loaded),
    )


def bundle_name(stem: str) -> str:
    """Return a legal bundle name made of a file's name: lower case, other characters as dashes."""
    words = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    return words[:MAX_NAME].rstrip("-") or "model"


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


def _make(done: _Done) -> Made:
    quantized, opened = done.searched.quantized, done.opened
    candidates = spread_samples(done.data.calibration, SELF_TEST_CANDIDATES)
    return Made(
        opened=opened,
        graph=quantized.graph,
        onnx=done.emitted.onnx,
        tflite=done.emitted.tflite,
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


def _evaluated_on(job: Job, data: JobData) -> str:
    if data.evaluation is not data.calibration:
        return "evaluation data"
    return "calibration data" if job.calibrate is not None else "random inputs"


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
        question=_shown(data),
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


def _shown(data: JobData) -> Question:
    """Return what pictures and columns are asked for: boxes are not, but how far outputs move."""
    if data.detector is None:
        return data.question
    return replace(data.question, task=Task.TENSOR, labels=None)


def _ask(run: Reals, name: str, output: str) -> Ask:
    """Return a model as a function of one array, which runs a batch at a time."""

    def ask(samples: Array) -> Array:
        return np.concatenate([run(batch)[output] for batch in split({name: samples}, BATCH_SIZE)])

    return ask
