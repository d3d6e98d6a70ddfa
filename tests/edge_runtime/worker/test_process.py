"""A real worker process over a real pipe."""

import os
import signal
from pathlib import Path

import pytest

from edge_runtime.config.sources import (
    CameraConfig,
    CsvConfig,
    FilesConfig,
    SyntheticConfig,
)
from edge_runtime.link import (
    Failed,
    Heartbeat,
    Outgoing,
    Pause,
    Ready,
    Resume,
    SetThreshold,
    SourceChange,
    SourceState,
    Stop,
)
from edge_runtime.records import Delivery
from tests.edge_runtime.bundles import brightness_bundle, half_bundle, sum_bundle
from tests.edge_runtime.worker.running import (
    assert_balanced,
    worker,
    write_images,
)

pytestmark = [pytest.mark.ort, pytest.mark.tflite]


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_a_folder_played_once_accounts_for_every_frame_in_order(
    tmp_path: Path, engine: str
) -> None:
    levels = [0, 0, 255, 250, 3] * 8
    folder = write_images(tmp_path / "images", levels)
    bundle = brightness_bundle(tmp_path)

    with worker(bundle, FilesConfig(path=str(folder)), engine=engine) as running:
        ready = running.until(Ready, Failed)
        running.until(SourceChange, state=SourceState.FINISHED)
        running.pipe.send(Stop())
        running.rest()
        running.process.join(10)

    assert ready == Ready("brightness", 1, ready.digest, engine, ready.self_test_lsb)
    assert ready.self_test_lsb <= 1
    assert running.process.exitcode == 0
    predictions = running.payloads("/pred")
    assert [p["label"] for p in predictions] == [f"{n:03}.png" for n in range(40)]
    assert [p["results"][0]["label"] for p in predictions] == [
        "bright" if level > 128 else "dark" for level in levels
    ]
    assert [p["seq"] for p in predictions] == list(range(40))
    assert [p["frame"] for p in predictions] == list(range(40))
    events = running.payloads("/event")
    assert [e["seq"] for e in events] == list(range(7, 7 + len(events)))
    changes = [(e["change"], e["what"]) for e in events if e["change"] != "sample"]
    assert changes[:4] == [
        ("start", "dark"),
        ("end", "dark"),
        ("start", "bright"),
        ("end", "bright"),
    ]
    last = [record for record in running.heard if isinstance(record, Heartbeat)][-1]
    assert (last.counters.captured, last.counters.inferred, last.counters.in_flight) == (40, 40, 0)
    assert last.counters.made["live"] == 40
    assert last.counters.made["all"] == len(events)


def test_damaged_images_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", [0, 255])
    (folder / "000a.png").write_bytes((folder / "000.png").read_bytes()[:40])
    (folder / "000b.jpg").write_bytes(b"not an image")
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (20_000).to_bytes(4, "big") * 2
    (folder / "000c.png").write_bytes(header)

    with worker(brightness_bundle(tmp_path), FilesConfig(path=str(folder))) as running:
        beat = running.settled()

    assert beat.counters.captured == 5
    assert beat.counters.inferred == 2
    assert beat.counters.dropped["invalid"] == 3
    assert_balanced(beat)


