"""Detectors, cascades, gates, zones and tracks through the real worker."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest

from edge_runtime.config.sources import CsvConfig, FilesConfig, SyntheticConfig
from edge_runtime.config.structs import PublishConfig
from edge_runtime.config.vision import (
    ModelGateConfig,
    MotionGateConfig,
    StageConfig,
    TrackConfig,
    ZoneConfig,
)
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.link import Failed, Ready, Stop
from edge_runtime.manifest import load_bundle
from edge_runtime.pipeline import Model, predict
from edge_runtime.records import Detection, Frame, FrameRef
from tests.edge_runtime.average_precision import Found, Truth, mean_average_precision
from tests.edge_runtime.blobs import LABELS, Square, blob_bundle, paint, squares
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle
from tests.edge_runtime.decoders import boxes as judge
from tests.edge_runtime.worker.running import Running, assert_balanced, worker

pytestmark = [pytest.mark.ort, pytest.mark.tflite]

WIDE = (128, 96)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blob_bundle(tmp_path_factory.mktemp("blobs"))


def images(folder: Path, frames: list[list[Square]], size: tuple[int, int] = WIDE) -> FilesConfig:
    folder.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:03}.png"), paint(frame, size))
    return FilesConfig(path=str(folder))


def played(running: Running) -> list[dict[str, Any]]:
    """Let the recording end, check the ledger, return the predictions."""
    beat = running.settled()
    assert_balanced(beat)
    running.pipe.send(Stop())
    running.rest()
    return running.payloads("/pred")


def noisy(rng: np.random.Generator, frame: list[Square]) -> np.ndarray:
    """The frame with so much noise that some squares are missed and others made up."""
    image = paint(frame, WIDE).astype(np.float64)
    return np.clip(image * rng.uniform(0.5, 1.0) + rng.normal(0, 90, image.shape), 0, 255).astype(
        np.uint8
    )


def shares(square: Square) -> tuple[float, float, float, float]:
    left, top = square.left / WIDE[0], square.top / WIDE[1]
    return (left, top, left + square.side / WIDE[0], top + square.side / WIDE[1])


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_the_map_of_the_messages_is_the_map_offline(
    tmp_path: Path, blobs: Path, rng: np.random.Generator, engine: Any
) -> None:
    frames = [squares(rng, 3, WIDE) for _ in range(30)]
    pictures = [noisy(rng, frame) for frame in frames]
    (tmp_path / "images").mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / "images" / f"{number:03}.png"), picture)
    truth: dict[str, list[Truth]] = {
        f"{n:03}.png": [(s.label, shares(s)) for s in frame] for n, frame in enumerate(frames)
    }

    source = FilesConfig(path=str(tmp_path / "images"))
    with worker(blobs, source, engine=engine, threshold=0.2) as running:
        messages = played(running)

    said: dict[str, list[Found]] = {
        m["label"]: [(r["label"], r["score"], tuple(r["box"])) for r in m["results"]]
        for m in messages
    }
    manifest = load_bundle(blobs)
    model = Model(manifest, load_engine(engine, manifest, blobs, EngineSettings(threads=1)))
    offline: dict[str, list[Found]] = {}
    for number, picture in enumerate(pictures):
        frame = Frame(FrameRef("s", number, 0.0, 0.0), picture)
        decoded = predict(frame, model, 0.2).decoded
        assert isinstance(decoded, Detection)
        offline[f"{number:03}.png"] = [(o.label, o.score, o.box) for o in decoded.objects]
    value = mean_average_precision(said, truth)
    assert value == mean_average_precision(offline, truth)
    if engine == "onnx":
        plain = {name: by_hand(p, blobs) for name, p in zip(sorted(truth), pictures, strict=True)}
        assert value == pytest.approx(mean_average_precision(plain, truth), abs=1e-9)
    assert 0.2 < value < 0.999  # neither blind nor trivial
    assert all(m["kind"] == "detection" and m["size"] == [*WIDE] for m in messages)


def by_hand(picture: np.ndarray, bundle: Path) -> list[Found]:
    """The model file in ONNX Runtime, a letterbox and peaks of our own: nothing of the daemon's."""
    canvas = np.full((64, 64, 3), 114, np.uint8)
    canvas[8:56] = cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA)
    tensor = (canvas[:, :, ::-1].astype(np.float32) / np.float32(255))[np.newaxis]
    session = onnxruntime.InferenceSession((bundle / "model.onnx").read_bytes())
    given = session.get_inputs()[0]
    fed = tensor if given.shape[-1] == 3 else tensor.transpose(0, 3, 1, 2)
    values = session.run(["heat", "sizes", "offsets"], {given.name: np.ascontiguousarray(fed)})
    heat, sizes, offsets = (v if v.shape[-1] == 2 else v.transpose(0, 2, 3, 1) for v in values)
    rows: list[judge.Row] = []
    for y, x, c in np.ndindex(heat.shape[1:]):
        score = float(heat[0, y, x, c])
        if score == heat[0, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2, c].max():
            (w, h), (dx, dy) = sizes[0, y, x] * 2, offsets[0, y, x]
            rows.append((score, c, judge.corners(2 * (x + dx), 2 * (y + dy), w, h)))
    return [
        (
            LABELS[c],
            score,
            tuple(np.clip([left / 64, (top - 8) / 48, right / 64, (low - 8) / 48], 0, 1)),
        )
        for score, c, (left, top, right, low) in judge.suppressed(rows, 0.2, 0.45)
    ]


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_clean_squares_are_found_where_they_are(
    tmp_path: Path, blobs: Path, rng: np.random.Generator, engine: Any
) -> None:
    frames = [squares(rng, n % 4, WIDE) for n in range(8)]

    with worker(blobs, images(tmp_path / "i", frames), engine=engine) as running:
        messages = played(running)

    for frame, message in zip(frames, messages, strict=True):
        found = sorted((r["label"], *r["box"]) for r in message["results"])
        np.testing.assert_allclose(
            [row[1:] for row in found],
            [shares(s) for s in sorted(frame, key=lambda s: (s.label, shares(s)))],
            atol=1e-5,
        )
        assert [row[0] for row in found] == sorted(s.label for s in frame)


