"""What a job asks for at once works at once: pruning, types, no data, a cache, a search."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.engines.onnx_engine import OnnxEngine
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.tflite_engine import TfliteEngine
from edge_runtime.manifest import load_bundle
from edge_runtime.worker.self_test import run_self_test
from quantize.budget import Budget
from quantize.emit.onnx_float import emit_float_onnx
from quantize.errors import DataError
from quantize.integers import quantize_graph
from quantize.ir.graph import DType, FloatGraph
from quantize.ir.ops import Concat, FullyConnected
from quantize.job import Job
from quantize.job_integers import calibrate_part
from quantize.load.open import open_model
from quantize.pipeline import run_job
from quantize.recipe import Recipe
from tests.models import float_graph, tiny_float_classifier
from tests.quantize.cases import save_classifier, save_classifier_data
from tests.quantize.test_integers import images, reader

ONE_THREAD = EngineSettings(threads=1)
pytestmark = [pytest.mark.ort, pytest.mark.tflite]


def _silent(stage: str, done: int, total: int) -> None:
    """Watch nothing."""


def _job(folder: Path, **settings: object) -> Job:
    job = Job(
        model=save_classifier(folder),
        calibrate=save_classifier_data(folder),
        out=folder / "out",
        page=False,
    )
    return replace(job, **settings)


def _boxes() -> FloatGraph:
    rng = np.random.default_rng(5)
    shapes = {"boxes": (4, 6), "classes": (2, 6)}
    return float_graph(
        [
            FullyConnected("x", "boxes", None, "box"),
            FullyConnected("x", "classes", None, "score"),
            Concat(("box", "score"), "y", 1),
        ],
        {"x": (1, 6)},
        {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()},
    )


@pytest.mark.parametrize(
    "layers", [{"int16_layers": ("all",)}, {"int16_layers": ("q_10",), "float_layers": ("q_16",)}]
)
def test_a_pruned_network_has_layers_in_other_types(
    layers: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    recipe = Recipe(prune_channels=0.25, prune_weights=0.25, search_samples=8, **layers)

    outcome = run_job(_job(tmp_path, recipe=recipe), _silent)

    bundle, manifest = outcome.bundle, load_bundle(outcome.bundle)
    onnx, tflite = (open_model(bundle / name).content for name in ("model.onnx", "model.tflite"))
    assert onnx == tflite
    for engine in (
        OnnxEngine((bundle / "model.onnx").read_bytes(), ONE_THREAD),
        TfliteEngine((bundle / "model.tflite").read_bytes(), ONE_THREAD),
    ):
        assert run_self_test(engine, manifest, bundle) <= manifest.self_test.max_lsb[engine.name]
    pruning = outcome.report.pruning
    assert pruning is not None
    assert pruning.after.macs < pruning.before.macs
    assert pruning.after.zero_share > 0.2


@pytest.mark.parametrize(
    "layers", [{"int16_layers": ("all",)}, {"float_layers": ("q_16",)}, {"int16_layers": ("q_16",)}]
)
def test_layers_have_other_types_without_data(
    layers: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    recipe = Recipe(**layers)

    job = _job(tmp_path, recipe=recipe, calibrate=None, evaluate=save_classifier_data(tmp_path))
    outcome = run_job(replace(job, input_range=(-4.0, 4.0)), _silent)

    assert outcome.report.without_data is not None
    assert outcome.report.evaluation.logits_sqnr_db > 15


@pytest.mark.parametrize("budget", [Budget(max_drop=1.0), Budget(max_flips=0.1)])
def test_without_data_there_is_no_search(budget: Budget, tmp_path: Path) -> None:
    job = _job(tmp_path, calibrate=None, evaluate=save_classifier_data(tmp_path), budget=budget)

    with pytest.raises(DataError, match="search on calibration data, --no-data has none"):
        run_job(job, _silent)

    assert not job.out.exists()


def test_a_search_reads_the_shards_that_parts_have_left_and_ends_the_same(tmp_path: Path) -> None:
    recipe = Recipe(prune_channels=0.25, search_samples=0)
    nothing_meets = Budget(max_flips=-1.0)
    plain = _job(tmp_path, recipe=recipe, budget=nothing_meets)
    cached = replace(plain, cache=tmp_path / "cache", out=tmp_path / "cached")

    assert calibrate_part(cached, (0, 1), _silent) is None
    left = sorted((tmp_path / "cache").glob("*/*.npz"))
    found = [run_job(job, _silent) for job in (plain, cached)]

    assert left
    assert found[0].report == found[1].report
    assert found[0].report.search is not None
    assert len(found[0].report.search.trials) > 3, "no layer was widened"
    for name in ("model.onnx", "model.tflite"):
        assert (found[0].bundle / name).read_bytes() == (found[1].bundle / name).read_bytes()
    # without equalization another network runs, whose histograms are kept as well
    shards = sorted((tmp_path / "cache").glob("*/*.npz"))
    assert len(shards) == len(left) + 1
    assert set(left) < set(shards)


def test_parts_of_a_calibration_take_outputs_apart_as_the_run_does(tmp_path: Path) -> None:
    model, data = tmp_path / "boxes.onnx", tmp_path / "data.npz"
    model.write_bytes(emit_float_onnx(_boxes()))
    np.savez(data, x=np.random.default_rng(4).normal(size=(40, 6)).astype(np.float32))
    recipe = Recipe(separate_outputs=True, search_samples=0)
    job = Job(model, data, tmp_path / "out", recipe=recipe, cache=tmp_path / "c", page=False)

    assert calibrate_part(job, (0, 1), _silent) is None
    left = sorted((tmp_path / "c").glob("*/*.npz"))
    run_job(job, _silent)

    assert sorted((tmp_path / "c").glob("*/*.npz")) == left


def test_logits_returned_beside_their_scores_are_corrected_in_int16() -> None:
    graph = replace(tiny_float_classifier(), outputs=("logits", "scores"))
    recipe = Recipe(int16_layers=("logits", "scores"), search_samples=0)

    made = quantize_graph(graph, reader("image", images(64)), recipe).graph

    assert made.outputs == ("logits", "scores")
    assert {made.tensors[name].dtype for name in made.outputs} == {DType.INT8}
