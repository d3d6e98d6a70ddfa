"""Batches through the real worker: what is said, and in which order, does not depend on them."""

from pathlib import Path
from typing import Any

import cv2
import pytest

from edge_runtime.config.sources import CsvConfig, FilesConfig, SyntheticConfig
from edge_runtime.config.structs import PipelineConfig
from edge_runtime.config.vision import StageConfig
from edge_runtime.link import Heartbeat, Outgoing, SourceState, Stop
from edge_runtime.worker.models import open_models
from edge_runtime.worker.settings import WorkerSettings
from tests.edge_runtime.blobs import Square, blob_bundle, paint
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle
from tests.edge_runtime.worker.running import Running, assert_balanced, worker

pytestmark = [pytest.mark.ort, pytest.mark.tflite]


def played(running: Running) -> list[dict[str, Any]]:
    """Let the recording end, check the ledger, return what was said of each frame, in order."""
    beat = running.settled()
    assert_balanced(beat)
    running.pipe.send(Stop())
    running.rest()
    return [*running.payloads("/event"), *running.payloads("/pred")]  # state goes by the clock


def timeless(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without what differs from run to run: ids, times and ages."""
    varying = ("id", "ts", "age_ms", "ms", "since", "duration_s")
    stages = [
        {key: value for key, value in stage.items() if key != "ms"}
        for stage in message.get("stages", [])
    ]
    return {k: v for k, v in message.items() if k not in varying} | {"stages": stages}


def batches(messages: list[dict[str, Any]]) -> list[int]:
    return [m["ms"].get("batch", 1) for m in messages if m["schema"] == "edge.pred/1"]


def table(folder: Path, rows: int) -> CsvConfig:
    """Return a recording as fast as it is taken; every 50th row holds no numbers."""
    lines = ["nan,1" if n % 50 == 7 else f"{n % 13},{n % 5}" for n in range(rows)]
    path = folder / "rows.csv"
    path.write_text("a,b\n" + "\n".join(lines) + "\n")
    return CsvConfig(path=str(path), rate_hz=0)


@pytest.mark.parametrize("average", [1, 3])
def test_a_recording_says_the_same_in_batches_and_in_the_same_order(
    tmp_path: Path, average: int
) -> None:
    bundle, source = sum_bundle(tmp_path), table(tmp_path, 600)
    said = {}
    for batch in (1, 8):
        with worker(bundle, source, engine="onnx", batch=batch, average=average) as running:
            said[batch] = played(running)

    assert [*map(timeless, said[8])] == [*map(timeless, said[1])]
    assert batches(said[1]) == [1] * 588
    assert len(batches(said[8])) == 588
    assert 1 < max(batches(said[8])) <= 8  # the source is faster, and calls are shared indeed


def test_stages_say_the_same_in_batches(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(40):
        squares = [Square("red", 2 * number, 0, 32), Square("green", 96, 64, 32)]
        cv2.imwrite(str(frames / f"{number:03}.png"), paint(squares[: 1 + number % 2], (128, 96)))
    bundle, tone = blob_bundle(tmp_path), brightness_bundle(tmp_path)
    said = {}
    for batch in (1, 16):
        with worker(
            bundle, FilesConfig(path=str(frames)), further=(tone,), engine="onnx", batch=batch,
            stage=(StageConfig(name="tone", model="brightness", engine="onnx", margin=0.0),),
        ) as running:  # fmt: skip
            said[batch] = played(running)

    assert [*map(timeless, said[16])] == [*map(timeless, said[1])]
    assert max(batches(said[16])) > 1


def test_an_engine_that_takes_one_sample_works_one_by_one(tmp_path: Path) -> None:
    with worker(sum_bundle(tmp_path), table(tmp_path, 100), engine="tflite", batch=8) as running:
        said = played(running)

    assert batches(said) == [1] * 98


def test_a_live_source_that_is_too_fast_pushes_out_the_oldest(tmp_path: Path) -> None:
    path = table(tmp_path, 1000).path
    source = CsvConfig(path=path, rate_hz=100_000, loop=True)
    with worker(sum_bundle(tmp_path), source, engine="onnx", batch=4) as running:
        running.until(Outgoing, count=400)
        running.pipe.send(Stop())
        running.rest()

    last = [record for record in running.heard if isinstance(record, Heartbeat)][-1]
    said = [m["frame"] for m in running.payloads("/pred")]
    assert last.counters.in_flight == 0
    assert last.counters.dropped["full"] > 0
    assert last.counters.inferred == len(said)
    assert said == sorted(said)
    assert max(batches(running.payloads("/pred"))) > 1
    assert_balanced(last)


def test_a_stop_in_the_midst_leaves_no_frame_unaccounted_for(tmp_path: Path) -> None:
    with worker(sum_bundle(tmp_path), table(tmp_path, 50_000), engine="onnx", batch=64) as running:
        running.until(Outgoing, count=500)
        running.pipe.send(Stop())
        running.rest()

    last = [record for record in running.heard if isinstance(record, Heartbeat)][-1]
    assert last.source is SourceState.ONLINE
    assert last.counters.in_flight == 0
    assert last.counters.dropped["stopped"] > 0
    assert last.counters.inferred == len(running.payloads("/pred"))
    assert_balanced(last)


def test_a_model_is_given_no_more_at_once_than_is_asked_for(tmp_path: Path) -> None:
    bundle, tone = blob_bundle(tmp_path), brightness_bundle(tmp_path)
    asked = {"max_objects": 7, "engine": "onnx", "model": "brightness"}
    pipeline = PipelineConfig(
        name="p1", model="blobs", source=SyntheticConfig(), engine="onnx", batch=3,
        stage=(StageConfig(name="a", **asked), StageConfig(name="b", on="frame", **asked)),
    )  # fmt: skip

    models = open_models(WorkerSettings(pipeline, bundle, "b00t", {}, further=(tone, tone)))

    assert [m.model.at_once for m in (models.own, *models.further)] == [3, 7, 1]
