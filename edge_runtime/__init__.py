"""Runs on the device: a frame becomes a tensor, a prediction and a message on a broker."""

from edge_runtime._version import __version__

__all__ = ["__version__"]
