"""The self-test refuses an engine that computes other numbers."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_runtime.engines.protocol import Engine, EngineSettings, FloatArray, Shape
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import BundleError
from edge_runtime.manifest import BundleFile, Manifest, SelfTest, load_bundle
from edge_runtime.worker.self_test import run_self_test
from tests.edge_runtime.bundles import sum_bundle

ONE_THREAD = EngineSettings(threads=1)

pytestmark = [pytest.mark.ort, pytest.mark.tflite]


@dataclass
class Skewed:
    """An engine whose answers are off by some codes."""

    inner: Engine
    by: float

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def answers(self) -> str:
        return self.inner.answers

    @property
    def backend(self) -> str:
        return "skewed"

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return self.inner.inputs

    @property
    def outputs(self) -> Mapping[str, Shape]:
        return self.inner.outputs

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        return {n: v - np.sign(v) * np.float32(self.by) for n, v in self.inner.run(tensors).items()}


def opened(tmp_path: Path) -> tuple[Engine, Manifest, Path]:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)
    return load_engine("onnx", manifest, bundle, ONE_THREAD), manifest, bundle


def test_a_right_engine_passes(tmp_path: Path) -> None:
    assert run_self_test(*opened(tmp_path)) <= 1


def test_a_wrong_engine_is_refused(tmp_path: Path) -> None:
    engine, manifest, bundle = opened(tmp_path)

    with pytest.raises(BundleError, match=r"up to \d+ codes, allowed are 1"):
        run_self_test(Skewed(engine, by=1.5), manifest, bundle)
    with pytest.raises(BundleError, match="NaN or infinity"):
        run_self_test(Skewed(engine, by=np.nan), manifest, bundle)


def test_an_engine_without_answers_is_refused(tmp_path: Path) -> None:
    engine, manifest, bundle = opened(tmp_path)
    other = msgspec.structs.replace(manifest, self_test=SelfTest(samples=8, max_lsb={"tflite": 1}))

    with pytest.raises(BundleError, match="no answers for engine onnx"):
        run_self_test(engine, other, bundle)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": np.zeros((8, 2))}, "onnx"),
        ({"inputs": np.zeros((7, 2)), "onnx": np.zeros((8, 1))}, "7 inputs and 8 answers"),
        ({"inputs": np.zeros((8, 3)), "onnx": np.zeros((8, 1))}, r"\(3, 1\) values"),
        ({"inputs": np.array([object()]), "onnx": np.zeros(1)}, "allow_pickle"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    engine, manifest, bundle = opened(tmp_path)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    manifest = replace_file(manifest, bundle, stream.getvalue())

    with pytest.raises(BundleError, match=message):
        run_self_test(engine, manifest, bundle)


def test_changed_vectors_are_refused(tmp_path: Path) -> None:
    engine, manifest, bundle = opened(tmp_path)
    (bundle / "selftest.npz").write_bytes(b"x")

    with pytest.raises(BundleError, match="the manifest says"):
        run_self_test(engine, manifest, bundle)


def replace_file(manifest: Manifest, bundle: Path, data: bytes) -> Manifest:
    (bundle / "selftest.npz").write_bytes(data)
    entry = BundleFile(
        role="self_test",
        name="selftest.npz",
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    others = tuple(file for file in manifest.files if file.role != "self_test")
    return msgspec.structs.replace(manifest, files=(*others, entry))
