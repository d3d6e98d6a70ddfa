"""Runs offline: a float model becomes one integer graph, printed as int8 ONNX and TFLite."""

from edge_runtime._version import __version__

__all__ = ["__version__"]
