"""ai-edge-quantizer's static int8 recipe, as a process of its own.

python benchmarks/ai_edge_peer.py MODEL.onnx CALIB.npz EVAL.npz OUT.tflite MODEL.tflite

It takes float TFLite with a signature; what comes out runs on LiteRT's default kernels. Prints one
JSON object: SQNR and agreement with the float ONNX model, metric, size, wall time, peak memory.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from peer_score import arguments, onnx_answers, peak_rss_bytes, print_facts, samples

SIGNATURE = "serving_default"


def main() -> None:
    """Quantize, measure, print."""
    model, calibration, evaluate, out, (tflite,) = arguments()
    entry = Interpreter(tflite).get_signature_list()[SIGNATURE]["inputs"][0]
    started = time.perf_counter()
    made = quantizer.Quantizer(tflite)
    made.load_quantization_recipe(recipe.static_wi8_ai8())
    fed = [{entry: calibration[i : i + 1]} for i in range(len(calibration))]
    found = made.quantize(made.calibrate({SIGNATURE: fed}))
    out.write_bytes(found.quantized_model)
    costs = {
        "wall_s": round(time.perf_counter() - started, 3),
        "peak_rss_bytes": peak_rss_bytes(),
        "file_bytes": out.stat().st_size,
    }
    x = samples(evaluate)
    print_facts(onnx_answers(model, x), _answers(out, x), evaluate, costs)


def _answers(path: Path, x: np.ndarray) -> np.ndarray:
    interpreter: Any = Interpreter(str(path))
    interpreter.allocate_tensors()
    entry, output = (
        details[0]
        for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    rows = []
    for sample in x:
        interpreter.set_tensor(entry["index"], _codes(sample[np.newaxis], entry))
        interpreter.invoke()
        rows.append(_reals(interpreter.get_tensor(output["index"]), output))
    return np.concatenate(rows)


def _codes(values: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    if detail["dtype"] == np.float32:
        return values
    scale, zero_point = detail["quantization"]
    return np.clip(np.rint(values / scale) + zero_point, -128, 127).astype(np.int8)


def _reals(codes: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    if detail["dtype"] == np.float32:
        return codes
    scale, zero_point = detail["quantization"]
    return np.asarray(scale * (codes.astype(np.float32) - zero_point), np.float32)


if __name__ == "__main__":
    main()
