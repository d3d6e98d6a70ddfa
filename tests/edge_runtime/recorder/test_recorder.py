"""When a recording is asked for, and when it is not."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.sources import SyntheticConfig
from edge_runtime.config.structs import PipelineConfig
from edge_runtime.config.watch import RecorderConfig
from edge_runtime.errors import ReplayError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Ready
from edge_runtime.recorder.margin import margin_of
from edge_runtime.recorder.recorder import Ended, FlightRecorder, RecorderParts
from edge_runtime.recorder.tape import Outside, Playback, Tape
from edge_runtime.records import (
    Anomaly,
    Classification,
    ClassScore,
    Detected,
    Detection,
    Frame,
    FrameRef,
    Regression,
    Segmentation,
)
from edge_runtime.worker.publisher import Edges
from edge_runtime.worker.recordings import Recordings, RecordingsParts
from edge_runtime.worker.settings import WorkerSettings
from tests.edge_runtime.recorder.test_ring import memory


class Rig:
    def __init__(self, **config: object) -> None:
        self.now_s = 100.0
        parts = RecorderParts(
            RecorderConfig(**config), Tape(), lambda: memory(0), lambda: self.now_s
        )
        self.recorder = FlightRecorder(parts)

    def feed(self, number: int = 0) -> None:
        ref = FrameRef("s", number, 0.0, self.now_s)
        frame = Frame(ref, np.zeros((2, 2), np.uint8))
        self.recorder.begin([frame], 0.5)
        self.recorder.end([Ended(frame, "gate")])


def test_alerts_are_spaced_and_commands_are_not() -> None:
    rig = Rig(pause_s=60.0)
    rig.recorder.ask("drift")
    assert rig.recorder.wanted() == "drift"
    assert rig.recorder.wanted() is None

    rig.now_s += 59
    rig.recorder.ask("blurred")
    assert rig.recorder.wanted() is None
    rig.recorder.ask("asked for", at_once=True)
    assert rig.recorder.wanted() == "asked for"
    rig.now_s += 61
    rig.recorder.ask("blurred")
    assert rig.recorder.wanted() == "blurred"


def test_margins() -> None:
    one, two = ClassScore("a", 0, 0.6), ClassScore("b", 1, 0.35)
    box = Detected("a", 0, 0.52, (0, 0, 1, 1))

    assert margin_of(Classification((one, two)), 0.5) == pytest.approx(0.25)
    assert margin_of(Classification((one,)), 0.5) is None
    assert margin_of(Anomaly(0.9, 1.0, False), 1.0) == pytest.approx(0.1)
    assert margin_of(Detection((box,)), 0.5) == pytest.approx(0.02)
    assert margin_of(Detection(()), 0.5) is None
    assert margin_of(Regression(()), 0.5) is None
    assert margin_of(Segmentation(()), 0.5) is None


def test_without_a_margin_nothing_is_asked_for() -> None:
    rig = Rig()
    rig.recorder.decided(Anomaly(1.0, 1.0, False), 1.0)
    assert rig.recorder.wanted() is None


def test_what_was_not_begun_is_not_kept() -> None:
    rig = Rig()
    rig.recorder.end([])
    assert rig.recorder.held() is None


def test_a_tape_gives_back_what_it_heard_and_no_more() -> None:
    numbers = iter([1.5, 2.5])
    edges = Edges(time=TimeSource(lambda: next(numbers), lambda: 9.0), random_bits=lambda: 1 << 79)
    tape, playback = Tape(), Playback()
    heard = tape.listen(Outside(edges, lambda: 0.25))
    asked = (heard.edges.time.monotonic_s(), heard.edges.random_bits(), heard.stage_clock())

    playback.load(tape.take())
    again = playback.outside()

    assert (again.edges.time.monotonic_s(), again.edges.random_bits(), again.stage_clock()) == asked
    with pytest.raises(ReplayError, match="wall_s is read more often"):
        again.edges.time.wall_s()


def recordings(tmp_path: Path, rig: Rig) -> Recordings:

    pipeline = PipelineConfig(
        name="p1", model="m", source=SyntheticConfig(), recorder=RecorderConfig()
    )
    settings = WorkerSettings(pipeline, tmp_path, "b00t", {}, recordings=tmp_path / "recordings")
    ready = Ready("m", 1, "00", "onnx", 0)
    return Recordings(RecordingsParts(rig.recorder, settings, ready, TimeSource()))


def test_a_worker_that_ends_by_a_failure_writes_what_it_has(tmp_path: Path) -> None:
    rig = Rig()
    rig.feed(3)
    written = recordings(tmp_path, rig)

    written.finish("20 inferences in a row failed", 1.0)

    assert (written.written, written.last) == (1, "000001")
    text = (tmp_path / "recordings" / "p1" / "000001" / "recording.json").read_text()
    assert "20 inferences in a row failed" in text


def test_a_disk_that_takes_nothing_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "recordings").write_text("a file stands in the way")
    rig = Rig()
    rig.feed()
    written = recordings(tmp_path, rig)

    written.write("one")
    written.write("two")

    assert written.written == 0
    assert caplog.text.count("no recording") == 1


def test_nothing_is_written_of_nothing(tmp_path: Path) -> None:
    written = recordings(tmp_path, Rig())
    written.finish("failed", 1.0)

    assert written.written == 0


def test_frames_in_hand_together_share_the_readings_of_the_first() -> None:
    rig = Rig()
    refs = [FrameRef("s", number, 0.0, rig.now_s) for number in range(3)]
    frames = [Frame(ref, np.zeros((2, 2), np.uint8)) for ref in refs]

    rig.recorder.begin(frames, 0.5)
    rig.recorder.end([Ended(frame, None) for frame in frames])
    rig.feed(3)

    held = rig.recorder.held()
    assert held is not None
    assert [(k.entry.ref.sequence, k.entry.joins) for k in held[1]] == [
        (0, False), (1, True), (2, True), (3, False),
    ]  # fmt: skip
