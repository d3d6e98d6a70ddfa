"""What is measured of every peer in the same way: its answers beside the float model's."""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from quantize.report.metrics import (
    area_under_curve,
    reconstruction_scores,
    regression_metrics,
    sqnr_db,
)


def arguments() -> tuple[Path, np.ndarray, Path, Path, list[str]]:
    """Return model, calibration samples, evaluation file, the file to write, and what follows."""
    model, calibrate, evaluate, out = map(Path, sys.argv[1:5])
    return model, samples(calibrate), evaluate, out, sys.argv[5:]


def samples(path: Path) -> np.ndarray:
    """Return `x` of an .npz file as float32."""
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["x"].astype(np.float32)


def peak_rss_bytes() -> int:
    """Return the most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def session(path: Path) -> Any:
    """Return an ONNX file in ONNX Runtime."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def onnx_answers(path: Path, x: np.ndarray) -> np.ndarray:
    """Return the first output of an ONNX file, one sample after the other."""
    opened = session(path)
    name, output = opened.get_inputs()[0].name, opened.get_outputs()[0].name
    return np.concatenate([opened.run([output], {name: sample[np.newaxis]})[0] for sample in x])


def print_facts(
    wanted: np.ndarray, found: np.ndarray, evaluate: Path, costs: dict[str, float]
) -> None:
    """Print one JSON object: SQNR and agreement with the float model, the metric, the costs."""
    facts: dict[str, Any] = {
        "sqnr_db": sqnr_db(wanted, found),
        "agreement": float(np.mean(wanted.argmax(1) == found.argmax(1))),
        "metric": _metric(found, evaluate),
    }
    print(json.dumps(facts | costs))


def _metric(found: np.ndarray, evaluate: Path) -> float | None:
    """Return accuracy, AUC of the reconstruction error, or RMSE: as the labels have it."""
    with np.load(evaluate, allow_pickle=False) as arrays:
        labels = arrays.get("y")
    if labels is None:
        return None
    if labels.dtype.kind == "f":
        return regression_metrics(labels, found).rmse
    x = samples(evaluate)
    if x.shape == found.shape:
        return area_under_curve(labels, reconstruction_scores(x, found))
    return float(np.mean(found.argmax(1) == labels))
