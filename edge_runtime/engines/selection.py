"""Loads the bundle's model on the engine that the configuration asks for."""

import hashlib
import os
from pathlib import Path
from typing import Literal

from edge_runtime.engines.kinds import BUILT_IN, find_kind
from edge_runtime.engines.protocol import Engine, EngineSettings, Shape
from edge_runtime.errors import BundleError, EngineError
from edge_runtime.manifest import BundleFile, Manifest, TensorSpec, file_of

AUTO = "auto"
_AUTO_ORDER = ("tflite", "onnx")


def default_threads() -> int:
    """Return one thread less than the cores we may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def choose_engine(wanted: str, manifest: Manifest) -> str:
    """Return the engine to use; "auto" takes what is installed and in the bundle, TFLite first.

    Raises:
        EngineError: Nothing that is installed runs a model file of the bundle, or no engine is
            called so.
    """
    if wanted != AUTO:
        return find_kind(wanted).name
    for kind in (BUILT_IN[name] for name in _AUTO_ORDER):
        if kind.is_installed and file_of(manifest, kind.role) is not None:
            return kind.name
    raise EngineError(
        "engine auto: no engine is installed for this bundle; "
        "pip install 'edge-runtime[tflite]' or 'edge-runtime[onnx]'"
    )


def load_engine(name: str, manifest: Manifest, bundle: Path, settings: EngineSettings) -> Engine:
    """Return the engine with the bundle's model in it, its tensors as the manifest says.

    Raises:
        BundleError: The bundle has no such model file, it changed, or it has other tensors.
        EngineError: The engine or its accelerator is missing, or refuses the model.
    """
    kind = find_kind(name)
    file = file_of(manifest, kind.role)
    if file is None:
        raise BundleError(f"{bundle}: no {kind.role} model in the bundle")
    engine = kind.load(_read_checked(bundle / file.name, file), manifest, settings)
    _check_tensors("input", manifest.inputs, engine)
    _check_tensors("output", manifest.outputs, engine)
    return engine


def model_digest(name: str, manifest: Manifest) -> str:
    """Return the SHA-256 of the model file that an engine takes, "" where there is none."""
    file = file_of(manifest, find_kind(name).role)
    return "" if file is None else file.sha256


def _read_checked(path: Path, file: BundleFile) -> bytes:
    """Return the very bytes whose SHA-256 was checked: nobody can change them in between."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise BundleError(f"{path}: changed since the bundle was made (SHA-256)")
    return data


def _check_tensors(
    role: Literal["input", "output"], specs: tuple[TensorSpec, ...], engine: Engine
) -> None:
    found = engine.inputs if role == "input" else engine.outputs
    for spec in specs:
        shape = found.get(spec.name)
        if shape is None:
            raise BundleError(f"{role} {spec.name!r}: the {engine.name} model has {list(found)}")
        if not _fits(spec.shape, shape):
            raise BundleError(
                f"{role} {spec.name!r}: {shape} in the {engine.name} model, "
                f"the manifest says {spec.shape}"
            )


def _fits(declared: tuple[int, ...], found: Shape) -> bool:
    if len(declared) != len(found):
        return False
    return all(b is None or a == b for a, b in zip(declared, found, strict=True))
