"""What a real worker recorded gives identical messages in another process, byte by byte."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge_runtime.config.sources import FilesConfig, SyntheticConfig
from edge_runtime.config.structs import PublishConfig
from edge_runtime.config.vision import MotionGateConfig, StageConfig, TrackConfig, ZoneConfig
from edge_runtime.config.watch import RecorderConfig
from edge_runtime.link import Heartbeat, Outgoing, SetThreshold, Stop, WriteRecording
from tests.edge_runtime.blobs import Square, blob_bundle, paint
from tests.edge_runtime.bundles import brightness_bundle, half_bundle
from tests.edge_runtime.worker.running import Running, worker, write_images
from tests.payloads import check_payloads

pytestmark = [pytest.mark.ort, pytest.mark.tflite]

ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = 'predictions = "all", keep = "all", max_rate_hz = 0'
CONFIG = """
models_dir = "."
[device]
id = "pi-1"
[[pipeline]]
name = "{name}"
model = "{model}"
engine = "onnx"
threads = 1
publish = {{ {publish} }}
source = {{ kind = "synthetic" }}
{more}
"""


def replay(
    folder: Path, recording: Path, model: str = "brightness", more: str = "",
    publish: str = EVERYTHING, name: str = "p1",
) -> Any:  # fmt: skip
    config = folder / "other.toml"
    config.write_text(CONFIG.format(model=model, more=more, publish=publish, name=name))
    return replay_with(recording, config)


def replay_with(recording: Path, config: Path) -> Any:
    """Run the command in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-m", "edge_runtime", "replay", str(recording), "--config", str(config)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip


def recorded(running: Running, folder: Path, number: int = 1) -> Path:
    """Wait until the recording is there."""
    while True:
        beat = running.until(Heartbeat)
        if beat.recordings is not None and beat.recordings.written >= number:
            return folder / "recordings" / "p1" / str(beat.recordings.last)


def bodies(finished: Any) -> list[tuple[str, int, str]]:
    """Return topic, number and the payload's very text of each line."""
    found = []
    for line in finished.stdout.splitlines():
        body = json.loads(line)
        text = line.partition('"payload":')[2].removesuffix("}")
        found.append((body["topic"], body["seq"], text))
    return found


def sent(running: Running) -> list[tuple[str, int, str]]:
    return [
        (record.message.topic, record.sequence, record.message.payload.decode())
        for record in running.heard
        if isinstance(record, Outgoing)
    ]


