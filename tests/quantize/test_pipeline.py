from pathlib import Path

import numpy as np
import pytest

from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    RegressionDecoder,
)
from edge_runtime.engines.onnx_engine import OnnxEngine
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.tflite_engine import TfliteEngine
from edge_runtime.manifest import (
    load_bundle,
)
from edge_runtime.worker.self_test import run_self_test
from quantize.budget import Budget
from quantize.emit.onnx_float import emit_float_onnx
from quantize.errors import DataError
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import FloatGraph, IntGraph
from quantize.ir.ops import Activation, Concat, FullyConnected
from quantize.job import Job
from quantize.job_integers import calibrate_part
from quantize.load.open import open_model
from quantize.pipeline import Outcome, bundle_name, run_job
from quantize.recipe import Recipe, WeightRounding
from quantize.report.task import Task
from tests.models import float_graph
from tests.quantize.cases import save_classifier, save_classifier_data

ONE_THREAD = EngineSettings(threads=1)

pytestmark = [pytest.mark.tflite, pytest.mark.ort]


def _silent(stage: str, done: int, total: int) -> None:
    """Watch nothing."""


def _dense(outputs: int, inputs: int = 6) -> FloatGraph:
    rng = np.random.default_rng(5)
    shapes = {"w1": (8, inputs), "b1": (8,), "w2": (outputs, 8), "b2": (outputs,)}
    return float_graph(
        [
            FullyConnected("x", "w1", "b1", "hidden", Activation.RELU),
            FullyConnected("hidden", "w2", "b2", "y"),
        ],
        {"x": (1, inputs)},
        {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()},
    )


def _run(graph: FloatGraph, folder: Path, arrays: dict[str, np.ndarray], **job: object) -> Outcome:
    model, data = folder / "net.onnx", folder / "data.npz"
    model.write_bytes(emit_float_onnx(graph))
    np.savez(data, **arrays)
    return run_job(Job(model=model, calibrate=data, out=folder / "out", **job), _silent)


def _rows(columns: int = 6) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(40, columns)).astype(np.float32)


def test_the_engines_of_the_device_pass_the_self_test(tmp_path: Path) -> None:
    job = Job(
        model=save_classifier(tmp_path),
        calibrate=save_classifier_data(tmp_path),
        out=tmp_path / "out",
    )

    bundle = run_job(job, _silent).bundle

    manifest = load_bundle(bundle)
    engines = [
        OnnxEngine((bundle / "model.onnx").read_bytes(), ONE_THREAD),
        TfliteEngine((bundle / "model.tflite").read_bytes(), ONE_THREAD),
    ]
    assert manifest.self_test.samples == 8
    assert [run_self_test(engine, manifest, bundle) for engine in engines] == [0, 0]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(int16_layers=("all",)),
        Recipe(float_layers=("all",)),
        Recipe(int16_layers=("q_10",), float_layers=("q_16",)),  # depthwise, logits
    ],
)
def test_the_device_runs_bundles_with_layers_in_other_types(recipe: Recipe, tmp_path: Path) -> None:
    job = Job(
        model=save_classifier(tmp_path),
        calibrate=save_classifier_data(tmp_path),
        out=tmp_path / "out",
        recipe=recipe,
    )

    outcome = run_job(job, _silent)

    bundle, manifest = outcome.bundle, load_bundle(outcome.bundle)
    engines = [
        OnnxEngine((bundle / "model.onnx").read_bytes(), ONE_THREAD),
        TfliteEngine((bundle / "model.tflite").read_bytes(), ONE_THREAD),
    ]
    for engine in engines:
        assert run_self_test(engine, manifest, bundle) <= manifest.self_test.max_lsb[engine.name]
    assert outcome.report.evaluation.logits_sqnr_db > 20
    first, second = (open_model(bundle / name) for name in ("model.onnx", "model.tflite"))
    assert first.content == second.content


