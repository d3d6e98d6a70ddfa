"""Every engine by the name that people type: ours, and those of other packages.

Another package adds one by an entry point of the group `edge_runtime.engines` that names an
EngineKind. It is loaded only when a pipeline asks for it.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from edge_runtime.engines.native_engine import NativeEngine
from edge_runtime.engines.onnx_engine import OnnxEngine, onnxruntime_module
from edge_runtime.engines.onnx_providers import installed_providers
from edge_runtime.engines.openvino_engine import OpenvinoEngine, found_devices
from edge_runtime.engines.protocol import Engine, EngineSettings
from edge_runtime.engines.tflite_delegates import found_accelerators
from edge_runtime.engines.tflite_engine import TfliteEngine
from edge_runtime.errors import EngineError
from edge_runtime.manifest import Manifest

GROUP = "edge_runtime.engines"


@dataclass(frozen=True, slots=True)
class EngineKind:
    """One engine.

    Attributes:
        name: What people type.
        role: The bundle's file that it takes.
        modules: Python packages of which one must be installed; empty where none is needed.
        load: Returns the engine with the model of these bytes in it.
        accelerators: Returns what is found here; called only where it is installed.
        remedy: What to do where it is not installed.
        may_batch: Whether its engine may take several samples in one call; each engine says for
            itself (`takes_batches`).
    """

    name: str
    role: Literal["onnx", "tflite"]
    modules: tuple[str, ...]
    load: Callable[[bytes, Manifest, EngineSettings], Engine]
    accelerators: Callable[[], list[str]] = list
    remedy: str = ""
    may_batch: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether its package is there."""
        names = self.modules
        return not names or any(importlib.util.find_spec(name) is not None for name in names)


def _onnx(model: bytes, _manifest: Manifest, settings: EngineSettings) -> Engine:
    return OnnxEngine(model, settings)


def _tflite(model: bytes, _manifest: Manifest, settings: EngineSettings) -> Engine:
    return TfliteEngine(model, settings)


def _openvino(model: bytes, _manifest: Manifest, settings: EngineSettings) -> Engine:
    return OpenvinoEngine(model, settings)


def _native(_model: bytes, manifest: Manifest, settings: EngineSettings) -> Engine:
    return NativeEngine(manifest, settings)


_OURS = (
    EngineKind(
        "tflite", "tflite", ("ai_edge_litert", "tflite_runtime"), _tflite, found_accelerators,
        "pip install 'edge-runtime[tflite]'",
    ),
    EngineKind(
        "onnx", "onnx", ("onnxruntime",), _onnx,
        lambda: installed_providers(onnxruntime_module()), "pip install 'edge-runtime[onnx]'",
        may_batch=True,
    ),
    EngineKind(
        "openvino", "onnx", ("openvino",), _openvino, found_devices,
        "pip install 'edge-runtime[openvino]'",
    ),
    EngineKind("native", "tflite", (), _native),
)  # fmt: skip
BUILT_IN = {kind.name: kind for kind in _OURS}


def find_kind(name: str) -> EngineKind:
    """Return the engine of that name; ours win over another package's.

    Raises:
        EngineError: There is none, or another package's cannot be loaded.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    for entry in _entries():
        if entry.name == name:
            return _load(entry)
    raise EngineError(f"engine {name!r}, allowed are auto, {', '.join(engine_names())}")


def engine_names() -> list[str]:
    """Return the names of ours, then those of other packages."""
    others = {entry.name for entry in _entries()}
    return [*BUILT_IN, *sorted(others - set(BUILT_IN))]


def _entries() -> list[Any]:
    """Return the entry points of other packages; a worker without any need not import this."""
    from importlib.metadata import entry_points  # noqa: PLC0415 (costs a tenth of the start)

    return list(entry_points(group=GROUP))


def _load(entry: Any) -> EngineKind:
    where = f"engine {entry.name} ({entry.value})"
    try:
        kind = entry.load()
    except Exception as error:  # another package's code
        raise EngineError(f"{where}: {type(error).__name__}: {error}") from error
    if not isinstance(kind, EngineKind):
        raise EngineError(f"{where}: {type(kind).__name__}, expected an EngineKind")
    return kind