def test_presence_is_an_event_and_the_state_counts(tmp_path: Path, blobs: Path) -> None:
    one, two = Square("red", 0, 0, 32), Square("red", 64, 32, 32)
    green = Square("green", 64, 64, 32)
    frames = [[], [one], [one, two], [green], [green, one], []]

    with worker(blobs, images(tmp_path / "i", frames)) as running:
        played(running)

    events = [e for e in running.payloads("/event") if e["change"] != "sample"]
    assert [(e["frame"], e["change"], e["what"]) for e in events] == [
        (1, "start", "red"), (3, "end", "red"), (3, "start", "green"),
        (4, "start", "red"), (5, "end", "green"), (5, "end", "red"),
    ]  # fmt: skip
    states = running.payloads("/state")
    assert [(s["state"], s["counts"]) for s in states] == [
        ("none", {}), ("red", {"red": 1}), ("green", {"green": 1}),
        ("green, red", {"green": 1, "red": 1}), ("none", {}),
    ]  # fmt: skip


def test_a_region_of_interest_hides_the_rest_and_boxes_stay_those_of_the_image(
    tmp_path: Path, blobs: Path
) -> None:
    """The right half, 64x64 pixels of a 128x64 image, fills the input without resizing."""
    frame = [Square("red", 16, 20, 16), Square("red", 80, 30, 16)]
    source = images(tmp_path / "i", [frame], (128, 64))

    with worker(blobs, source, roi=(0.5, 0.0, 1.0, 1.0)) as running:
        (message,) = played(running)

    (found,) = message["results"]
    assert found["box"] == pytest.approx([80 / 128, 30 / 64, 96 / 128, 46 / 64])
    assert message["size"] == [128, 64]


def test_zones_filter_and_name(tmp_path: Path, blobs: Path) -> None:
    frame = [Square("red", 0, 0, 32), Square("green", 96, 0, 32), Square("green", 48, 64, 32)]
    zones = (
        ZoneConfig(name="west", box=(0.0, 0.0, 0.3, 1.0)),
        ZoneConfig(name="floor", polygon=((0.0, 0.9), (1.0, 0.9), (1.0, 1.0), (0.0, 1.0))),
    )

    source = images(tmp_path / "i", [frame])
    with worker(blobs, source, zone=zones, only_in_zones=True) as running:
        (message,) = played(running)

    assert sorted((r["label"], r["zones"]) for r in message["results"]) == [
        ("green", ["floor"]), ("red", ["west"]),
    ]  # fmt: skip
    starts = [e for e in running.payloads("/event") if e["change"] == "start"]
    assert [(e["what"], e["zones"]) for e in starts] == [("red", ["west"]), ("green", ["floor"])]


