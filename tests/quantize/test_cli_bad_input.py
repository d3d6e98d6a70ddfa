"""Bad input to `edge-quantize`: each one clear line, exit 1, nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.quantize.cases import SAMPLES, classifier_arrays, save_classifier, save_classifier_data
from tests.quantize.command import call, refusal, run

pytestmark = [pytest.mark.tflite, pytest.mark.ort]
DIGITS = ROOT / "examples" / "digits"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_classifier(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return save_classifier_data(tmp_path)


def _arrays(**changes: object) -> dict[str, object]:
    return {**classifier_arrays(), **changes}


def _with_nan() -> np.ndarray:
    images = classifier_arrays()["x"].copy()
    images[7, 2, 3, 1] = np.nan
    return images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros((4, 5, 5, 2)), "y": None}, r"shape (5, 5, 2), the model takes (6, 6, 2)"),
        ({"x": np.zeros((0, 6, 6, 2)), "y": None}, "no samples"),
        ({"x": _with_nan()}, "sample 7 has NaN or infinity"),
        ({"y": np.zeros(5, np.int64)}, f"y has 5 entries for {SAMPLES} samples"),
        ({"y": np.full(SAMPLES, 3)}, "sample 0 has label 3, allowed are 0..2"),
        ({"x": None}, "no array x"),
    ],
)
def test_data_that_cannot_be_used_leaves_nothing_behind(
    changes: dict[str, np.ndarray], message: str, model: Path, tmp_path: Path
) -> None:
    data = save_classifier_data(tmp_path, **changes)

    line = refusal(run(model, data, tmp_path / "out"))

    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.onnx", None, "No such file"),
        ("a.onnx", b"", "empty, expected an ONNX or TFLite file"),
        ("a.onnx", b"\x08\x08garbage that is no protobuf", "a"),
        ("a.tflite", b"\x1c\x00\x00\x00TFL3", "a"),
        ("a.pkl", b"\x80\x04K\x01.", "skl2onnx"),
        ("a.joblib", b"anything", "skl2onnx"),
        ("a.onnx", b"\x80\x04K\x01.", "skl2onnx"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "a Keras file"),
        ("a.pt", b"PK\x03\x04", "torch.onnx.export"),
    ],
)
def test_a_model_that_cannot_be_read_is_one_clear_line(
    name: str, content: bytes | None, message: str, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert message in refusal(run(path, data, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_truncated_model_is_one_clear_line(model: Path, data: Path, tmp_path: Path) -> None:
    content = model.read_bytes()
    for length in range(16, len(content), 97):
        model.write_bytes(content[:length])
        refusal(call("inspect", model))


def test_a_directory_is_no_model(data: Path, tmp_path: Path) -> None:
    assert "a directory, expected" in refusal(run(tmp_path, data, tmp_path / "out"))


def test_what_is_no_regular_file_is_not_waited_for(model: Path, data: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")

    assert "no regular file" in refusal(run(tmp_path / "pipe.npz", data, tmp_path / "out"))
    assert "no regular file" in refusal(run(model, tmp_path / "pipe.npz", tmp_path / "out"))


def test_an_int8_model_is_not_quantized_again(model: Path, data: Path, tmp_path: Path) -> None:
    run(model, data, tmp_path / "out")
    int8 = tmp_path / "out" / "tiny-net" / "1" / "model.onnx"

    assert "quantized already" in refusal(run(int8, data, tmp_path / "out"))


def test_an_out_that_is_a_file_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    assert "not a directory" in refusal(run(model, data, tmp_path / "out"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_an_out_that_cannot_be_written_is_refused(model: Path, data: Path) -> None:
    line = refusal(run(model, data, "/proc/edge-runtime-out"))

    assert line.startswith("error: /proc/edge-runtime-out/tiny-net/1: ") or "Permission" in line


def test_huge_values_are_refused_before_any_warning(model: Path, tmp_path: Path) -> None:
    images = np.full_like(classifier_arrays()["x"], 1e37, np.float32)
    data = save_classifier_data(tmp_path, x=images)

    assert "hold 1e+37" in refusal(run(model, data, tmp_path / "out"))


def test_ctrl_c_is_one_line(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("quantize.cli.run_job", interrupt)

    ended = run(model, data, tmp_path / "out")

    assert (ended.exit_code, ended.stderr) == (130, "edge-quantize: interrupted\n")


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--recipe", "batch = 3", "unknown key 'batch'"),
        ("--recipe", "= 3", "not TOML"),
        ("--preprocess", 'kind = "picture"', "kind: allowed are tensor, image, window"),
        ("--preprocess", 'kind = "image"\nwidth = 6\nheight = 6\ncolor = "rgb"', "`color`"),
        ("--preprocess", "width = 6", "kind: allowed are tensor, image, window"),
        (
            "--preprocess",
            'kind = "image"\nwidth = 6\nheight = 1000000000',
            "height 1000000000, allowed is 1 to 16384",
        ),
        ("--decoder", 'kind = "yolov9"', "kind: allowed are yolov5, yolov8, nanodet, yolox, rows"),
        ("--decoder", 'kind = "rows"\noutputs = ["y"]\ncolour = 1', "`colour`"),
        (
            "--decoder",
            'kind = "rows"\noutputs = ["boxes"]',
            "decoder: decoder of 'boxes', the outputs are ['scores']",
        ),
        (
            "--decoder",
            'kind = "rows"\noutputs = ["scores"]',
            "detection decoder: the preprocessing has to be an image's",
        ),
        ("--labels", "a\nb\n", "2 names, the model has 3 classes"),
        ("--labels", "", "no labels"),
    ],
)
def test_a_bad_settings_file_is_one_clear_line(
    option: str, content: str, message: str, model: Path, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "settings"
    path.write_text(content)

    assert message in refusal(run(model, data, tmp_path / "out", option, path))
    missing = run(model, data, tmp_path / "out", option, tmp_path / "missing")
    assert "cannot be read" in refusal(missing)


def test_a_decoder_and_another_task_contradict_each_other(
    model: Path, data: Path, tmp_path: Path
) -> None:
    decoder = tmp_path / "decoder.toml"
    decoder.write_text('kind = "rows"\noutputs = ["scores"]')

    line = refusal(
        run(model, data, tmp_path / "out", "--decoder", decoder, "--task", "classification")
    )

    assert "--task classification: the decoder says that it is detection" in line


def test_a_missing_option_is_a_usage_error(model: Path) -> None:
    result = call("run", model)

    assert result.exit_code == 2
    assert "--out" in result.stderr


@pytest.mark.parametrize(
    "option",
    [
        ("--max-drop", "nan"),
        ("--max-drop", "-1"),
        ("--max-flips", "1"),
        ("--max-flips", "101%"),
        ("--max-flips", "few%"),
        ("--time-limit", "10"),
        ("--threshold", "inf"),
    ],
)
def test_a_limit_that_nothing_reaches_is_a_usage_error(
    option: tuple[str, str], model: Path, data: Path, tmp_path: Path
) -> None:
    result = run(model, data, tmp_path / "out", *option)

    assert result.exit_code == 2
    assert option[0] in result.stderr


def test_workers_and_layers_that_are_not_there_are_refused(
    model: Path, data: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('float_layers = ["nowhere"]')

    line = refusal(run(model, data, tmp_path / "out", "--parallel", "many"))
    assert "--parallel many: allowed are 1 to 256 and dask://HOST:PORT" in line
    line = refusal(run(model, data, tmp_path / "out", "--recipe", recipe))
    assert "recipe: no layer 'nowhere', there are " in line
    assert line.endswith("scores")


def test_an_empty_name_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    assert "name ''" in refusal(run(model, data, tmp_path / "out", "--name", ""))


def test_a_damaged_image_is_one_line_and_opencv_is_silent(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nxxxx")
    settings = ("--preprocess", DIGITS / "preprocess.toml")
    arguments = [DIGITS / "digits.onnx", "--calibrate", images, *settings, "--out", tmp_path / "o"]

    command = [sys.executable, "-m", "quantize", "run", *map(str, arguments)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert result.stderr == f"error: {images / 'a.png'}: not a readable image\n"
