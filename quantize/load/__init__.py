"""Loaders: a model file, or an object of a training library, becomes a graph."""
