"""`edge-quantize run --no-data`: a bundle that says how little is behind it."""

import json
from pathlib import Path

import pytest

from tests.quantize.cases import save_classifier, save_classifier_data
from tests.quantize.command import call, refusal

pytestmark = [pytest.mark.tflite, pytest.mark.ort]
IMAGE = 'kind = "image"\nwidth = 6\nheight = 6\nmean = [127.5]\nstd = [-127.5]\n'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_classifier(tmp_path)


def _report(out: Path) -> dict[str, object]:
    return json.loads((out / "tiny-net" / "1" / "report.json").read_bytes())


def test_a_bundle_without_data_says_so_everywhere(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    ended = call("run", model, "--no-data", "--input-range", -3, 3, "--out", out)

    assert ended.exit_code == 0, ended.output
    report, bundle = _report(out), out / "tiny-net" / "1"
    said = str(report["without_data"])
    assert said.startswith("no data: ranges expected from 0 batch normalizations")
    assert (report["calibration_samples"], report["evaluated_on"]) == (0, "random inputs")
    assert "no data: ranges expected" in " ".join(ended.stdout.split())
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    assert manifest["provenance"]["recipe"]["calibration"] == said
    assert manifest["calibration"]["samples"] == 0
    assert not (bundle / "calibration.npz").exists()
    assert said in (bundle / "report.html").read_text()


def test_labelled_data_may_still_judge(model: Path, tmp_path: Path) -> None:
    data, out = save_classifier_data(tmp_path), tmp_path / "out"

    ended = call(
        "run", model, "--no-data", "--input-range", -3, 3, "--evaluate", data, "--out", out
    )

    assert ended.exit_code == 0, ended.output
    assert _report(out)["evaluated_on"] == "evaluation data"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give --calibrate DATA, or --no-data"),
        (("--no-data", "--calibrate", "x.npz"), "give --calibrate DATA, or --no-data"),
        (("--calibrate", "x.npz", "--input-range", "0", "1"), "--input-range is for --no-data"),
        (("--no-data", "--input-range", "1", "1"), "allowed is LOW below HIGH"),
    ],
)
def test_contradictions_are_refused(
    options: tuple[str, ...], said: str, model: Path, tmp_path: Path
) -> None:
    ended = call("run", model, *options, "--out", tmp_path / "out")

    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())


def test_pixels_say_what_range_inputs_have(model: Path, tmp_path: Path) -> None:
    (tmp_path / "image.toml").write_text(IMAGE)

    ended = call(
        "run", model, "--no-data", "--preprocess", tmp_path / "image.toml",
        "--out", tmp_path / "out",
    )  # fmt: skip

    assert ended.exit_code == 0, ended.output
    assert "inputs taken to lie in -1 to 1" in str(_report(tmp_path / "out")["without_data"])


def test_an_anomaly_needs_a_threshold(model: Path, tmp_path: Path) -> None:
    line = refusal(call("run", model, "--no-data", "--task", "anomaly", "--out", tmp_path / "out"))

    assert "give --threshold" in line
