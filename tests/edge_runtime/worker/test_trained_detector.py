"""The detector that we trained: the mAP of the daemon's messages is the mAP offline."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_runtime.config.sources import FilesConfig
from edge_runtime.decoders.specs import RowsDecoder
from edge_runtime.manifest import ImageInput
from examples.detector import score as offline
from examples.scenes import shapes
from quantize.job import Job
from quantize.pipeline import run_job
from quantize.report import detection
from tests.edge_runtime.worker.running import worker

DETECTOR = Path(offline.__file__).parent
FRAMES, SEED = 60, 2
DECODER = RowsDecoder(
    outputs=("boxes", "scores"),
    form="corners",
    threshold=offline.MIN_SCORE,
    iou=offline.MAX_OVERLAP,
    max_boxes=1000,
    every_class=True,
)

pytestmark = [pytest.mark.ort, pytest.mark.tflite]


def write(folder: Path, seen: list[Any]) -> Path:
    folder.mkdir()
    for number, frame in enumerate(seen):
        cv2.imwrite(str(folder / f"{number:03}.png"), frame.pixels[:, :, ::-1])
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    calibration = write(folder / "calibration", shapes.frames(32, seed=9))
    job = Job(
        model=DETECTOR / "detector.onnx", calibrate=calibration, out=folder / "out",
        labels=DETECTOR / "labels.txt", preprocessing=ImageInput(width=96, height=96, std=(255.0,)),
        decoder=DECODER, page=False,
    )  # fmt: skip
    return run_job(job, lambda _stage, _done, _total: None).bundle


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_the_map_of_the_messages_is_the_map_offline(
    tmp_path: Path, bundle: Path, engine: Any
) -> None:
    seen = shapes.frames(FRAMES, SEED)
    source = FilesConfig(path=str(write(tmp_path / "frames", seen)))

    with worker(bundle, source, engine=engine) as running:
        running.settled()
        messages = running.payloads("/pred")

    said = [as_detections(message["results"]) for message in messages]
    truth = [detection.Detections(frame.boxes, frame.classes) for frame in seen]
    value = detection.mean_average_precision(said, truth)
    run = offline.onnx_detector if engine == "onnx" else offline.tflite_detector
    detector = run(bundle / f"model.{engine}")
    x = shapes.as_input(np.stack([frame.pixels for frame in seen]))
    assert value == pytest.approx(offline.precision([detector(s) for s in x], seen), abs=1e-6)
    assert value > 0.8


def as_detections(results: list[dict[str, Any]]) -> Any:
    boxes = np.array([result["box"] for result in results]).reshape(-1, 4) * 96
    classes = np.array([result["class"] for result in results], int)
    return detection.Detections(boxes, classes, np.array([result["score"] for result in results]))