def test_a_cascade_asks_about_each_object_and_names_its_model(tmp_path: Path, blobs: Path) -> None:
    """Grey of pure green is 150, of pure red 76: the second model calls them bright and dark."""
    bright = brightness_bundle(tmp_path)
    frames = [[Square("red", 0, 0, 32), Square("green", 64, 32, 32)], []]
    stages = (
        StageConfig(name="tone", model="brightness", margin=0.0),
        StageConfig(name="greens", model="brightness", margin=0.0, labels=("green",)),
        StageConfig(name="whole", model="brightness", on="frame", labels=("red",)),
        StageConfig(name="inner", model="blobs", margin=0.5),
        StageConfig(name="again", model="brightness", of="inner", margin=0.0),
    )

    with worker(
        blobs, images(tmp_path / "i", frames), further=(bright,) * 3 + (blobs, bright), stage=stages
    ) as running:
        ready = running.until(Ready, Failed)
        first, empty = played(running)

    assert [m.model for m in ready.further] == [
        "brightness", "brightness", "brightness", "blobs", "brightness",
    ]  # fmt: skip
    tone, greens, whole, inner, again = first["stages"]
    labels = {"red": "dark", "green": "bright"}
    assert [p["of"] for p in tone["parts"]] == [0, 1]
    for part in tone["parts"]:
        assert part["kind"] == "classification"
        assert part["results"][0]["label"] == labels[first["results"][part["of"]]["label"]]
    assert tone["model"]["name"] == "brightness"
    assert tone["ms"]["infer"] > 0
    (green,) = greens["parts"]
    assert first["results"][green["of"]]["label"] == "green"
    assert [part.get("of") for part in whole["parts"]] == [None]
    assert [part["kind"] for part in inner["parts"]] == ["detection"] * 2
    assert sum(len(part["results"]) for part in inner["parts"]) > 5
    assert [part["of"] for part in again["parts"]] == [0, 1, 2, 3, 4]  # no more than max_objects
    assert [len(stage["parts"]) for stage in empty["stages"]] == [0] * 5


def test_a_still_scene_is_gated_and_every_frame_is_accounted_for(
    tmp_path: Path, blobs: Path
) -> None:
    red = [Square("red", 0, 0, 32)]
    frames = [red] * 10 + [[Square("red", 8 * n, 32, 32)] for n in range(5)] + [[]] * 10
    gate = MotionGateConfig(hold_s=0.0, refresh_s=0.0, forget_s=0.001)

    with worker(blobs, images(tmp_path / "i", frames), gate=(gate,)) as running:
        beat = running.settled()
        assert_balanced(beat)
        running.pipe.send(Stop())
        running.rest()

    counters = beat.counters
    assert counters.captured == len(frames)
    assert counters.inferred + counters.dropped["gate"] == len(frames)
    seen = [m["frame"] for m in running.payloads("/pred")]
    assert seen[0] == 0
    assert {10, 11, 12, 13, 14, 15} <= {*seen}
    assert not {*seen} & {*range(1, 10)}


def test_a_cheap_model_keeps_frames_from_an_expensive_one(tmp_path: Path, blobs: Path) -> None:
    """The first says whether the upper left quarter is bright; only then squares are looked for."""
    cheap = brightness_bundle(tmp_path)
    green = Square("green", 0, 0, 32)
    frames = [[], [green], [], [green]]
    gate = ModelGateConfig(model="brightness", labels=("bright",), hold_s=0.0, refresh_s=0.0)

    source = images(tmp_path / "i", frames, (32, 32))
    with worker(blobs, source, further=(cheap,), gate=(gate,), threshold=0.3) as running:
        beat = running.settled()
        assert_balanced(beat)
        running.pipe.send(Stop())
        running.rest()

    assert [m["frame"] for m in running.payloads("/pred")] == [1, 3]
    assert beat.counters.dropped["gate"] == 2


