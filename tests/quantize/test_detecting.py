"""mAP in `edge-quantize run`: the device's own decoders beside true boxes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.manifest import load_bundle
from quantize.report.schema import report_schema
from tests.edge_runtime.blobs import blob_model, paint, squares
from tests.quantize.command import Result, refusal, run
from tests.quantize.test_decoder_bundles import DECODER_TOML, IMAGE_TOML

jsonschema = pytest.importorskip("jsonschema")
pytestmark = [pytest.mark.ort, pytest.mark.tflite]
SIZE = (128, 96)  # letterboxed into 64 x 64
MISSED = 3  # squares that the truth has and no picture shows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boxes")
    (folder / "images").mkdir()
    rng, lines = np.random.default_rng(0), []
    for number in range(16):
        shown = squares(rng, 2, SIZE)
        cv2.imwrite(str(folder / "images" / f"{number:02}.png"), paint(shown, SIZE))
        boxes = [[one.left, one.top, one.left + one.side, one.top + one.side] for one in shown]
        classes = [one.label for one in shown]
        if number < MISSED:
            boxes.append([0, 0, 3, 3])
            classes.append("green")
        line = {"file": f"{number:02}.png", "size": SIZE, "boxes": boxes, "classes": classes}
        lines.append(json.dumps(line))
    (folder / "boxes.jsonl").write_text("\n".join(reversed(lines)))
    (folder / "image.toml").write_text(IMAGE_TOML)
    (folder / "decoder.toml").write_text(DECODER_TOML)
    (folder / "labels.txt").write_text("red\ngreen\n")
    (folder / "blobs.onnx").write_bytes(blob_model())
    return folder


def quantized(data: Path, out: Path, *more: object) -> Result:
    return run(
        data / "blobs.onnx", data / "images", out,
        "--preprocess", data / "image.toml", "--decoder", data / "decoder.toml",
        "--labels", data / "labels.txt", "--json", *more,
    )  # fmt: skip


def test_both_models_are_measured_by_true_boxes_under_a_budget(data: Path, tmp_path: Path) -> None:
    result = quantized(data, tmp_path, "--boxes", data / "boxes.jsonl", "--max-drop", 5)

    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    bundle = Path(facts["bundle"])
    report = json.loads((bundle / "report.json").read_text())
    jsonschema.validate(report, json.loads(report_schema()))
    assert facts["task"] == report["evaluation"]["task"] == "detection"
    assert [row["name"] for row in report["accuracy"]["metrics"]] == ["map_50", "map_50_95"]
    manifest = load_bundle(bundle)
    assert (manifest.task, manifest.labels) == ("detection", ("red", "green"))
    truth = [json.loads(line) for line in (data / "boxes.jsonl").read_text().splitlines()]
    green = sum(line["classes"].count("green") for line in truth)
    by_class = {row["name"]: row for row in report["accuracy"]["classes"]}
    assert by_class["red"]["float_value"] == pytest.approx(1)  # every square is found
    assert by_class["green"]["samples"] == green
    assert by_class["green"]["float_value"] == pytest.approx((green - MISSED) / green)
    mean = np.mean([row["float_value"] for row in by_class.values()])
    headline = report["accuracy"]["metrics"][0]
    assert headline["float_value"] == pytest.approx(mean)
    assert manifest.metrics["float_map_50"] == pytest.approx(mean)
    assert headline["float_interval"]["low"] < mean < headline["float_interval"]["high"]
    assert report["search"]["trials"][0]["drop"] == pytest.approx(
        max(0, 100 * headline["drop"]), abs=1e-9
    )
    assert "Average precision of each class" in (bundle / "report.html").read_text()


@pytest.mark.parametrize(
    ("left_out", "more", "said"),
    [
        ("--boxes", ("--task", "detection"), "give --boxes FILE.jsonl"),
        ("--decoder", (), "--boxes: needs the --decoder of a detector"),
        ("--preprocess", (), "the preprocessing has to be an image's"),
    ],
)
def test_what_boxes_need_is_said(
    data: Path, tmp_path: Path, left_out: str, more: tuple[str, ...], said: str
) -> None:
    given = {
        "--boxes": "boxes.jsonl", "--decoder": "decoder.toml", "--preprocess": "image.toml",
        "--labels": "labels.txt",
    }  # fmt: skip
    kept = [part for key, file in given.items() if key != left_out for part in (key, data / file)]

    result = run(data / "blobs.onnx", data / "images", tmp_path / "out", *kept, *more)

    assert said in refusal(result)
