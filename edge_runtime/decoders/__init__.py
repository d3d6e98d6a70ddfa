"""Tensors to what they mean; the manifest says which decoder a model needs."""