def test_a_search_ends_with_a_bundle_of_what_it_chose(tmp_path: Path) -> None:
    lines: list[str] = []
    job = Job(
        model=save_classifier(tmp_path),
        calibrate=save_classifier_data(tmp_path),
        out=tmp_path / "out",
        budget=Budget(max_drop=0.0, max_flips=0.0),
        recipe=Recipe(search_samples=0),
        page=False,
    )

    outcome = run_job(job, _silent, lines.append)

    search = outcome.report.search
    assert search is not None
    chosen = next(trial for trial in search.trials if trial.name == search.chosen)
    assert chosen.meets == (search.reason is None)
    assert len(lines) == len(search.trials)
    assert "the best so far" in lines[0]
    assert outcome.manifest.provenance.recipe["int16_layers"] == list(chosen.int16_layers)
    assert chosen.flips == outcome.report.evaluation.changed_predictions / 24


def test_a_budget_that_nothing_meets_tries_all_and_ends_with_the_best(tmp_path: Path) -> None:
    graph, rows = _dense(2), _rows()
    exact = execute_float(graph, {"x": rows})["y"]  # no integers come as near as its own error, 0
    settings = {"budget": Budget(max_drop=1.0), "recipe": Recipe(search_samples=0), "page": False}

    found = _run(graph, tmp_path, {"x": rows, "y": exact}, task=Task.REGRESSION, **settings)

    search = found.report.search
    assert search is not None
    assert [trial.name for trial in search.trials] == [
        "int8",
        "int8 + correction",
        "int8 + correction + equalization",
        "int16: 1 of 2 layers",
        "int16: 2 of 2 layers",
        "float: 1 of 2 layers",
        "float: 2 of 2 layers",
    ]
    assert search.trials[-1].float_layers
    assert len(search.sensitivity) == 2
    assert search.reason is not None
    assert search.reason.startswith("rmse is worse by ")
    assert not any(trial.meets for trial in search.trials)
    assert {trial.drop for trial in search.trials} == {None}  # JSON has no infinity


def test_both_files_of_a_bundle_hold_the_same_integers(tmp_path: Path) -> None:
    job = Job(
        model=save_classifier(tmp_path),
        calibrate=save_classifier_data(tmp_path),
        out=tmp_path / "out",
    )

    bundle = run_job(job, _silent).bundle

    first, second = (open_model(bundle / name) for name in ("model.onnx", "model.tflite"))
    assert first.content == second.content


def test_the_page_can_be_left_out_and_costs_nothing_then(tmp_path: Path) -> None:
    model, data = save_classifier(tmp_path), save_classifier_data(tmp_path)
    jobs = [
        Job(model=model, calibrate=data, out=tmp_path / "out", page=page) for page in (False, True)
    ]

    without, with_page = (run_job(job, _silent) for job in jobs)

    assert not (without.bundle / "report.html").exists()
    assert without.report.explanation.occlusion == ()
    assert (with_page.bundle / "report.html").read_bytes().startswith(b"<!doctype html>")
    assert [file.name for file in with_page.manifest.files if file.role == "page"] == [
        "report.html"
    ]


