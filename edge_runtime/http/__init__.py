"""Predictions on request: bundles behind HTTP, for programs that ask instead of subscribing."""