def test_rows_that_are_no_numbers_are_counted_and_never_reach_the_model(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n1,2\nnan,1\n3,\ninf,2\n1e39,0\n4.5,1\n", encoding="utf-8")

    source = CsvConfig(path=str(table), rate_hz=0)
    with worker(sum_bundle(tmp_path), source) as running:
        beat = running.settled()

    assert [p["results"][0]["value"] for p in running.payloads("/pred")] == [3.0, 5.5]
    assert beat.counters.dropped["invalid"] == 4
    assert beat.counters.inferred == 2
    assert_balanced(beat)
    kept = [r for r in running.heard if isinstance(r, Outgoing) and "event" in r.message.topic]
    assert all(record.message.delivery is Delivery.ALL for record in kept)


def test_a_live_source_drops_by_reason_and_balances(tmp_path: Path) -> None:
    source = SyntheticConfig(rate_hz=500.0, width=64, height=64)

    with worker(brightness_bundle(tmp_path), source, max_age_ms=5000) as running:
        running.until(Outgoing, count=20)
        beat = running.until(Heartbeat)

    assert beat.counters.inferred > 0
    assert beat.counters.in_flight in {0, 1, 2}
    assert beat.age is not None
    assert beat.infer is not None
    assert 0 < beat.age.p50_ms <= beat.age.p99_ms
    assert_balanced(beat)


def test_every_frame_is_stale_when_no_age_is_allowed(tmp_path: Path) -> None:
    source = SyntheticConfig(rate_hz=0, frames=20)

    with worker(brightness_bundle(tmp_path), source, max_age_ms=1e-6) as running:
        beat = running.settled()

    assert beat.counters.dropped["stale"] == 20
    assert beat.counters.inferred == 0


def test_pause_drops_and_resume_goes_on(tmp_path: Path) -> None:
    source = SyntheticConfig(rate_hz=100.0)

    with worker(brightness_bundle(tmp_path), source) as running:
        running.until(SourceChange, state=SourceState.ONLINE)
        running.pipe.send(Pause())
        running.until(SourceChange, state=SourceState.DISABLED)
        first = running.until(Heartbeat, count=2)
        second = running.until(Heartbeat, count=3)
        running.pipe.send(Resume())
        running.until(SourceChange, state=SourceState.ONLINE)
        running.until(Outgoing)

    assert second.counters.dropped["paused"] > first.counters.dropped["paused"]
    assert second.counters.inferred == first.counters.inferred
    assert second.source is SourceState.DISABLED


def test_a_paused_recording_is_held_and_loses_nothing(tmp_path: Path) -> None:
    source = SyntheticConfig(rate_hz=50.0, frames=30)

    with worker(brightness_bundle(tmp_path), source) as running:
        running.until(Outgoing)
        running.pipe.send(Pause())
        running.until(Heartbeat, count=5)
        running.pipe.send(Resume())
        beat = running.settled()

    assert beat.counters.inferred == 30
    assert beat.counters.dropped["paused"] == 0


def test_the_threshold_changes_from_the_next_frame_on(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n" + "2,2\n" * 3, encoding="utf-8")
    source = CsvConfig(path=str(table), rate_hz=50, loop=True)

    with worker(half_bundle(tmp_path), source) as running:
        running.until(Outgoing)
        running.pipe.send(SetThreshold(5.0))
        while (
            running.payloads("/pred")[-1:] == []
            or (running.payloads("/pred")[-1]["results"][0]["flag"])
        ):
            running.until(Outgoing)

    first, last = running.payloads("/pred")[0], running.payloads("/pred")[-1]
    assert first["results"][0] == {"score": 1.0, "threshold": 0.25, "flag": True}
    assert last["results"][0] == {"score": 1.0, "threshold": 5.0, "flag": False}
    ends = [e for e in running.payloads("/event") if e["change"] == "end"]
    assert ends[0]["what"] == "anomaly"
    assert ends[0]["duration_s"] >= 0
    assert running.payloads("/state")[0]["state"] == "anomaly"


def test_s1_a_missing_camera_is_a_state_and_is_tried_again(tmp_path: Path) -> None:
    source = CameraConfig(device=str(tmp_path / "video9"), retry_max_s=1.0)

    with worker(brightness_bundle(tmp_path), source) as running:
        change = running.until(SourceChange)
        beat = running.until(Heartbeat, reconnects=2)
        running.pipe.send(Stop())
        running.rest()
        running.process.join(10)

    assert change.state is SourceState.OFFLINE
    assert "no such device" in change.why
    assert beat.source is SourceState.OFFLINE
    changes = [record for record in running.heard if isinstance(record, SourceChange)]
    assert len(changes) == 1  # told once, tried twice
    assert running.process.exitcode == 0


def test_s2_a_read_that_hangs_is_noticed_from_outside(tmp_path: Path) -> None:
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    source = CsvConfig(path=str(pipe), rate_hz=0, stall_after_s=0.3)

    with worker(sum_bundle(tmp_path), source) as running:
        running.until(Ready)
        with pipe.open("w", encoding="utf-8") as writer:
            writer.write("a,b\n1,2\n3,4\n")
            writer.flush()
            running.until(SourceChange, state=SourceState.STALLED)
            first = running.until(Heartbeat)
            second = running.until(Heartbeat, count=3)
            running.pipe.send(Stop())
            running.rest()
            running.process.join(10)

    assert second.stalls == 1
    assert second.capture_progress == first.capture_progress  # what the supervisor judges by
    assert second.infer_progress > first.infer_progress
    assert running.process.exitcode == 0


def test_m1_a_changed_model_is_refused_before_any_parser_sees_it(tmp_path: Path) -> None:
    bundle = brightness_bundle(tmp_path)
    model = bundle / "model.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)

    with worker(bundle, SyntheticConfig()) as running:
        failed = running.until(Failed, Ready)
        running.process.join(10)

    assert isinstance(failed, Failed)
    assert failed.is_permanent
    assert "model.onnx: SHA-256" in failed.why
    assert running.process.exitcode == 1


def test_a_source_that_does_not_suit_the_model_is_refused(tmp_path: Path) -> None:
    with worker(sum_bundle(tmp_path), CameraConfig(device=0)) as running:
        failed = running.until(Failed, Ready)

    assert failed == Failed("source camera: model total takes samples, not images", True)


def test_the_worker_ends_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    with worker(brightness_bundle(tmp_path), SyntheticConfig()) as running:
        running.until(Outgoing)
        running.pipe.close()
        running.process.join(10)

        assert running.process.exitcode == 0


def test_t4_sigterm_means_stop_and_sigint_nothing(tmp_path: Path) -> None:
    source = SyntheticConfig(rate_hz=200.0)

    with worker(brightness_bundle(tmp_path), source) as running:
        running.until(Outgoing)
        os.kill(running.process.pid, signal.SIGINT)
        running.until(Heartbeat, count=3)
        os.kill(running.process.pid, signal.SIGTERM)
        running.rest()
        running.process.join(10)

    last = running.heard[-1]
    assert isinstance(last, Heartbeat)
    assert last.counters.in_flight == 0
    assert_balanced(last)
    made = sum(last.counters.made.values())
    assert made == sum(isinstance(record, Outgoing) for record in running.heard)
    assert running.process.exitcode == 0