def test_the_same_job_gives_the_same_certificate_and_page(tmp_path: Path) -> None:
    model, data = save_classifier(tmp_path), save_classifier_data(tmp_path)

    first, second = (
        run_job(Job(model=model, calibrate=data, out=tmp_path / out), _silent).bundle
        for out in ("a", "b")
    )

    for name in ("report.json", "report.html"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_rows_of_a_table_get_importances_under_their_columns_names(tmp_path: Path) -> None:
    graph, rows = _dense(1), _rows()
    (tmp_path / "net.onnx").write_bytes(emit_float_onnx(graph))
    lines = ["a,b,c,d,e,f,target", *(",".join(map(str, [*row, row[0]])) for row in rows)]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    job = Job(
        model=tmp_path / "net.onnx",
        calibrate=tmp_path / "rows.csv",
        out=tmp_path / "out",
        target_column="target",
    )

    found = run_job(job, _silent).report.explanation.importance

    assert {entry.feature for entry in found} == set("abcdef")
    assert found[0].metric == "rmse"


def test_a_changed_prediction_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(emit_float_onnx(_dense(40)))
    folder = tmp_path / "samples"
    folder.mkdir()
    for index, row in enumerate(np.random.default_rng(2).normal(size=(300, 6))):
        np.save(folder / f"{index:03}.npy", row.astype(np.float32))
    job = Job(
        model=tmp_path / "net.onnx",
        calibrate=folder,
        out=tmp_path / "out",
        task=Task.CLASSIFICATION,
    )

    report = run_job(job, _silent).report

    assert report.evaluation.changed_predictions == len(report.accuracy.changes) > 0
    for change in report.accuracy.changes:
        assert change.file == f"{change.sample:03}.npy"


def test_targets_make_it_regression(tmp_path: Path) -> None:
    rows = _rows()

    outcome = _run(_dense(2), tmp_path, {"x": rows, "y": rows[:, :2]})

    assert outcome.manifest.task == "regression"
    assert isinstance(outcome.manifest.decoder, RegressionDecoder)
    assert outcome.manifest.decoder.names == ("value_0", "value_1")
    assert set(outcome.manifest.metrics) >= {"float_rmse", "int8_rmse", "int8_r2"}


def test_an_anomaly_has_the_99th_percentile_of_the_calibration_data_as_threshold(
    tmp_path: Path,
) -> None:
    outcome = _run(_dense(6), tmp_path, {"x": _rows()}, task=Task.ANOMALY)

    decoder = outcome.manifest.decoder
    assert isinstance(decoder, AnomalyDecoder)
    assert decoder.method == "reconstruction"
    assert decoder.threshold > 0
    assert outcome.report.evaluation.agreement is not None


def test_a_given_threshold_is_kept(tmp_path: Path) -> None:
    outcome = _run(_dense(6), tmp_path, {"x": _rows()}, task=Task.ANOMALY, threshold=4.5)

    assert isinstance(outcome.manifest.decoder, AnomalyDecoder)
    assert outcome.manifest.decoder.threshold == 4.5


def test_an_anomaly_with_verdicts_is_scored_by_its_area(tmp_path: Path) -> None:
    labels = np.arange(40) % 2

    outcome = _run(_dense(1), tmp_path, {"x": _rows(), "y": labels}, task=Task.ANOMALY)

    assert "int8_auc" in outcome.manifest.metrics
    assert isinstance(outcome.manifest.decoder, AnomalyDecoder)
    assert outcome.manifest.decoder.method == "score"


def test_nothing_known_is_a_tensor(tmp_path: Path) -> None:
    outcome = _run(_dense(3), tmp_path, {"x": _rows()})

    assert outcome.manifest.task == "tensor"
    assert outcome.manifest.decoder is None
    assert outcome.report.evaluation.agreement is None


def test_scores_without_a_softmax_get_one_on_the_device(tmp_path: Path) -> None:
    labels = np.arange(40) % 3

    outcome = _run(_dense(3), tmp_path, {"x": _rows(), "y": labels})

    assert outcome.manifest.decoder is not None
    assert outcome.manifest.decoder.activation == "softmax"


def test_calibration_histograms_are_in_the_bundle(tmp_path: Path) -> None:
    rows = _rows()

    bundle = _run(_dense(2), tmp_path, {"x": rows}).bundle

    with np.load(bundle / "calibration.npz") as arrays:
        assert arrays["input_0_counts"].sum() == rows.size
        assert arrays["input_0_range"].tolist() == [rows.min(), rows.max()]
        first, exponent = arrays["input_0_first"][0], arrays["input_0_exponent"][0]
        assert first * 2.0**exponent <= rows.min()
        assert "output_0_counts" in arrays


def test_data_that_turns_bad_midway_leaves_nothing_behind(tmp_path: Path) -> None:
    rows = _rows()
    rows[30, 2] = np.inf

    with pytest.raises(DataError, match="sample 30 has NaN or infinity"):
        _run(_dense(2), tmp_path, {"x": rows})

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Tiny_Net", "tiny-net"),
        ("__", "model"),
        ("a" * 60, "a" * 48),
        ("x.v2 (final)", "x-v2-final"),
    ],
)
def test_a_file_name_becomes_a_legal_bundle_name(stem: str, name: str) -> None:
    assert bundle_name(stem) == name


@pytest.mark.shared_assets
@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_keyword_spotting_is_as_good_as_the_design_asks(
    suffix: str, shared: Path, tmp_path: Path
) -> None:
    samples = shared / "evalsets" / "kws01"
    job = Job(
        model=shared / "models" / "mlperf_tiny" / f"kws_dscnn_float.{suffix}",
        calibrate=samples / "calib.npz",
        evaluate=samples / "eval.npz",
        out=tmp_path / "out",
    )

    report = run_job(job, _silent).report

    assert report.evaluation.sqnr_db is not None
    assert report.evaluation.sqnr_db >= 28.3
    assert report.evaluation.metrics[0].drop <= 1.0
    assert report.parity["litert_reference"].operation_max_lsb <= 1
    assert all(parity.operation_max_lsb <= 1 for parity in report.parity.values())
    assert report.facts.tflite_bytes <= 54_200
    assert report.facts.onnx_bytes <= 0.75 * 99_900


