"""Every frame comes to an end that is counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge_runtime.config.structs import PublishConfig
from edge_runtime.engines.protocol import FloatArray, Shape
from edge_runtime.errors import EngineError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Outgoing, Pace
from edge_runtime.manifest import load_bundle
from edge_runtime.payloads import ModelPart
from edge_runtime.pipeline import Model
from edge_runtime.records import Frame, FrameRef
from edge_runtime.worker.accounts import Accounts, Drop
from edge_runtime.worker.chain import Chain
from edge_runtime.worker.control import Control
from edge_runtime.worker.gates import Gate, GateState
from edge_runtime.worker.inference import MAX_ENGINE_FAILURES, Inference, InferenceParts
from edge_runtime.worker.publisher import Edges, Origin, Publisher
from edge_runtime.worker.slot import FrameSlot
from tests.edge_runtime.bundles import sum_bundle


@dataclass
class Scripted:
    """An engine that takes `takes_s` of the rig's time a call, and fails when told to."""

    rig: "Rig"
    takes_s: float = 0.0
    is_broken: bool = False
    calls: list[int] = field(default_factory=list)  # how many samples each had
    takes_batches = True
    name = "onnx"
    answers = "onnx"
    backend = "scripted"
    inputs: Mapping[str, Shape] = field(default_factory=dict)
    outputs: Mapping[str, Shape] = field(default_factory=dict)

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        self.rig.now_s += self.takes_s
        self.calls.append(len(tensors["x"]))
        if self.is_broken:
            raise EngineError("out of order")
        return {"y": tensors["x"].sum(axis=1, keepdims=True)}


class Rig:
    def __init__(
        self, folder: Path, *, max_age_ms: float | None = None, at_once: int = 8,
        drops_when_paused: bool = True, gates: tuple[Gate, ...] = (),
    ) -> None:  # fmt: skip
        self.now_s = 100.0
        self.engine = Scripted(self)
        self.sent: list[Outgoing] = []
        self.accounts, self.control = Accounts(), Control(0.5)
        clock = TimeSource(lambda: self.now_s, lambda: 0.0)
        model = ModelPart(name="m", version=1, digest="d", backend="b")
        config = PublishConfig(predictions="all", max_rate_hz=0, events=False)
        manifest = load_bundle(sum_bundle(folder))
        model_of_rig = Model(manifest, self.engine, lambda: self.now_s, at_once)
        self.slot = FrameSlot(at_once)
        parts = InferenceParts(
            chain=Chain(model_of_rig, gates=gates),
            publisher=Publisher(config, Origin("p", "b", model), {}, Edges(clock)),
            slot=self.slot,
            accounts=self.accounts,
            control=self.control,
            send=self.sent.append,
            max_age_ms=max_age_ms,
            drops_when_paused=drops_when_paused,
            time=clock,
        )
        self.inference = Inference(parts)

    def frame(self, age_s: float = 0.0, values: tuple[float, float] = (1.0, 2.0)) -> Frame:
        ref = FrameRef("s", self.accounts.captured(), 0.0, self.now_s - age_s)
        return Frame(ref, np.array([values], np.float32))

    def take(self, age_s: float = 0.0, values: tuple[float, float] = (1.0, 2.0)) -> None:
        self.inference.take([self.frame(age_s, values)])

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(out.message.payload) for out in self.sent]

    @property
    def ends(self) -> dict[str, int]:
        counters = self.accounts.counters()
        assert counters.in_flight == 0
        dropped = {reason: n for reason, n in counters.dropped.items() if n}
        return {**dropped, "inferred": counters.inferred}


def test_a_frame_too_old_is_dropped_before_inference(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_age_ms=500)
    rig.engine.is_broken = True  # would be seen as an error

    rig.take(age_s=0.6)

    assert rig.ends == {"stale": 1, "inferred": 0}


def test_a_result_too_old_is_dropped_before_publishing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_age_ms=500)
    rig.engine.takes_s = 0.6

    rig.take()

    assert rig.ends == {"stale": 1, "inferred": 0}
    assert rig.sent == []


