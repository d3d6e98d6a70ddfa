"""Packing: what a job made becomes a manifest and the files of a bundle."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

import msgspec
import numpy as np

from edge_runtime._version import __version__
from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    ClassificationDecoder,
    Decoder,
    RegressionDecoder,
    task_of,
)
from edge_runtime.manifest import (
    Calibration,
    Manifest,
    Provenance,
    SelfTest,
    TensorSpec,
)
from quantize.calibrate.histogram import Histogram
from quantize.emit.archive import npz_bytes
from quantize.emit.bundle import NewFile
from quantize.ir.graph import Array, IntGraph
from quantize.job import Job, JobData
from quantize.load.open import OpenedModel
from quantize.recipe import recipe_facts
from quantize.report.codes import quant_params
from quantize.report.evaluation import Question
from quantize.report.report import Report, encode_report, manifest_metrics
from quantize.report.task import Task, last_activation, output_size
from quantize.self_test_vectors import SelfTestVectors

TOP_K = 3
_LIBRARIES = ("numpy", "onnx")


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """All that a job made, but for the report.

    Attributes:
        opened: The float model's file.
        graph: The integers.
        onnx: The QDQ file.
        tflite: The int8 TFLite file.
        histograms: Of the inputs and outputs, on the calibration data.
        vectors: Of the self-test.
    """

    opened: OpenedModel
    graph: IntGraph
    onnx: bytes
    tflite: bytes
    histograms: Mapping[str, Histogram]
    vectors: SelfTestVectors


def bundle_files(
    made: Made, report: Report, question: Question, page: bytes | None
) -> tuple[NewFile, ...]:
    """Return the files of the bundle; labels.txt only for classes, report.html only if given."""
    files = [
        NewFile("onnx", "model.onnx", made.onnx),
        NewFile("tflite", "model.tflite", made.tflite),
        NewFile("self_test", "selftest.npz", npz_bytes(made.vectors.arrays)),
        NewFile("report", "report.json", encode_report(report)),
    ]
    if report.without_data is None:
        arrays = npz_bytes(histogram_arrays(made))
        files.insert(3, NewFile("calibration", "calibration.npz", arrays))
    if page is not None:
        files.append(NewFile("page", "report.html", page))
    if question.class_names and question.task in {
        Task.CLASSIFICATION,
        Task.DETECTION,
        Task.TENSOR,
    }:
        text = "".join(f"{name}\n" for name in question.class_names)
        files.append(NewFile("labels", "labels.txt", text.encode()))
    return tuple(files)


def bundle_manifest(made: Made, report: Report, job: Job, data: JobData) -> Manifest:
    """Return the manifest, but for its name, version and files, which the writer fills in."""
    question = data.question
    return Manifest(
        schema="edge.bundle/1",
        name=report.model,
        version=1,
        task=question.task.value if job.decoder is None else task_of(job.decoder),
        inputs=tuple(_spec(made.graph, name) for name in made.graph.inputs),
        outputs=tuple(_spec(made.graph, name) for name in made.graph.outputs),
        preprocessing=job.preprocessing,
        decoder=_decoder(made.graph, job, question),
        labels=() if question.task is Task.REGRESSION else tuple(question.class_names),
        files=(),
        self_test=SelfTest(
            samples=len(made.vectors.arrays["inputs"]), max_lsb=dict(made.vectors.max_lsb)
        ),
        calibration=Calibration(
            samples=report.calibration_samples, data_sha256=data.calibration.sha256
        ),
        provenance=_provenance(made, job, report.without_data),
        metrics=manifest_metrics(report.evaluation),
    )


def histogram_arrays(made: Made) -> dict[str, Array]:
    """Return the histograms of inputs and outputs as arrays, `input_0_counts` and the like.

    Bin i of `_counts` begins at (`_first` + i) * 2**`_exponent`; `_range` is (low, high), exact;
    `_zeros` counts the exact zeros.
    """
    arrays: dict[str, Array] = {}
    for role, names in (("input", made.graph.inputs), ("output", made.graph.outputs)):
        for index, name in enumerate(names):
            arrays.update(_histogram_arrays(f"{role}_{index}", made.histograms[name]))
    return arrays


def _histogram_arrays(key: str, histogram: Histogram) -> dict[str, Array]:
    return {
        f"{key}_counts": histogram.counts,
        f"{key}_first": np.int64(histogram.first).reshape(1),
        f"{key}_exponent": np.int64(histogram.exponent).reshape(1),
        f"{key}_range": np.array([histogram.low, histogram.high]),
        f"{key}_zeros": np.int64(histogram.zeros).reshape(1),
    }


def _spec(graph: IntGraph, name: str) -> TensorSpec:
    quant = quant_params(graph, name)
    return TensorSpec(
        name=name,
        shape=graph.tensors[name].shape,
        scale=quant.scale[0],
        zero_point=quant.zero_point,
    )


def _decoder(graph: IntGraph, job: Job, question: Question) -> Decoder | None:
    if job.decoder is not None:
        return job.decoder
    output, columns = graph.outputs[0], output_size(graph)
    match question.task:
        case Task.CLASSIFICATION:
            pending: Literal["softmax", "logistic"] = "softmax" if columns > 1 else "logistic"
            return ClassificationDecoder(
                output=output,
                activation=pending if last_activation(graph) == "none" else "none",
                top_k=min(TOP_K, len(question.class_names)),
            )
        case Task.REGRESSION:
            return RegressionDecoder(output=output, names=_value_names(job, question, columns))
        case Task.ANOMALY:
            is_reconstruction = columns == prod(graph.tensors[graph.inputs[0]].shape) > 1
            return AnomalyDecoder(
                output=output,
                threshold=question.threshold or 0.0,
                method="reconstruction" if is_reconstruction else "score",
            )
        case Task.DETECTION | Task.TENSOR:
            return None


def _value_names(job: Job, question: Question, columns: int) -> tuple[str, ...]:
    if question.class_names:
        return tuple(question.class_names)
    if columns == 1:
        return (job.target_column or "value",)
    return tuple(f"value_{index}" for index in range(columns))


def _provenance(made: Made, job: Job, without_data: str | None) -> Provenance:
    versions = {"edge-runtime": __version__}
    versions.update({name: importlib.metadata.version(name) for name in _LIBRARIES})
    return Provenance(
        model_sha256=made.opened.sha256,
        model_format=made.opened.format.value,
        profile=made.graph.profile.value,
        versions=versions,
        recipe=msgspec.convert(
            recipe_facts(job.recipe) | ({"calibration": without_data} if without_data else {}),
            dict[str, str | int | float | bool | list[str]],
        ),
    )
