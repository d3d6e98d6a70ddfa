"""Small models and data on disk, for tests of the whole pipeline."""

from pathlib import Path

import numpy as np

from quantize.emit.onnx_float import emit_float_onnx
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array
from tests.models import tiny_float_classifier

SAMPLES = 24


def save_classifier(folder: Path) -> Path:
    """Write a float ONNX classifier of 6x6x2 images into 3 classes."""
    path = folder / "Tiny_Net.onnx"
    path.write_bytes(emit_float_onnx(tiny_float_classifier()))
    return path


def classifier_arrays(seed: int = 3) -> dict[str, Array]:
    """Return images and the classes that the float classifier sees in them, but for three."""
    images = np.random.default_rng(seed).normal(size=(SAMPLES, 6, 6, 2)).astype(np.float32)
    scores = execute_float(tiny_float_classifier(), {"image": images})["scores"]
    labels = scores.argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % 3
    return {"x": images, "y": labels}


def save_classifier_data(folder: Path, name: str = "data.npz", **changes: Array) -> Path:
    """Write `classifier_arrays` with changes; None leaves an array out."""
    path = folder / name
    arrays = {**classifier_arrays(), **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path
