"""ONNX Runtime's static quantization, per channel, as a process of its own.

python benchmarks/ort_static_peer.py MODEL.onnx CALIB.npz EVAL.npz OUT.onnx METHOD

METHOD is minmax, percentile or entropy. Writes OUT.onnx and prints one JSON object: SQNR and
agreement with the float model, metric, size, wall time, peak memory.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import

import numpy as np
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from peer_score import arguments, onnx_answers, peak_rss_bytes, print_facts, samples, session

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}


class Reader(CalibrationDataReader):  # type: ignore[misc]  # untyped
    """One sample at a time, as the documentation does it."""

    def __init__(self, name: str, x: np.ndarray) -> None:
        self._batches: Iterator[dict[str, np.ndarray]] = iter(
            [{name: x[i : i + 1]} for i in range(len(x))]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next sample, None at the end."""
        return next(self._batches, None)


def main() -> None:
    """Quantize, measure, print."""
    model, calibration, evaluate, out, (method,) = arguments()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            Reader(session(model).get_inputs()[0].name, calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=METHODS[method],
        )
    costs = {
        "wall_s": round(time.perf_counter() - started, 3),
        "peak_rss_bytes": peak_rss_bytes(),
        "file_bytes": out.stat().st_size,
    }
    x = samples(evaluate)
    print_facts(onnx_answers(model, x), onnx_answers(out, x), evaluate, costs)


if __name__ == "__main__":
    main()
