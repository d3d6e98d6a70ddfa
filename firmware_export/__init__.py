"""Runs offline: an integer graph becomes C99 that computes the same integers on an MCU."""

from edge_runtime._version import __version__

__all__ = ["__version__"]
