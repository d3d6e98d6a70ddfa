import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.manifest import load_bundle
from quantize.ir.float_executor import execute_float
from tests.conftest import ROOT
from tests.models import tiny_float_classifier
from tests.quantize.cases import (
    SAMPLES,
    classifier_arrays,
    save_classifier,
    save_classifier_data,
)
from tests.quantize.command import call, refusal, run

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


def test_run_prints_the_promised_keys(model: Path, data: Path, tmp_path: Path) -> None:
    result = run(model, data, tmp_path / "out", "--json")

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

    facts = json.loads(run(model, data, tmp_path / "out", "--json").stdout)

    assert set(facts["groups"]) == {"day", "night"}
    assert facts["groups"]["day"]["name"] == "accuracy"


def test_run_writes_a_bundle_that_the_device_loads(model: Path, data: Path, tmp_path: Path) -> None:
    run(model, data, tmp_path / "out")

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
        "page",
    }


def test_run_leaves_the_page_out_when_it_is_told_to(
    model: Path, data: Path, tmp_path: Path
) -> None:
    run(model, data, tmp_path / "out", "--no-page")

    manifest = load_bundle(tmp_path / "out" / "tiny-net" / "1")
    assert "page" not in {file.role for file in manifest.files}


def test_run_prints_tables_for_people(model: Path, data: Path, tmp_path: Path) -> None:
    result = run(model, data, tmp_path / "out")

    assert result.exit_code == 0
    for words in ("accuracy", "agreement with float", "litert_reference", "model.tflite"):
        assert words in result.stdout
    assert "tiny-net/1" in result.stdout
    assert result.stderr == ""


def test_the_same_input_gives_the_same_bytes(model: Path, data: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        run(model, data, tmp_path / out)

    first, second = tmp_path / "a" / "tiny-net" / "1", tmp_path / "b" / "tiny-net" / "1"
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_no_path_of_this_machine_is_in_the_bundle(model: Path, data: Path, tmp_path: Path) -> None:
    run(model, data, tmp_path / "out")

    for path in (tmp_path / "out" / "tiny-net" / "1").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()


def test_versions_count_up_and_are_not_overwritten(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model, data, out, "--name", "door")
    assert run(model, data, out, "--name", "door").exit_code == 0

    assert sorted(path.name for path in (out / "door").iterdir()) == ["1", "2"]
    line = refusal(run(model, data, out, "--name", "door", "--version", 2))
    assert "exists already; --force replaces it" in line
    assert run(model, data, out, "--name", "door", "--version", 2, "--force").exit_code == 0


def test_a_metric_that_drops_further_than_allowed_exits_with_3(
    model: Path, data: Path, tmp_path: Path
) -> None:
    arrays = classifier_arrays()
    scores = execute_float(tiny_float_classifier(), {"image": arrays["x"]})["scores"]
    targets = save_classifier_data(tmp_path, "targets.npz", y=scores)  # float RMSE is next to 0

    good = run(model, data, tmp_path / "good", "--max-drop", 100, "--max-flips", "50%")
    assert good.exit_code == 0
    assert "in budget" in good.stdout
    assert " *" in good.stdout
    limits = ("--max-drop", 1, "--time-limit", 0, "--json")
    result = run(model, targets, tmp_path / "bad", *limits, "--task", "regression")

    assert result.exit_code == 3
    assert result.stderr.startswith("error: rmse is worse by ")
    assert "time limit of 0 s ended the search; the best of 1 tried is 'int8'" in result.stderr
    search = json.loads(result.stdout)["search"]
    assert [trial["name"] for trial in search["trials"]] == ["int8"]
    assert (tmp_path / "bad" / "tiny-net" / "1" / "manifest.json").is_file()


def test_a_drop_cannot_be_limited_without_labels(model: Path, tmp_path: Path) -> None:
    data = save_classifier_data(tmp_path, y=None)

    line = refusal(run(model, data, tmp_path / "out", "--max-drop", 1))

    assert "--max-drop needs labels" in line
    assert not (tmp_path / "out").exists()


def test_compare_of_a_model_with_its_integers_names_the_layers(
    model: Path, data: Path, tmp_path: Path
) -> None:
    run(model, data, tmp_path / "out")
    int8 = tmp_path / "out" / "tiny-net" / "1" / "model.tflite"

    result = call("compare", model, int8, "--data", data, "--json")

    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert {"changed_predictions", "layers", "max_abs", "samples", "sqnr_db"} <= set(facts)
    assert "max_lsb" not in facts  # a float output has no codes
    assert facts["logits"]["sqnr_db"] > 20
    assert facts["operations"]
    assert facts["samples"] == SAMPLES
    assert facts["sqnr_db"] > 20
    assert "scores" in {layer["name"] for layer in facts["layers"]}


def test_compare_of_the_two_int8_files_counts_codes(
    model: Path, data: Path, tmp_path: Path
) -> None:
    run(model, data, tmp_path / "out")
    bundle = tmp_path / "out" / "tiny-net" / "1"

    result = call(
        "compare", bundle / "model.onnx", bundle / "model.tflite", "--data", data, "--json"
    )

    facts = json.loads(result.stdout)
    assert facts["max_lsb"] <= 3
    assert all(layer["max_abs"] == 0.0 for layer in facts["layers"])


def test_compare_prints_tables_for_people(model: Path, data: Path) -> None:
    result = call("compare", model, model, "--data", data)

    assert result.exit_code == 0
    assert "changed predictions" in result.stdout
    assert "exact" in result.stdout


def test_inspect_lists_operations_and_costs(model: Path) -> None:
    result = call("inspect", model, "--json")

    facts = json.loads(result.stdout)
    assert facts["is_supported"]
    assert facts["macs"] == sum(entry["macs"] for entry in facts["operations"]) > 0
    assert [entry["operation"] for entry in facts["operations"]][-1] == "Softmax"


def test_inspect_prints_a_table_for_people(model: Path) -> None:
    result = call("inspect", model)

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

    result = call(
        "run", DIGITS / "digits.onnx", "--calibrate", tmp_path / "images",
        "--preprocess", DIGITS / "preprocess.toml", "--labels", DIGITS / "labels.txt",
        "--out", tmp_path / "out",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    manifest = load_bundle(tmp_path / "out" / "digits" / "1")
    assert manifest.labels == tuple((DIGITS / "labels.txt").read_text().split())
    assert manifest.preprocessing.std == (240.0,)


@pytest.mark.parametrize("command", [[], ["run"], ["compare"], ["inspect"]])
def test_every_help_has_an_example(command: list[str]) -> None:
    result = call(*command, "--help")

    assert result.exit_code == 0
    assert "Examples:\n    edge-quantize " in result.stdout


def test_the_module_is_the_command(model: Path, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "quantize", "run", model, "--calibrate", data, "--json"]

    done = subprocess.run(
        [*command, "--out", tmp_path / "out"], capture_output=True, check=True, timeout=120
    )

    assert json.loads(done.stdout)["bundle"].endswith("tiny-net/1")
    (warning,) = done.stderr.splitlines()
    assert warning.startswith(b"24 calibration samples: ranges are widened by 20%")


def test_a_pruned_model_is_shown_beside_the_whole(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("prune_weights = 0.5\nsearch_samples = 4\n")

    ended = run(
        save_classifier(tmp_path), save_classifier_data(tmp_path), tmp_path / "out",
        "--recipe", recipe,
    )  # fmt: skip

    assert ended.exit_code == 0, ended.output
    assert "compressed by zlib, bytes" in ended.stdout