@pytest.mark.shared_assets
def test_a_sine_is_as_good_as_the_design_asks(shared: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(20261123)
    line = np.linspace(0, 2 * np.pi, 1000, dtype=np.float32)[:, np.newaxis]
    np.savez(tmp_path / "calib.npz", x=rng.uniform(0, 2 * np.pi, (200, 1)))
    np.savez(tmp_path / "eval.npz", x=line, y=np.sin(line))
    job = Job(
        model=shared / "models" / "tflm" / "hello_world_float.onnx",
        calibrate=tmp_path / "calib.npz",
        evaluate=tmp_path / "eval.npz",
        out=tmp_path / "out",
    )

    report = run_job(job, _silent).report

    assert report.evaluation.task is Task.REGRESSION
    assert report.evaluation.sqnr_db is not None
    assert report.evaluation.sqnr_db >= 32.0


def test_a_report_says_what_pruning_saved(tmp_path: Path) -> None:
    recipe = Recipe(prune_channels=0.25, prune_weights=0.3, search_samples=8)

    pruning = _run(_dense(3), tmp_path, {"x": _rows()}, recipe=recipe).report.pruning

    assert pruning is not None
    assert (pruning.before.macs, pruning.after.macs) == (6 * 8 + 8 * 3, 6 * 6 + 6 * 3)
    assert pruning.after.zero_share >= (int(0.3 * 36) + int(0.3 * 18)) / 54
    assert pruning.after.constant_bytes < pruning.before.constant_bytes


def test_a_report_without_pruning_says_nothing_of_it(tmp_path: Path) -> None:
    assert _run(_dense(3), tmp_path, {"x": _rows()}).report.pruning is None


@pytest.mark.parametrize("rounding", list(WeightRounding))
def test_weights_of_one_scale_pass_through_both_files(
    rounding: WeightRounding, tmp_path: Path
) -> None:
    recipe = Recipe(per_channel=False, weight_rounding=rounding)
    job = Job(
        model=save_classifier(tmp_path),
        calibrate=save_classifier_data(tmp_path),
        out=tmp_path / "out",
        recipe=recipe,
    )

    outcome = run_job(job, _silent)

    assert all(parity.operation_max_lsb <= 1 for parity in outcome.report.parity.values())
    for file in ("model.onnx", "model.tflite"):
        content = open_model(outcome.bundle / file).content
        assert isinstance(content, IntGraph)
        assert {t.quant.axis for t in content.tensors.values() if t.quant} == {None}


def test_boxes_and_scores_apart_are_outputs_of_the_bundle(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    shapes = {"boxes": (4, 6), "classes": (2, 6)}
    graph = float_graph(
        [
            FullyConnected("x", "boxes", None, "box"),
            FullyConnected("x", "classes", None, "score"),
            Concat(("box", "score"), "y", 1),
        ],
        {"x": (1, 6)},
        {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()},
    )

    outcome = _run(graph, tmp_path, {"x": _rows()}, recipe=Recipe(separate_outputs=True))

    assert [spec.shape for spec in outcome.manifest.outputs] == [(1, 4), (1, 2)]
    assert all(parity.operation_max_lsb <= 1 for parity in outcome.report.parity.values())


def test_a_part_of_a_calibration_has_to_be_kept_somewhere(tmp_path: Path) -> None:
    job = Job(
        model=save_classifier(tmp_path), calibrate=save_classifier_data(tmp_path), out=tmp_path
    )

    with pytest.raises(DataError, match="needs a cache"):
        calibrate_part(job, (0, 2), _silent)


@pytest.mark.parametrize(
    ("widened", "said"), [(True, "ranges are widened by 18%"), (False, "as is")]
)
def test_few_samples_are_warned_of(
    widened: bool, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = Recipe(widen_few=widened, search_samples=0)

    _run(_dense(3), tmp_path, {"x": _rows()[:30]}, recipe=recipe)

    assert f"30 calibration samples: {said}" in caplog.text
