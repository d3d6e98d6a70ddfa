import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.manifest import load_bundle
from quantize.cli import main
from quantize.ir.float_executor import execute_float
from tests.conftest import ROOT
from tests.models import tiny_float_classifier
from tests.quantize.cases import (
    SAMPLES,
    classifier_arrays,
    save_classifier,
    save_classifier_data,
)

pytestmark = [pytest.mark.tflite, pytest.mark.ort]
DIGITS = ROOT / "examples" / "digits"
RUN_KEYS = {
    "agreement",
    "bundle",
    "files",
    "metric",
    "parity",
    "peak_rss_bytes",
    "sqnr_db",
    "wall_s",
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_classifier(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return save_classifier_data(tmp_path)


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def _call(*arguments: object) -> Result:
    """Run a command in this process; click's own runner mixes the streams in old versions."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments], prog_name="edge-quantize")
    return Result(int(stopped.value.code or 0), out.getvalue(), err.getvalue())


def _run(model: Path, data: Path, out: Path, *more: object) -> Result:
    return _call("run", model, "--calibrate", data, "--out", out, *more)


def _refusal(result: Result) -> str:
    """Return the one line of an error of ours."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_run_prints_the_promised_keys(model: Path, data: Path, tmp_path: Path) -> None:
    result = _run(model, data, tmp_path / "out", "--json")

    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert set(facts) >= RUN_KEYS
    assert set(facts["metric"]) == {"name", "float", "int8"}
    assert set(facts["files"]) == {"onnx_bytes", "tflite_bytes"}
    assert set(facts["parity"]) == {"litert_reference", "litert_default", "onnxruntime"}
    for parity in facts["parity"].values():
        assert set(parity) >= {"max_lsb", "differing_share", "changed_predictions"}
    assert facts["metric"]["float"] == pytest.approx(1 - 3 / SAMPLES)


def test_groups_of_samples_have_metrics_of_their_own(model: Path, tmp_path: Path) -> None:
    data = save_classifier_data(tmp_path, group=np.array(["day", "night"] * (SAMPLES // 2)))

    facts = json.loads(_run(model, data, tmp_path / "out", "--json").stdout)

    assert set(facts["groups"]) == {"day", "night"}
    assert facts["groups"]["day"]["name"] == "accuracy"


def test_run_writes_a_bundle_that_the_device_loads(model: Path, data: Path, tmp_path: Path) -> None:
    _run(model, data, tmp_path / "out")

    manifest = load_bundle(tmp_path / "out" / "tiny-net" / "1")
    assert manifest.task == "classification"
    assert manifest.labels == ("0", "1", "2")
    assert {file.role for file in manifest.files} == {
        "onnx",
        "tflite",
        "labels",
        "self_test",
        "calibration",
        "report",
    }


def test_run_prints_tables_for_people(model: Path, data: Path, tmp_path: Path) -> None:
    result = _run(model, data, tmp_path / "out")

    assert result.exit_code == 0
    for words in ("accuracy", "agreement with float", "litert_reference", "model.tflite"):
        assert words in result.stdout
    assert "tiny-net/1" in result.stdout
    assert result.stderr == ""


def test_the_same_input_gives_the_same_bytes(model: Path, data: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        _run(model, data, tmp_path / out)

    first, second = tmp_path / "a" / "tiny-net" / "1", tmp_path / "b" / "tiny-net" / "1"
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_no_path_of_this_machine_is_in_the_bundle(model: Path, data: Path, tmp_path: Path) -> None:
    _run(model, data, tmp_path / "out")

    for path in (tmp_path / "out" / "tiny-net" / "1").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()


def test_versions_count_up_and_are_not_overwritten(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(model, data, out, "--name", "door")
    assert _run(model, data, out, "--name", "door").exit_code == 0

    assert sorted(path.name for path in (out / "door").iterdir()) == ["1", "2"]
    line = _refusal(_run(model, data, out, "--name", "door", "--version", 2))
    assert "exists already; --force replaces it" in line
    assert _run(model, data, out, "--name", "door", "--version", 2, "--force").exit_code == 0


def test_a_metric_that_drops_further_than_allowed_exits_with_3(
    model: Path, data: Path, tmp_path: Path
) -> None:
    arrays = classifier_arrays()
    scores = execute_float(tiny_float_classifier(), {"image": arrays["x"]})["scores"]
    targets = save_classifier_data(tmp_path, "targets.npz", y=scores)  # float RMSE is next to 0

    assert _run(model, data, tmp_path / "good", "--max-drop", 100).exit_code == 0
    result = _run(model, targets, tmp_path / "bad", "--max-drop", 1, "--task", "regression")

    assert result.exit_code == 3
    assert result.stderr.startswith("error: rmse is worse by ")
    assert (tmp_path / "bad" / "tiny-net" / "1" / "manifest.json").is_file()


def test_a_drop_cannot_be_limited_without_labels(model: Path, tmp_path: Path) -> None:
    data = save_classifier_data(tmp_path, y=None)

    line = _refusal(_run(model, data, tmp_path / "out", "--max-drop", 1))

    assert "--max-drop needs labels" in line
    assert not (tmp_path / "out").exists()


def test_compare_of_a_model_with_its_integers_names_the_layers(
    model: Path, data: Path, tmp_path: Path
) -> None:
    _run(model, data, tmp_path / "out")
    int8 = tmp_path / "out" / "tiny-net" / "1" / "model.tflite"

    result = _call("compare", model, int8, "--data", data, "--json")

    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert set(facts) == {"changed_predictions", "layers", "max_abs", "samples", "sqnr_db"}
    assert facts["samples"] == SAMPLES
    assert facts["sqnr_db"] > 20
    assert "scores" in {layer["name"] for layer in facts["layers"]}


def test_compare_of_the_two_int8_files_counts_codes(
    model: Path, data: Path, tmp_path: Path
) -> None:
    _run(model, data, tmp_path / "out")
    bundle = tmp_path / "out" / "tiny-net" / "1"

    result = _call(
        "compare", bundle / "model.onnx", bundle / "model.tflite", "--data", data, "--json"
    )

    facts = json.loads(result.stdout)
    assert facts["max_lsb"] <= 3
    assert all(layer["max_abs"] == 0.0 for layer in facts["layers"])


def test_compare_prints_tables_for_people(model: Path, data: Path) -> None:
    result = _call("compare", model, model, "--data", data)

    assert result.exit_code == 0
    assert "changed predictions" in result.stdout
    assert "exact" in result.stdout


def test_inspect_lists_operations_and_costs(model: Path) -> None:
    result = _call("inspect", model, "--json")

    facts = json.loads(result.stdout)
    assert facts["is_supported"]
    assert facts["macs"] == sum(entry["macs"] for entry in facts["operations"]) > 0
    assert [entry["operation"] for entry in facts["operations"]][-1] == "Softmax"


def test_inspect_prints_a_table_for_people(model: Path) -> None:
    result = _call("inspect", model)

    assert result.exit_code == 0
    assert "FullyConnected" in result.stdout
    assert "MACs" in result.stdout


def test_a_pixel_goes_through_the_same_preprocessing_as_on_the_device(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    for name in (DIGITS / "labels.txt").read_text().split():
        (tmp_path / "images" / name).mkdir(parents=True)
        pixels = rng.integers(0, 256, (8, 8), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "images" / name / "a.png"), pixels)

    result = _call(
        "run", DIGITS / "digits.onnx", "--calibrate", tmp_path / "images",
        "--preprocess", DIGITS / "preprocess.toml", "--labels", DIGITS / "labels.txt",
        "--out", tmp_path / "out",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    manifest = load_bundle(tmp_path / "out" / "digits" / "1")
    assert manifest.labels == tuple((DIGITS / "labels.txt").read_text().split())
    assert manifest.preprocessing.std == (240.0,)


# Bad input: each one clear line, exit 1, nothing left behind.


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

    line = _refusal(_run(model, data, tmp_path / "out"))

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

    assert message in _refusal(_run(path, data, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_truncated_model_is_one_clear_line(model: Path, data: Path, tmp_path: Path) -> None:
    content = model.read_bytes()
    for length in range(16, len(content), 97):
        model.write_bytes(content[:length])
        _refusal(_call("inspect", model))


def test_a_directory_is_no_model(data: Path, tmp_path: Path) -> None:
    assert "a directory, expected" in _refusal(_run(tmp_path, data, tmp_path / "out"))


def test_what_is_no_regular_file_is_not_waited_for(model: Path, data: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")

    assert "no regular file" in _refusal(_run(tmp_path / "pipe.npz", data, tmp_path / "out"))
    assert "no regular file" in _refusal(_run(model, tmp_path / "pipe.npz", tmp_path / "out"))


def test_an_int8_model_is_not_quantized_again(model: Path, data: Path, tmp_path: Path) -> None:
    _run(model, data, tmp_path / "out")
    int8 = tmp_path / "out" / "tiny-net" / "1" / "model.onnx"

    assert "quantized already" in _refusal(_run(int8, data, tmp_path / "out"))


def test_an_out_that_is_a_file_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    assert "not a directory" in _refusal(_run(model, data, tmp_path / "out"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_an_out_that_cannot_be_written_is_refused(model: Path, data: Path) -> None:
    line = _refusal(_run(model, data, "/proc/edge-runtime-out"))

    assert line.startswith("error: /proc/edge-runtime-out/tiny-net/1: ") or "Permission" in line


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
        ("--labels", "a\nb\n", "2 names, the model has 3 classes"),
        ("--labels", "", "no labels"),
    ],
)
def test_a_bad_settings_file_is_one_clear_line(
    option: str, content: str, message: str, model: Path, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "settings"
    path.write_text(content)

    assert message in _refusal(_run(model, data, tmp_path / "out", option, path))
    missing = _run(model, data, tmp_path / "out", option, tmp_path / "missing")
    assert "cannot be read" in _refusal(missing)


def test_a_missing_option_is_a_usage_error(model: Path) -> None:
    result = _call("run", model)

    assert result.exit_code == 2
    assert "--calibrate" in result.stderr


@pytest.mark.parametrize(
    "option", [("--max-drop", "nan"), ("--max-drop", "-1"), ("--threshold", "inf")]
)
def test_a_limit_that_nothing_reaches_is_a_usage_error(
    option: tuple[str, str], model: Path, data: Path, tmp_path: Path
) -> None:
    result = _run(model, data, tmp_path / "out", *option)

    assert result.exit_code == 2
    assert option[0] in result.stderr


def test_an_empty_name_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    assert "name ''" in _refusal(_run(model, data, tmp_path / "out", "--name", ""))


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


@pytest.mark.parametrize("command", [[], ["run"], ["compare"], ["inspect"]])
def test_every_help_has_an_example(command: list[str]) -> None:
    result = _call(*command, "--help")

    assert result.exit_code == 0
    assert "Examples:\n    edge-quantize " in result.stdout


def test_the_module_is_the_command(model: Path, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "quantize", "run", model, "--calibrate", data, "--json"]

    done = subprocess.run(
        [*command, "--out", tmp_path / "out"], capture_output=True, check=True, timeout=120
    )

    assert json.loads(done.stdout)["bundle"].endswith("tiny-net/1")
    assert done.stderr == b""
