"""The versions that decide what a prediction is."""

import importlib.metadata
import platform

from edge_runtime._version import __version__

_ENGINES = ("onnxruntime", "ai-edge-litert", "tflite-runtime", "openvino")


def versions() -> dict[str, str]:
    """Return ours, the interpreter's, and those of the engines that are installed."""
    found = {"edge-runtime": __version__, "python": platform.python_version()}
    for name in _ENGINES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
