"""Gates open for a cause, stay open for a while, and never shut for good."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.config.vision import MotionGateConfig
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import FrameError
from edge_runtime.manifest import load_bundle
from edge_runtime.pipeline import Model
from edge_runtime.placement import WHOLE
from edge_runtime.records import Box, Frame, FrameRef
from edge_runtime.worker.gates import Hold, ModelGate, MotionGate, small_grey
from tests.edge_runtime.bundles import brightness_bundle, half_bundle


def frame(values: np.ndarray, at_s: float) -> Frame:
    return Frame(FrameRef("cam", 0, 0.0, at_s), values)


def still(rng: np.random.Generator) -> np.ndarray:
    """The same scene with other noise each time."""
    base = np.tile(np.linspace(30, 200, 320), (240, 1))[:, :, np.newaxis].repeat(3, axis=2)
    return np.clip(base + rng.normal(0, 6, base.shape), 0, 255).astype(np.uint8)


def with_square(image: np.ndarray, x: int, y: int = 100) -> np.ndarray:
    image = image.copy()
    image[y : y + 40, x : x + 40] = 255
    return image


def motion(roi: Box = WHOLE, **changes: float) -> MotionGate:
    settings = {"hold_s": 0.0, "refresh_s": 0.0, **changes}
    return MotionGate(MotionGateConfig(**settings), roi)  # type: ignore[arg-type]


def test_a_still_scene_is_shut_out_after_its_first_frame_whatever_its_noise(
    rng: np.random.Generator,
) -> None:
    gate = motion()

    admitted = [gate.admits(frame(still(rng), n / 10)) for n in range(30)]

    assert admitted == [True] + [False] * 29


def test_what_moves_passes_and_what_stays_becomes_background(rng: np.random.Generator) -> None:
    gate = motion(forget_s=2.0)
    gate.admits(frame(still(rng), 0.0))

    moving = [gate.admits(frame(with_square(still(rng), 8 * n), 0.1 + n / 10)) for n in range(30)]
    parked = [gate.admits(frame(with_square(still(rng), 240), 3.1 + n / 10)) for n in range(100)]

    assert all(moving)
    assert parked[0]
    assert not any(parked[80:])


def test_only_the_region_of_interest_counts(rng: np.random.Generator) -> None:
    gate = motion((0.0, 0.0, 0.5, 1.0))
    gate.admits(frame(still(rng), 0.0))

    assert not gate.admits(frame(with_square(still(rng), 250), 0.1))
    assert gate.admits(frame(with_square(still(rng), 50), 0.2))


def test_a_light_that_goes_on_passes_once(rng: np.random.Generator) -> None:
    gate = motion()
    gate.admits(frame(still(rng) // 3, 0.0))

    admitted = [gate.admits(frame(still(rng), 0.1 + n / 10)) for n in range(5)]

    assert admitted == [True, False, False, False, False]


def test_an_image_of_another_size_begins_anew(rng: np.random.Generator) -> None:
    gate = motion()
    gate.admits(frame(still(rng), 0.0))

    assert gate.admits(frame(still(rng)[:100], 0.1))
    assert not gate.admits(frame(still(rng)[:100], 0.2))


def test_a_small_grey_image_is_taken_as_it_is() -> None:
    assert small_grey(np.full((5, 7), 9, np.uint8), WHOLE).tolist() == [[9.0] * 7] * 5


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(FrameError, match=r"motion gate: \(3, 2\) float64, allowed are images"):
        motion().admits(frame(np.zeros((3, 2)), 0.0))


def test_a_gate_is_held_open_and_refreshed() -> None:
    hold = Hold(hold_s=1.0, refresh_s=5.0)
    causes = {2.0}

    passed = [t / 2 for t in range(30) if hold.is_open(t / 2 in causes, t / 2)]

    assert passed == [0.0, 2.0, 2.5, 3.0, 8.0, 13.0]


@pytest.mark.ort
def test_a_cheap_model_decides_by_what_it_says(tmp_path: Path) -> None:
    bundle = brightness_bundle(tmp_path)
    manifest = load_bundle(bundle)
    model = Model(manifest, load_engine("onnx", manifest, bundle, EngineSettings(threads=1)))
    gate = ModelGate(model, 0.9, ("bright",), WHOLE, Hold(0.0, 0.0))

    admitted = [
        gate.admits(frame(np.full((4, 4, 3), level, np.uint8), float(n)))
        for n, level in enumerate((0, 255, 128, 250))
    ]

    assert admitted == [False, True, False, True]


@pytest.mark.ort
def test_any_anomaly_opens_where_no_label_is_named(tmp_path: Path) -> None:
    bundle = half_bundle(tmp_path)
    manifest = load_bundle(bundle)
    model = Model(manifest, load_engine("onnx", manifest, bundle, EngineSettings(threads=1)))
    gate = ModelGate(model, 0.25, (), WHOLE, Hold(0.0, 0.0))

    admitted = [
        gate.admits(frame(np.array([[value, value]], np.float32), float(n)))
        for n, value in enumerate((0.1, 3.0))
    ]

    assert admitted == [False, True]