def test_a_whole_run_is_replayed_byte_by_byte(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", [0, 0, 255, 130, 250, 3] * 5)
    (folder / "000a.png").write_bytes(b"no image")

    with worker(
        brightness_bundle(tmp_path), FilesConfig(path=str(folder)), engine="onnx",
        recordings=tmp_path / "recordings", recorder=RecorderConfig(),
    ) as running:  # fmt: skip
        running.settled()
        running.pipe.send(WriteRecording("asked for", at_once=True))
        recording = recorded(running, tmp_path)

    finished = replay(tmp_path, recording)

    assert finished.returncode == 0, finished.stderr
    assert "identical" in finished.stderr
    assert bodies(finished) == sent(running)
    assert len(bodies(finished)) > 60
    assert check_payloads([("recording", (recording / "recording.json").read_bytes())]) == 1


def test_a_recording_from_the_middle_knows_what_was_before(tmp_path: Path) -> None:
    """Gate, tracker, stage, events and numbers go on where the ring begins."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(60):
        squares = [Square("red", 2 * number, 0, 32), Square("green", 96, 64, 32)]
        image = paint(squares if number < 50 else squares[1:], (128, 96))
        cv2.imwrite(str(frames / f"{number:03}.png"), image)
    bundle, tone = blob_bundle(tmp_path), brightness_bundle(tmp_path)
    publish = PublishConfig(predictions="changes", keep="all", max_rate_hz=20, update_s=0.3)

    with worker(
        bundle, FilesConfig(path=str(frames), fps=30), publish, (tone,), engine="onnx",
        recordings=tmp_path / "recordings", recorder=RecorderConfig(seconds=600.0, max_mb=1.0),
        track=TrackConfig(min_hits=2, max_misses=3), gate=(MotionGateConfig(min_share=0.001),),
        zone=(ZoneConfig(name="west", box=(0.0, 0.0, 0.5, 1.0)),),
        stage=(StageConfig(name="tone", model="brightness", margin=0.0),),
    ) as running:  # fmt: skip
        running.settled()
        running.pipe.send(WriteRecording("asked for", at_once=True))
        recording = recorded(running, tmp_path)

    more = """
[pipeline.track]
min_hits = 2
max_misses = 3
[[pipeline.gate]]
kind = "motion"
min_share = 0.001
[[pipeline.zone]]
name = "west"
box = [0.0, 0.0, 0.5, 1.0]
[[pipeline.stage]]
name = "tone"
model = "brightness"
margin = 0.0
"""
    said = 'predictions = "changes", keep = "all", max_rate_hz = 20, update_s = 0.3'
    finished = replay(tmp_path, recording, "blobs", more, said)

    assert finished.returncode == 0, finished.stderr
    all_sent, again = sent(running), bodies(finished)
    assert 10 < len(again) < len(all_sent)
    assert again == all_sent[-len(again) :]
    entries = (recording / "frames.jsonl").read_text().splitlines()
    assert len(entries) < 30
    assert any('"track":' in text for _, _, text in again)


@pytest.mark.parametrize("then", ["", "batch = 8"])
def test_frames_that_were_in_hand_together_are_replayed_together(tmp_path: Path, then: str) -> None:
    """Also by a configuration without a batch: what shared a call is told by the recording."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(60):
        squares = [Square("red", 2 * number, 0, 32), Square("green", 96, 64, 32)]
        cv2.imwrite(str(frames / f"{number:03}.png"), paint(squares[: number % 3], (128, 96)))
    (frames / "020a.png").write_bytes(b"no image")
    bundle, tone = blob_bundle(tmp_path), brightness_bundle(tmp_path)

    with worker(
        bundle, FilesConfig(path=str(frames)), further=(tone,), engine="onnx", batch=8,
        recordings=tmp_path / "recordings", recorder=RecorderConfig(seconds=600.0, max_mb=1.0),
        track=TrackConfig(min_hits=2, max_misses=3), max_age_ms=10_000,
        gate=(MotionGateConfig(min_share=0.001, hold_s=0.0),),
        stage=(StageConfig(name="tone", model="brightness", engine="onnx", margin=0.0),),
    ) as running:  # fmt: skip
        running.settled()
        running.pipe.send(WriteRecording("asked for", at_once=True))
        recording = recorded(running, tmp_path)

    more = f"""
max_age_ms = 10000
{then}
[pipeline.track]
min_hits = 2
max_misses = 3
[[pipeline.gate]]
kind = "motion"
min_share = 0.001
hold_s = 0.0
[[pipeline.stage]]
name = "tone"
model = "brightness"
engine = "onnx"
margin = 0.0
"""
    finished = replay(tmp_path, recording, "blobs", more)

    assert finished.returncode == 0, finished.stderr
    all_sent, again = sent(running), bodies(finished)
    assert 10 < len(again) < len(all_sent)
    assert again == all_sent[-len(again) :]
    entries = [json.loads(line) for line in (recording / "frames.jsonl").read_text().splitlines()]
    assert any(entry["joins"] for entry in entries)
    assert not any(any(entry["readings"].values()) for entry in entries if entry["joins"])
    assert any('"batch":' in text for _, _, text in again)


def test_entries_that_do_not_say_joins_were_in_hand_alone(tmp_path: Path, recording: Path) -> None:
    entries = recording / "frames.jsonl"
    entries.write_text(entries.read_text().replace(',"joins":false', ""))

    assert replay(tmp_path, recording).returncode == 0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Of 12 made-up frames; the threshold was changed after the first."""
    source = SyntheticConfig(rate_hz=30, frames=12, pattern="noise", width=32, height=32)
    with worker(
        brightness_bundle(tmp_path), source, engine="onnx",
        recordings=tmp_path / "recordings", recorder=RecorderConfig(),
    ) as running:  # fmt: skip
        running.until(Outgoing)
        running.pipe.send(SetThreshold(0.99))
        running.settled()
        running.pipe.send(WriteRecording("asked for", at_once=True))
        return recorded(running, tmp_path)


def test_a_changed_message_is_the_first_difference(tmp_path: Path, recording: Path) -> None:
    entries = recording / "frames.jsonl"
    text = entries.read_text()
    place = text.index("score", len(text) // 2)
    entries.write_text(text[:place] + "store" + text[place + 5 :])

    finished = replay(tmp_path, recording)

    assert finished.returncode == 1
    assert finished.stderr.startswith("different: frame ")
    assert "store" in finished.stderr


def test_another_configuration_shows_as_a_difference(tmp_path: Path, recording: Path) -> None:
    finished = replay(tmp_path, recording, publish='predictions = "all", max_rate_hz = 0')

    assert finished.returncode == 1
    assert "messages then" in finished.stderr


def test_another_pipeline_or_model_is_refused(tmp_path: Path, recording: Path) -> None:
    (tmp_path / "brightness" / "1").rename(tmp_path / "kept")
    half_bundle(tmp_path)

    other = replay(tmp_path, recording, name="yard")
    model = replay(tmp_path, recording, model="half")

    assert (other.returncode, model.returncode) == (1, 1)
    assert "pipeline 'p1', the configuration has yard" in other.stderr
    assert "recorded with brightness@1" in model.stderr


@pytest.mark.parametrize("name", ["recording.json", "frames.jsonl", "frames.npz"])
def test_a_damaged_recording_is_refused_in_one_line(
    tmp_path: Path, recording: Path, name: str
) -> None:
    (recording / name).write_bytes(b"{nonsense")

    finished = replay(tmp_path, recording)

    assert finished.returncode == 1
    assert finished.stderr.startswith("edge-runtime: ")
    assert len(finished.stderr.splitlines()) == 1


def test_with_privacy_no_frame_is_kept(tmp_path: Path) -> None:
    source = SyntheticConfig(rate_hz=30, frames=5)
    with worker(
        brightness_bundle(tmp_path), source, recordings=tmp_path / "recordings",
        recorder=RecorderConfig(privacy=True),
    ) as running:  # fmt: skip
        running.settled()
        running.pipe.send(WriteRecording("asked for", at_once=True))
        recording = recorded(running, tmp_path)

    assert sorted(path.name for path in recording.iterdir()) == ["frames.jsonl", "recording.json"]
    finished = replay(tmp_path, recording)
    assert finished.returncode == 1
    assert "holds no frames (recorder.privacy)" in finished.stderr


def test_a_narrow_decision_is_written_by_itself_and_the_oldest_goes(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", [0, 128, 255, 128] * 20)
    with worker(
        brightness_bundle(tmp_path), FilesConfig(path=str(folder), fps=40),
        recordings=tmp_path / "recordings",
        recorder=RecorderConfig(low_margin=0.9, pause_s=0.0, max_recordings=2),
    ) as running:  # fmt: skip
        recording = recorded(running, tmp_path, 3)
        running.pipe.send(Stop())
        running.rest()

    facts = json.loads((recording / "recording.json").read_text())
    assert facts["why"].startswith("margin ")
    assert len([*recording.parent.iterdir()]) == 2
