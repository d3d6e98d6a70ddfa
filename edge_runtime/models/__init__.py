"""Bundles on the device: where they are and which one runs."""
