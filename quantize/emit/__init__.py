"""Graph to bytes: model files that runtimes read."""
