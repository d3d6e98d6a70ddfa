"""The report: everything measured of one quantization, as one JSON file without times or paths."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from quantize.report.accuracy import AccuracyDetails
from quantize.report.evaluation import Evaluation
from quantize.report.explanation import Explanation
from quantize.report.layers import LayerError
from quantize.report.parity import Parity
from quantize.report.pruning import Pruning
from quantize.report.trials import SearchReport

SCHEMA = "edge.report/1"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Where the integers come from.

    Attributes:
        format: Of the float model: onnx or tflite.
        float_bytes: The float model's size.
        onnx_bytes: The int8 ONNX file's size.
        tflite_bytes: The int8 TFLite file's size.
        operations: Of the integer graph, how many of each kind.
        macs: Multiply-accumulates of one inference.
    """

    format: str
    float_bytes: int
    onnx_bytes: int
    tflite_bytes: int
    operations: Mapping[str, int]
    macs: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the model.

    Attributes:
        model: Name in the bundle.
        facts: Sizes and operations.
        profile: The integer arithmetic.
        calibration_samples: What the ranges were learned from.
        evaluated_on: "evaluation data", or where no other was given "calibration data", or
            "random inputs" where there was no data at all.
        evaluation: The integers beside the float model.
        range_methods: How the range of each tensor was found, where nothing dictated it.
        parity: The executors beside the interpreter, by name.
        layers: Error of each tensor.
        accuracy: Intervals, confusion, classes, groups and changed predictions.
        explanation: Errors by cause, ranges, costs, proofs and remedies.
        search: What was tried under a budget; None where there was none.
        pruning: What it saved, where the recipe prunes.
        without_data: How ranges came to be where there was no calibration data.
    """

    model: str
    facts: ModelFacts
    profile: str
    calibration_samples: int
    evaluated_on: str
    evaluation: Evaluation
    range_methods: Mapping[str, str]
    parity: Mapping[str, Parity]
    layers: tuple[LayerError, ...]
    accuracy: AccuracyDetails
    explanation: Explanation
    search: SearchReport | None = None
    pruning: Pruning | None = None
    without_data: str | None = None


def encode_report(report: Report) -> bytes:
    """Return the report as indented JSON, the same bytes for the same report."""
    plain = {"schema": SCHEMA, **msgspec.to_builtins(report)}
    encoded = msgspec.json.encode(plain, order="deterministic")
    return msgspec.json.format(encoded, indent=1) + b"\n"


def manifest_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return the numbers that a manifest holds: flat, finite, named MODEL_METRIC."""
    values: dict[str, Any] = {
        "agreement": evaluation.agreement,
        "sqnr_db": evaluation.sqnr_db,
        "logits_sqnr_db": evaluation.logits_sqnr_db,
    }
    for metric in evaluation.metrics:
        values[f"float_{metric.name}"] = metric.float_value
        values[f"int8_{metric.name}"] = metric.int8_value
    return {
        name: float(value)
        for name, value in sorted(values.items())
        if value is not None and math.isfinite(value)
    }
