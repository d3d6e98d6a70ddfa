"""Puts calibration histograms into a bundle, as the quantizer does."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from quantize.calibrate.histogram import histogram_of


def calibrate(bundle: Path, taken: np.ndarray, given: np.ndarray) -> Path:
    """Say that calibration saw these inputs and these outputs; return the bundle."""
    arrays = {}
    for key, values in (("input_0", taken), ("output_0", given)):
        seen = histogram_of(values.astype(np.float32), key)
        arrays[f"{key}_counts"] = seen.counts
        arrays[f"{key}_first"] = np.int64(seen.first).reshape(1)
        arrays[f"{key}_exponent"] = np.int64(seen.exponent).reshape(1)
        arrays[f"{key}_range"] = np.array([seen.low, seen.high])
        arrays[f"{key}_zeros"] = np.int64(seen.zeros).reshape(1)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    add_file(bundle, "calibration", "calibration.npz", stream.getvalue())
    return bundle


def add_file(bundle: Path, role: str, name: str, data: bytes) -> None:
    (bundle / name).write_bytes(data)
    facts = json.loads((bundle / "manifest.json").read_text())
    digest = hashlib.sha256(data).hexdigest()
    facts["files"].append({"role": role, "name": name, "bytes": len(data), "sha256": digest})
    (bundle / "manifest.json").write_text(json.dumps(facts))
