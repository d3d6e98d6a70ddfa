"""The path of one frame is pure: the same frame gives the same prediction."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import BundleError, FrameError
from edge_runtime.manifest import load_bundle
from edge_runtime.pipeline import Model, check_pipeline, predict
from edge_runtime.records import Anomaly, Frame, FrameRef, Regression
from tests.edge_runtime.bundles import brightness_bundle, half_bundle, sum_bundle

ONE_THREAD = EngineSettings(threads=1)

pytestmark = [pytest.mark.ort, pytest.mark.tflite]

REF = FrameRef("cam0", 3, 1_700_000_000.0, 12.0)


def stages(bundle: Path, engine: str = "onnx") -> Model:
    manifest = load_bundle(bundle)
    ticks = count()
    clock: Callable[[], float] = lambda: next(ticks) * 0.001  # noqa: E731
    loaded = load_engine(engine, manifest, bundle, ONE_THREAD)
    return Model(manifest, loaded, clock)


def test_a_frame_becomes_a_prediction_with_its_reference(tmp_path: Path) -> None:
    frame = Frame(REF, np.full((6, 8, 3), 200, np.uint8), "a.png")

    prediction = predict(frame, stages(brightness_bundle(tmp_path)), 0.5)

    assert prediction.ref is REF
    assert prediction.size_px == (8, 6)
    assert prediction.label == "a.png"
    assert prediction.times.infer_ms == pytest.approx(1.0)
    assert prediction.times.decode_ms == pytest.approx(1.0)


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_a_replayed_frame_gives_the_same_prediction(tmp_path: Path, engine: str) -> None:
    bundle = half_bundle(tmp_path)
    frame = Frame(REF, np.array([[0.5, -2.0]], np.float32))

    first = predict(frame, stages(bundle, engine), 0.5)
    again = predict(frame, stages(bundle, engine), 0.5)

    assert first == again
    assert isinstance(first.decoded, Anomaly)
    assert first.size_px is None
    assert first.decoded.score == pytest.approx((0.25**2 + 1) / 2, abs=0.03)


def test_both_engines_say_the_same_of_a_window(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path, length=3)
    frame = Frame(REF, np.array([[1, 2], [3, 4], [5, 6.5]], np.float32))

    decoded = [predict(frame, stages(bundle, e), 0.5).decoded for e in ("onnx", "tflite")]

    assert decoded == [Regression((("total", 21.5),))] * 2


def test_a_frame_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="the model takes"):
        predict(Frame(REF, np.zeros((2, 2))), stages(sum_bundle(tmp_path)), 0.5)


def test_a_bundle_that_no_pipeline_can_serve_is_refused(tmp_path: Path) -> None:
    manifest = load_bundle(sum_bundle(tmp_path))
    decoder = manifest.decoder
    assert decoder is not None

    check_pipeline(manifest)
    for other, message in (
        (msgspec.structs.replace(manifest, inputs=manifest.inputs * 2), "2 inputs and 1 outputs"),
        (msgspec.structs.replace(manifest, decoder=None), "declares no decoder"),
        (
            msgspec.structs.replace(manifest, decoder=msgspec.structs.replace(decoder, output="z")),
            r"decoder of output 'z', has \['y'\]",
        ),
    ):
        with pytest.raises(BundleError, match=message):
            check_pipeline(other)