def test_s4_values_that_are_no_numbers_are_invalid(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    rig.take(values=(1.0, float("nan")))
    rig.take()

    assert rig.ends == {"invalid": 1, "inferred": 1}


def test_paused_frames_are_counted_as_such(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.control.paused.set()

    rig.take()

    assert rig.ends == {"paused": 1, "inferred": 0}


def test_latencies_are_measured_from_capture_to_publishing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.engine.takes_s = 0.03

    rig.take(age_s=0.01)

    age, infer = rig.accounts.take_latencies()
    assert age is not None
    assert infer is not None
    assert age.p50_ms == pytest.approx(40.0)
    assert infer.p50_ms == pytest.approx(30.0)


def test_a_broken_engine_is_counted_and_at_last_ends_the_worker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path)
    rig.engine.is_broken = True

    for _ in range(MAX_ENGINE_FAILURES - 1):
        rig.take()
    assert rig.control.failure is None
    rig.take()

    assert rig.control.failure == f"{MAX_ENGINE_FAILURES} inferences in a row failed: out of order"
    assert rig.control.stopping.is_set()
    assert rig.ends == {"error": MAX_ENGINE_FAILURES, "inferred": 0}
    assert caplog.text.count("out of order") == 1  # a loss is logged once


def test_one_good_inference_forgives_the_failures_before(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    for _ in range(2 * MAX_ENGINE_FAILURES):
        rig.engine.is_broken = not rig.engine.is_broken
        rig.take()

    assert rig.control.failure is None


def test_frames_that_wait_together_share_a_call_and_leave_in_order(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.engine.takes_s = 0.03

    rig.inference.take([rig.frame(values=(float(number), 1.0)) for number in range(5)])

    assert rig.engine.calls == [5]
    assert rig.ends == {"inferred": 5}
    said = [(p["frame"], p["seq"], p["results"][0]["value"]) for p in rig.payloads]
    assert said == [(number, number, number + 1.0) for number in range(5)]
    assert {(p["ms"]["infer"], p["ms"]["batch"]) for p in rig.payloads} == {(30.0, 5)}
    assert all(p["age_ms"] >= 30.0 for p in rig.payloads)


def test_one_frame_alone_does_not_speak_of_a_batch(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    rig.take()

    assert "batch" not in rig.payloads[0]["ms"]


def test_an_engine_that_takes_one_sample_gets_one_after_the_other(tmp_path: Path) -> None:
    rig = Rig(tmp_path, at_once=1)
    rig.engine.takes_s = 0.01

    rig.inference.take([rig.frame() for _ in range(3)])

    assert rig.engine.calls == [1, 1, 1]
    assert {p["ms"]["infer"] for p in rig.payloads} == {30.0}


class EverySecond:
    """A gate."""

    def admits(self, frame: Frame) -> bool:
        return frame.ref.sequence % 2 == 0

    def state(self) -> GateState:
        return GateState(None, None)

    def restore(self, state: GateState) -> None:
        pass


def test_what_is_not_inferred_is_not_in_the_call_and_harms_nobody_in_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_age_ms=500, gates=(EverySecond(),))
    ages_and_values = [
        (0.0, 1.0), (0.0, 2.0),  # the second is refused by the gate
        (0.6, 3.0), (0.0, 4.0),  # stale; refused
        (0.0, float("nan")), (0.0, 5.0),  # invalid; refused
        (0.0, 6.0),
    ]  # fmt: skip

    rig.inference.take([rig.frame(age_s, (value, 0.0)) for age_s, value in ages_and_values])

    assert rig.engine.calls == [2]
    assert rig.ends == {"gate": 3, "stale": 1, "invalid": 1, "inferred": 2}
    assert [(p["frame"], p["results"][0]["value"]) for p in rig.payloads] == [(0, 1.0), (6, 6.0)]


def test_each_frame_of_a_batch_is_looked_at_again_before_publishing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_age_ms=500)
    rig.engine.takes_s = 0.3

    rig.inference.take([rig.frame(age_s=age_s) for age_s in (0.4, 0.25, 0.1)])

    assert rig.ends == {"stale": 2, "inferred": 1}
    assert [p["frame"] for p in rig.payloads] == [2]


def test_a_failed_call_is_an_error_of_every_frame_and_one_failure(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.engine.is_broken = True

    for _ in range(MAX_ENGINE_FAILURES - 1):
        rig.inference.take([rig.frame() for _ in range(8)])
    assert rig.control.failure is None
    rig.inference.take([rig.frame() for _ in range(8)])

    assert rig.control.failure is not None
    assert rig.ends == {"error": 8 * MAX_ENGINE_FAILURES, "inferred": 0}


def run_until_stopped(rig: Rig, calls: int) -> None:
    """Run the loop in this thread; the engine stops it at a call."""
    play = rig.engine.run

    def run(tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        if len(rig.engine.calls) == calls - 1:
            rig.control.stopping.set()
        return play(tensors)

    rig.engine.run = run  # type: ignore[method-assign]
    rig.inference.run()


def test_what_waits_goes_together_and_the_rest_is_left_at_the_stop(tmp_path: Path) -> None:
    rig = Rig(tmp_path, at_once=4)
    for _ in range(6):
        if rig.slot.put_newest(rig.frame()) is not None:
            rig.accounts.dropped(Drop.FULL)

    run_until_stopped(rig, 1)

    assert rig.engine.calls == [4]
    assert rig.ends == {"full": 2, "inferred": 4}
    assert [p["frame"] for p in rig.payloads] == [2, 3, 4, 5]


def test_throttled_frames_are_not_in_the_call(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.control.pacer.pace = Pace(max_fps=0.01)
    for _ in range(5):
        rig.slot.put_newest(rig.frame())

    run_until_stopped(rig, 1)

    assert rig.engine.calls == [2]  # a pacer carries one interval
    assert rig.ends == {"throttled": 3, "inferred": 2}


def test_of_a_slowed_recording_no_frame_waits_for_the_turns_of_others(tmp_path: Path) -> None:
    rig = Rig(tmp_path, drops_when_paused=False)
    rig.control.pacer.pace = Pace(max_fps=1000.0)
    for _ in range(3):
        rig.slot.put_newest(rig.frame())

    run_until_stopped(rig, 3)

    assert rig.engine.calls == [1, 1, 1]
    assert rig.ends == {"inferred": 3}
