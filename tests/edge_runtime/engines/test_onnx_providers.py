"""Execution providers: the wanted one, or an error. The installed package has no accelerator."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from edge_runtime.engines.onnx_engine import OnnxEngine, onnxruntime_module
from edge_runtime.engines.onnx_providers import add_plugin, check_provider, installed_providers
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.errors import EngineError
from tests.edge_runtime.engines.test_selection import float_model

pytestmark = pytest.mark.ort


@dataclass
class Part:
    """As ONNX Runtime's OrtEpAssignedSubgraph."""

    ep_name: str
    nodes: list[str] = field(default_factory=lambda: ["a", "b"])

    def get_nodes(self) -> list[str]:
        return self.nodes


@dataclass
class Session:
    """As ONNX Runtime's InferenceSession on a machine with an accelerator, which is not here."""

    providers: list[str]
    parts: list[Part]

    def get_providers(self) -> list[str]:
        return self.providers

    def get_provider_graph_assignment_info(self) -> list[Part]:
        return self.parts


def test_the_cpu_is_the_default_and_can_be_named() -> None:
    assert "cpu" in installed_providers(onnxruntime_module())
    for accelerator in (None, "cpu"):
        engine = OnnxEngine(float_model(), EngineSettings(1, accelerator))
        assert engine.backend == "ort-cpu"


def test_a_provider_that_the_build_lacks_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(EngineError, match=r"accelerator armnn is not in the installed .*has cpu"):
        OnnxEngine(float_model(), EngineSettings(1, "armnn"))


def test_an_unknown_name_is_an_error_with_the_allowed_ones() -> None:
    with pytest.raises(EngineError, match=r"accelerator 'warp', allowed are cpu, acl, .*xnnpack"):
        OnnxEngine(float_model(), EngineSettings(1, "warp"))


def test_a_plug_in_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    library = tmp_path / "plugin.so"
    library.write_bytes(b"no library")

    with pytest.raises(EngineError, match=r"accelerator openvino: .*plugin\.so"):
        OnnxEngine(float_model(), EngineSettings(1, "openvino", library))


def test_a_provider_that_did_not_start_is_an_error() -> None:
    session = Session(["CPUExecutionProvider"], [])

    with pytest.raises(EngineError, match="accelerator cuda did not start"):
        check_provider(session, "CUDAExecutionProvider", "cuda")


def test_a_provider_that_computes_nothing_is_an_error() -> None:
    both = ["XnnpackExecutionProvider", "CPUExecutionProvider"]

    with pytest.raises(EngineError, match=r"xnnpack takes none .*would compute all 2"):
        check_provider(
            Session(both, [Part("CPUExecutionProvider")]), "XnnpackExecutionProvider", "xnnpack"
        )
    check_provider(
        Session(both, [Part("XnnpackExecutionProvider")]), "XnnpackExecutionProvider", "xnnpack"
    )


@dataclass
class Device:
    """As ONNX Runtime's OrtEpDevice."""

    ep_name: str


@dataclass
class Runtime:
    """As an ONNX Runtime whose plug-in brings these devices; the real one is not installed here."""

    devices: list[Device]
    capi: Any = onnxruntime.capi
    registered: list[str] = field(default_factory=list)
    chosen: list[Device] = field(default_factory=list)

    def register_execution_provider_library(self, name: str, path: str) -> None:
        self.registered.append(f"{name} {path}")

    def get_ep_devices(self) -> list[Device]:
        return self.devices

    def add_provider_for_devices(self, devices: list[Device], _options: dict[str, str]) -> None:
        self.chosen += devices


def test_a_plug_in_is_registered_and_its_first_device_chosen() -> None:
    runtime = Runtime([Device("CPUExecutionProvider"), Device("OpenVINOExecutionProvider")])

    provider = add_plugin(runtime, runtime, "openvino", Path("/opt/plugin.so"))

    assert provider == "OpenVINOExecutionProvider"
    assert runtime.registered == ["OpenVINOExecutionProvider /opt/plugin.so"]
    assert runtime.chosen == [Device("OpenVINOExecutionProvider")]


def test_a_plug_in_without_a_device_is_an_error() -> None:
    runtime = Runtime([Device("CPUExecutionProvider")])

    with pytest.raises(EngineError, match=r"plugin\.so brings no device of it, there are CPU"):
        add_plugin(runtime, runtime, "qnn", Path("/opt/plugin.so"))
