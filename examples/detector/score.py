"""Score a detector: mean average precision of its boxes on frames that were not learned from.

    python -m examples.detector.score examples/detector/detector.onnx models/detector/1/model.tflite

A TFLite file is run on LiteRT's default kernels, an ONNX file on ONNX Runtime.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from examples.scenes.shapes import Frame, as_input, frames
from quantize.report.detection import Detections, mean_average_precision, overlaps

EVALUATED, EVALUATION_SEED = 300, 2
MIN_SCORE = 0.05
MAX_OVERLAP = 0.5  # of two boxes of one class that are both kept
Answer = tuple[np.ndarray, np.ndarray]  # boxes (A, 4) and scores (A, C) of one frame
Detector = Callable[[np.ndarray], Answer]  # of (3, 96, 96), 0..1


def evaluation_frames() -> list[Frame]:
    """Return the frames that every figure in the documentation is of."""
    return frames(EVALUATED, EVALUATION_SEED)


def kept(boxes: np.ndarray, scores: np.ndarray) -> Detections:
    """Return one frame's boxes after non-maximum suppression, class by class.

    Args:
        boxes: (A, 4).
        scores: (A, C).
    """
    rows, classes = np.nonzero(scores >= MIN_SCORE)
    order = np.argsort(-scores[rows, classes], kind="stable")
    rows, classes = rows[order], classes[order]
    chosen: list[int] = []
    shared = overlaps(boxes[rows], boxes[rows])
    for index in range(len(rows)):
        if all(
            classes[index] != classes[other] or shared[index, other] <= MAX_OVERLAP
            for other in chosen
        ):
            chosen.append(index)
    return Detections(boxes[rows[chosen]], classes[chosen], scores[rows, classes][chosen])


def precision(answers: Sequence[Answer], seen: Sequence[Frame]) -> float:
    """Return the mean average precision at 0.5 of what was answered to frames."""
    truth = [Detections(frame.boxes, frame.classes) for frame in seen]
    return mean_average_precision([kept(*answer) for answer in answers], truth)


def score(detector: Detector) -> float:
    """Return the mean average precision of a detector on the evaluation frames."""
    seen = evaluation_frames()
    x = as_input(np.stack([frame.pixels for frame in seen]))
    return precision([detector(sample) for sample in x], seen)


def onnx_detector(path: Path) -> Detector:
    """Return an ONNX file, float or int8, as a detector; ours take channels last once quantized."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]

    def run(sample: np.ndarray) -> Answer:
        fitting = sample if entry.shape[1] == len(sample) else sample.transpose(1, 2, 0)
        boxes, scores = session.run(["boxes", "scores"], {entry.name: fitting[np.newaxis]})
        return boxes[0], scores[0]

    return run


def tflite_detector(path: Path) -> Detector:
    """Return an int8 TFLite file as a detector."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  # training has none

    interpreter: Any = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    outputs = {detail["name"]: detail for detail in interpreter.get_output_details()}

    def run(sample: np.ndarray) -> Answer:
        scale, zero_point = entry["quantization"]
        codes = np.rint(sample.transpose(1, 2, 0)[np.newaxis] / scale) + zero_point
        interpreter.set_tensor(entry["index"], np.clip(codes, -128, 127).astype(np.int8))
        interpreter.invoke()
        boxes, scores = (_reals(interpreter, outputs[name]) for name in ("boxes", "scores"))
        return boxes, scores

    return run


def _reals(interpreter: Any, detail: dict[str, Any]) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    return scale * (interpreter.get_tensor(detail["index"])[0].astype(np.float32) - zero_point)


def main() -> None:
    """Print the mean average precision of each file."""
    for argument in sys.argv[1:]:
        path = Path(argument)
        detector = tflite_detector(path) if path.suffix == ".tflite" else onnx_detector(path)
        print(f"{path}: mAP at 0.5 of {EVALUATED} frames {score(detector):.4f}")


if __name__ == "__main__":
    main()
