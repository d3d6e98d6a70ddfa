"""Sparkplug B: the device as an edge node, its pipelines as devices, for hosts that speak it."""
