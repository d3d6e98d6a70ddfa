"""OpenVINO as an engine, where it is installed."""

import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.engines.openvino_engine import OpenvinoEngine, found_devices
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import EngineError
from edge_runtime.manifest import load_bundle
from edge_runtime.worker.self_test import run_self_test
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

ONE_THREAD = EngineSettings(threads=1)


@pytest.mark.openvino
def test_it_passes_the_bundles_self_test_and_predicts(tmp_path: Path) -> None:
    for bundle in (sum_bundle(tmp_path), brightness_bundle(tmp_path)):
        manifest = load_bundle(bundle)
        engine = load_engine("openvino", manifest, bundle, ONE_THREAD)

        assert run_self_test(engine, manifest, bundle) <= 1
        assert engine.backend == "openvino-cpu"
        assert engine.outputs["y"] == manifest.outputs[0].shape


@pytest.mark.openvino
def test_outputs_are_copies(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    engine = load_engine("openvino", load_bundle(bundle), bundle, ONE_THREAD)

    first = engine.run({"x": np.array([[1.5, -4.0]], np.float32)})["y"]
    engine.run({"x": np.array([[3.0, 4.0]], np.float32)})

    assert first.tolist() == [[-2.5]]


@pytest.mark.openvino
def test_what_it_refuses_is_one_line(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    engine = load_engine("openvino", load_bundle(bundle), bundle, ONE_THREAD)

    with pytest.raises(EngineError, match="OpenVINO"):
        engine.run({"wrong": np.zeros((1, 2), np.float32)})
    with pytest.raises(EngineError, match="OpenVINO refuses the model") as caught:
        OpenvinoEngine(b"no model", ONE_THREAD)
    assert "\n" not in str(caught.value)


@pytest.mark.openvino
def test_a_device_that_is_not_there_is_an_error() -> None:
    assert "cpu" in found_devices()
    with pytest.raises(EngineError, match=r"accelerator 'npu9' is not there, there are .*cpu"):
        OpenvinoEngine(b"", EngineSettings(threads=1, accelerator="npu9"))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)

    with pytest.raises(EngineError, match=r"pip install 'edge-runtime\[openvino\]'"):
        OpenvinoEngine(b"", ONE_THREAD)