def test_objects_are_followed_and_each_has_its_events(tmp_path: Path, blobs: Path) -> None:
    east = [Square("red", 4 * n, 0, 32) for n in range(20)]
    west = [Square("red", 96 - 4 * n, 64, 32) for n in range(12)]
    frames = [[east[n], *west[n : n + 1]] for n in range(20)] + [[]] * 4
    publish = PublishConfig(predictions="all", max_rate_hz=0, update_s=0.3)
    source = FilesConfig(path=images(tmp_path / "i", frames).path, fps=20)

    with worker(
        blobs, source, publish, track=TrackConfig(min_hits=2, max_misses=2, min_iou=0.3)
    ) as running:
        messages = played(running)

    events = running.payloads("/event")
    told = [(e["change"], e["track"], e["frame"]) for e in events if e["change"] != "update"]
    numbers = [e["track"] for e in events if e["change"] == "start"]
    assert numbers == [8, 9]  # event 7 is the first of this worker: no number comes twice
    first, second = numbers
    assert [change for change, _, _ in told] == ["start", "start", "end", "end"]
    assert {track: frame for change, track, frame in told if change == "start"} == {
        first: 1, second: 1,
    }  # fmt: skip
    ends = {e["track"]: e for e in events if e["change"] == "end"}
    assert sorted(e["frame"] for e in ends.values()) == [14, 22]
    assert all(e["duration_s"] > 0.4 and e["since"] for e in ends.values())
    assert any(e["change"] == "update" for e in events)
    for message in messages[1:20]:
        assert {r["track"] for r in message["results"]} <= {*numbers}
    state = running.payloads("/state")[-1]
    assert (state["state"], state["counts"]) == ("none", {})


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"roi": (0.0, 0.0, 0.5, 0.5)}, "roi: model total takes samples, not images"),
        ({"gate": (MotionGateConfig(),)}, "gate motion: model total takes samples, not images"),
        ({"track": TrackConfig()}, "track: model total finds no objects"),
        (
            {"stage": (StageConfig(name="s", model="total"),)},
            "stage s: model total finds no objects",
        ),
    ],
)
def test_what_a_model_cannot_do_is_refused(
    tmp_path: Path, settings: dict[str, Any], why: str
) -> None:
    source = CsvConfig(path=str(tmp_path / "none.csv"), rate_hz=0)
    bundle = sum_bundle(tmp_path)
    further = (bundle,) if "stage" in settings else ()

    with worker(bundle, source, further=further, **settings) as running:
        assert running.until(Failed, Ready) == Failed(why, True)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"labels": ("blue",)}, "labels: 'blue', model blobs has red, green"),
        (
            {"zone": (ZoneConfig(name="z", box=(0, 0, 1, 1), labels=("blue",)),)},
            "zone z: labels: 'blue', model blobs has red, green",
        ),
        (
            {"stage": (StageConfig(name="s", model="total"),)},
            "stage s: model total does not take what the source delivers",
        ),
        (
            {"gate": (ModelGateConfig(model="total"),)},
            "gate total: model total does not take what the source delivers",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(
    tmp_path: Path, blobs: Path, settings: dict[str, Any], why: str
) -> None:
    total = sum_bundle(tmp_path)
    further = (total,) if {"stage", "gate"} & {*settings} else ()

    with worker(blobs, SyntheticConfig(), further=further, **settings) as running:
        assert running.until(Failed, Ready) == Failed(why, True)


def test_a_stage_of_something_without_objects_is_refused(tmp_path: Path) -> None:
    bundle = brightness_bundle(tmp_path)
    stage = StageConfig(name="s", model="brightness")

    with worker(bundle, SyntheticConfig(), further=(bundle,), stage=(stage,)) as running:
        assert running.until(Failed, Ready) == Failed(
            "stage s: model brightness finds no objects", True
        )


def test_a_further_model_that_was_changed_stops_the_worker(tmp_path: Path, blobs: Path) -> None:
    bright = brightness_bundle(tmp_path)
    (bright / "model.onnx").write_bytes((bright / "model.onnx").read_bytes()[:-1] + b"\0")
    stage = StageConfig(name="s", model="brightness")

    with worker(blobs, SyntheticConfig(), further=(bright,), stage=(stage,)) as running:
        failed = running.until(Failed, Ready)

    assert isinstance(failed, Failed)
    assert "SHA-256" in failed.why


def test_an_old_result_of_a_slow_cascade_is_not_published(tmp_path: Path, blobs: Path) -> None:
    """Freshness is judged after the last stage, not after the first."""
    stages = tuple(StageConfig(name=f"s{n}", model="blobs", on="frame") for n in range(8))

    with worker(
        blobs, SyntheticConfig(rate_hz=0.0, frames=20, width=1920, height=1080),
        further=(blobs,) * 8, stage=stages, max_age_ms=0.05,
    ) as running:  # fmt: skip
        beat = running.settled()

    assert_balanced(beat)
    assert beat.counters.dropped["stale"] == 20
    assert running.payloads("/pred") == []


def test_values_are_the_mean_of_the_last_windows(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n" + "".join(f"{n},0\n" for n in (0, 4, 8, 2)))

    source = CsvConfig(path=str(rows), rate_hz=0)
    with worker(sum_bundle(tmp_path), source, average=3) as running:
        messages = played(running)

    assert [m["results"][0]["value"] for m in messages] == pytest.approx([0, 2, 4, 14 / 3], 1e-5)


def test_boxes_have_no_mean(tmp_path: Path, blobs: Path) -> None:
    with worker(blobs, SyntheticConfig(), average=2) as running:
        assert running.until(Failed, Ready) == Failed(
            "average: model blobs gives neither class scores nor values", True
        )
