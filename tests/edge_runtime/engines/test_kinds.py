"""Engines by name, ours and another package's."""

import sys
from pathlib import Path

import pytest

from edge_runtime.engines.kinds import BUILT_IN, engine_names, find_kind
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import choose_engine, load_engine
from edge_runtime.errors import EngineError
from edge_runtime.manifest import load_bundle
from tests.edge_runtime.bundles import sum_bundle

MODULE = """
from edge_runtime.engines.kinds import EngineKind
from edge_runtime.engines.onnx_engine import OnnxEngine
def load(model, manifest, settings):
    engine = OnnxEngine(model, settings)
    engine.name = "npu"
    return engine
KIND = EngineKind("npu", "onnx", (), load)
NOTHING = 3
"""
ENTRIES = """[edge_runtime.engines]
npu = {name}:KIND
wrong = {name}:NOTHING
absent = {name}:GONE
onnx = {name}:NOTHING
"""


@pytest.fixture
def another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a package with entry points, as pip would lay it out."""
    name = "npu_engine_for_tests"
    (tmp_path / f"{name}.py").write_text(MODULE)
    facts = tmp_path / f"{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRIES.format(name=name))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


@pytest.mark.ort
def test_another_packages_engine_is_found_by_its_entry_point(
    another_package: str, tmp_path: Path
) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)

    engine = load_engine(choose_engine("npu", manifest), manifest, bundle, EngineSettings(1))

    assert engine.name == "npu"
    assert engine_names() == [*BUILT_IN, "absent", "npu", "wrong"]


def test_what_is_no_engine_is_named_with_its_package(another_package: str) -> None:
    with pytest.raises(EngineError, match=r"engine wrong \(.*:NOTHING\): int, expected an Engine"):
        find_kind("wrong")
    with pytest.raises(EngineError, match=r"engine absent \(.*:GONE\): AttributeError"):
        find_kind("absent")


def test_ours_win(another_package: str) -> None:
    assert find_kind("onnx") is BUILT_IN["onnx"]


def test_an_unknown_name_lists_the_allowed_ones() -> None:
    with pytest.raises(EngineError, match="'vulkan', allowed are auto, tflite, onnx, openvino, na"):
        find_kind("vulkan")


@pytest.mark.ort
@pytest.mark.tflite
def test_installed_engines_say_their_accelerators() -> None:
    assert "cpu" in BUILT_IN["onnx"].accelerators()
    assert "xnnpack" in BUILT_IN["tflite"].accelerators()
    assert BUILT_IN["native"].is_installed
    assert BUILT_IN["native"].accelerators() == []
