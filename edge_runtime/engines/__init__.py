"""Inference engines: tensors in, tensors out."""
