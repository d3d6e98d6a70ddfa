"""ONNX Runtime's static quantization, min-max per channel, as a process of its own.

python benchmarks/ort_static_peer.py MODEL.onnx CALIB.npz EVAL.npz

Prints one JSON object: SQNR and agreement with the float model, size, wall time, peak memory.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process


class Reader(CalibrationDataReader):  # type: ignore[misc]  # untyped
    """One sample at a time, as the documentation does it."""

    def __init__(self, name: str, samples: np.ndarray) -> None:
        self._batches: Iterator[dict[str, np.ndarray]] = iter(
            [{name: samples[i : i + 1]} for i in range(len(samples))]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next sample, None at the end."""
        return next(self._batches, None)


def main() -> None:
    """Quantize, measure, print."""
    model, calibrate, evaluate = map(Path, sys.argv[1:4])
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        prepared, int8 = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(int8),
            Reader(_session(model).get_inputs()[0].name, _samples(calibrate)),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        wall_s = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        facts = _compare(_session(model), _session(int8), _samples(evaluate))
        facts |= {"onnx_bytes": int8.stat().st_size}
    print(json.dumps(facts | {"wall_s": round(wall_s, 3), "peak_rss_bytes": peak}))


def _session(path: Path) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _samples(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["x"].astype(np.float32)


def _compare(before: Any, after: Any, samples: np.ndarray) -> dict[str, float]:
    name = before.get_inputs()[0].name
    wanted, found = (
        np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])
        for session in (before, after)
    )
    noise = np.sum((wanted - found).astype(np.float64) ** 2)
    return {
        "sqnr_db": float(10 * np.log10(np.sum(wanted.astype(np.float64) ** 2) / noise)),
        "agreement": float(np.mean(wanted.argmax(1) == found.argmax(1))),
    }


if __name__ == "__main__":
    main()
