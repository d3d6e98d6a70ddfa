"""`edge-quantize calibrate` and `merge-caches`: the bundle stays the same, byte for byte."""

from pathlib import Path

import pytest

from tests.quantize.cases import save_classifier, save_classifier_data
from tests.quantize.command import call, refusal, run

pytestmark = [pytest.mark.tflite, pytest.mark.ort]
FILES = ("model.onnx", "model.tflite", "manifest.json", "report.json")


def _bundle(out: Path) -> dict[str, bytes]:
    return {name: (out / "tiny-net" / "1" / name).read_bytes() for name in FILES}


def _part(model: Path, data: Path, cache: Path, part: str) -> str:
    ended = call(
        "calibrate", model, "--calibrate", data, "--calibration-cache", cache, "--part", part
    )
    assert ended.exit_code == 0, ended.output
    return ended.stdout


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_classifier(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return save_classifier_data(tmp_path)


def test_the_bundle_is_the_same_without_a_cache_and_from_merged_parts(
    model: Path, data: Path, tmp_path: Path
) -> None:
    assert run(model, data, tmp_path / "plain").exit_code == 0
    parts = [tmp_path / "a", tmp_path / "b"]
    for round_number in range(2):  # the peaks first, then the histograms
        said = [_part(model, data, cache, f"{i}/2") for i, cache in enumerate(parts, start=1)]
        call("merge-caches", *parts, "--into", parts[0])
        merged = call("merge-caches", *parts, "--into", parts[1])
        assert merged.exit_code == 0, (round_number, said)

    cached = run(model, data, tmp_path / "cached", "--calibration-cache", parts[1])
    again = run(model, data, tmp_path / "again", "--calibration-cache", parts[1])

    assert (cached.exit_code, again.exit_code) == (0, 0)
    assert (
        _bundle(tmp_path / "plain") == _bundle(tmp_path / "cached") == _bundle(tmp_path / "again")
    )


def test_a_part_of_one_is_the_whole(model: Path, data: Path, tmp_path: Path) -> None:
    assert _part(model, data, tmp_path / "cache", "1/1") == "the calibration is whole\n"


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/2/3"])
def test_other_parts_are_refused(part: str, model: Path, data: Path, tmp_path: Path) -> None:
    ended = call(
        "calibrate", model, "--calibrate", data, "--calibration-cache", tmp_path, "--part", part
    )

    assert ended.exit_code == 2
    assert f"--part: {part!r}, allowed is I/N" in " ".join(ended.stderr.split())


def test_a_part_needs_a_cache(model: Path, data: Path) -> None:
    assert call("calibrate", model, "--calibrate", data).exit_code == 2


def test_a_cache_that_is_a_file_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    line = refusal(run(model, data, tmp_path / "out", "--calibration-cache", data))

    assert "no folder for a cache" in line
