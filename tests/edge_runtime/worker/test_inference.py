"""Every frame comes to an end that is counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.structs import PublishConfig
from edge_runtime.engines.protocol import FloatArray, Shape
from edge_runtime.errors import EngineError
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Outgoing
from edge_runtime.manifest import load_bundle
from edge_runtime.payloads import ModelPart
from edge_runtime.pipeline import Model
from edge_runtime.records import Frame, FrameRef
from edge_runtime.worker.accounts import Accounts
from edge_runtime.worker.chain import Chain
from edge_runtime.worker.control import Control
from edge_runtime.worker.inference import MAX_ENGINE_FAILURES, Inference, InferenceParts
from edge_runtime.worker.publisher import Edges, Origin, Publisher
from edge_runtime.worker.slot import FrameSlot
from tests.edge_runtime.bundles import sum_bundle


@dataclass
class Scripted:
    """An engine that takes `takes_s` of the rig's time, and fails when told to."""

    rig: "Rig"
    takes_s: float = 0.0
    is_broken: bool = False
    name = "onnx"
    answers = "onnx"
    backend = "scripted"
    inputs: Mapping[str, Shape] = field(default_factory=dict)
    outputs: Mapping[str, Shape] = field(default_factory=dict)

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        self.rig.now_s += self.takes_s
        if self.is_broken:
            raise EngineError("out of order")
        return {"y": np.array([[tensors["x"].sum()]], np.float32)}


class Rig:
    def __init__(self, folder: Path, *, max_age_ms: float | None = None) -> None:
        self.now_s = 100.0
        self.engine = Scripted(self)
        self.sent: list[Outgoing] = []
        self.accounts, self.control = Accounts(), Control(0.5)
        clock = TimeSource(lambda: self.now_s, lambda: 0.0)
        model = ModelPart(name="m", version=1, digest="d", backend="b")
        config = PublishConfig(predictions="all", max_rate_hz=0, events=False)
        parts = InferenceParts(
            chain=Chain(Model(load_bundle(sum_bundle(folder)), self.engine, lambda: self.now_s)),
            publisher=Publisher(config, Origin("p", "b", model), {}, Edges(clock)),
            slot=FrameSlot(),
            accounts=self.accounts,
            control=self.control,
            send=self.sent.append,
            max_age_ms=max_age_ms,
            drops_when_paused=True,
            time=clock,
        )
        self.inference = Inference(parts)

    def take(self, age_s: float = 0.0, values: tuple[float, float] = (1.0, 2.0)) -> None:
        ref = FrameRef("s", self.accounts.captured(), 0.0, self.now_s - age_s)
        self.inference.take(Frame(ref, np.array([values], np.float32)))

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
