"""Crops of one frame go to a stage's engine together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.cascade import Step, ask_further
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import FrameError
from edge_runtime.manifest import load_bundle
from edge_runtime.pipeline import Model
from edge_runtime.placement import WHOLE
from edge_runtime.records import Detected, Detection, Frame, FrameRef, Prediction, StageTimes
from tests.edge_runtime.bundles import brightness_bundle
from tests.edge_runtime.engines.counting import Counting

pytestmark = pytest.mark.ort

LEVELS = (0, 255, 90, 200)


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """A stage whose engine is real and notes its calls."""
    bundle = brightness_bundle(tmp_path)
    manifest = load_bundle(bundle)
    engine = Counting(load_engine("onnx", manifest, bundle, EngineSettings(threads=1)))
    return Step("tone", Model(manifest, engine, at_once=5), 0.5, margin=0.0)


def seen(levels: tuple[int, ...] = LEVELS) -> tuple[Frame, Prediction]:
    """Return an image of stripes, and an object in each of them."""
    image = np.tile(np.repeat(np.array(levels or (0,), np.uint8), 8), (8, 1))
    count = len(levels)
    objects = tuple(
        Detected("stripe", 0, 0.9, (n / count, 0.0, (n + 1) / count, 1.0)) for n in range(count)
    )
    ref = FrameRef("s", 0, 0.0, 0.0)
    times = StageTimes(0.0, 0.0, 0.0)
    return Frame(ref, image), Prediction(ref, (8 * count, 8), Detection(objects), times)


def calls_of(step: Step) -> list[int]:
    assert isinstance(step.model.engine, Counting)
    return step.model.engine.calls


def test_all_crops_of_a_frame_share_a_call_and_none_is_answered_otherwise(step: Step) -> None:
    alone = replace(step, model=replace(step.model, at_once=1))

    (together,) = ask_further(*seen(), (step,), 0.5, WHOLE).stages
    (apart,) = ask_further(*seen(), (alone,), 0.5, WHOLE).stages

    assert calls_of(step) == [4, 1, 1, 1, 1]
    assert together.parts == apart.parts
    assert [of for of, _ in together.parts] == [0, 1, 2, 3]


def test_the_time_of_a_shared_call_counts_once(step: Step) -> None:
    moments = iter(range(100))
    timed = replace(step, model=replace(step.model, clock=lambda: float(next(moments))))

    (outcome,) = ask_further(*seen(), (timed,), 0.5, WHOLE).stages

    assert outcome.times == StageTimes(4000.0, 1000.0, 4000.0)


def test_without_objects_nothing_is_called(step: Step) -> None:
    (outcome,) = ask_further(*seen(()), (step,), 0.5, WHOLE).stages

    assert calls_of(step) == []
    assert (outcome.parts, outcome.times) == ((), StageTimes(0.0, 0.0, 0.0))


def test_more_crops_than_a_call_may_hold_go_in_several(step: Step) -> None:
    fewer = replace(step, model=replace(step.model, at_once=3))

    ask_further(*seen(), (fewer,), 0.5, WHOLE)

    assert calls_of(step) == [3, 1]


def test_a_crop_that_cannot_be_used_costs_the_frame_as_ever(step: Step) -> None:
    frame, prediction = seen()
    broken = Frame(frame.ref, frame.values.astype(np.float64))

    with pytest.raises(FrameError):
        ask_further(broken, prediction, (step,), 0.5, WHOLE)
    assert calls_of(step) == []
