"""What a microcontroller inferred, as vectors, and what the audit counts."""

from pathlib import Path

import numpy as np
import pytest

from edge_runtime.decoders.specs import RowsDecoder
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import BundleError, FrameError
from edge_runtime.manifest import ImageInput, load_bundle
from edge_runtime.remote_inference import (
    AuditedEngine,
    VectorLayout,
    layout_of,
    remote_manifest,
)
from tests.edge_runtime.bundles import half_bundle, sum_bundle
from tests.edge_runtime.manifests import manifest_of

LAYOUT = VectorLayout(outputs=(2, 1), inputs=3)


def test_a_vector_holds_a_flag_the_outputs_and_the_input() -> None:
    vector = LAYOUT.pack(bytes([1, 2, 255]), bytes([4, 128, 6]))

    assert vector.tolist() == [[1.0, 1.0, 2.0, -1.0, 4.0, -128.0, 6.0]]
    assert LAYOUT.pack(bytes(3), None)[0, 0] == 0.0


def test_other_numbers_of_codes_are_refused() -> None:
    with pytest.raises(FrameError, match="output of 2 codes, the model gives 3"):
        LAYOUT.pack(bytes(2), None)
    with pytest.raises(FrameError, match="input of 4 codes, the model takes 3"):
        LAYOUT.pack(bytes(3), bytes(4))


@pytest.mark.tflite
def test_only_sampled_inputs_are_audited_and_every_difference_counts(tmp_path: Path) -> None:
    bundle = sum_bundle(tmp_path)
    manifest = load_bundle(bundle)
    auditor = load_engine("tflite", manifest, bundle, EngineSettings(1))
    engine = AuditedEngine(manifest, auditor)
    layout = layout_of(manifest)
    inputs = np.array([3, -8], np.int8).tobytes()  # 1.5 - 4 = -2.5, which is code -5

    for output, is_sampled in ((-5, True), (-5, False), (99, False), (-4, True), (-9, True)):
        codes = np.array([output], np.int8).tobytes()
        vector = layout.pack(codes, inputs if is_sampled else None)
        reals = engine.run({"x": vector})
        assert reals["y"].tolist() == [[output * 0.5]]

    parity = engine.parity()
    assert (parity.audited, parity.differing, parity.max_lsb) == (3, 2, 4)
    assert parity.bound_lsb == manifest.self_test.max_lsb["tflite"]
    assert not parity.is_kept
    assert engine.inputs == {"x": (1, layout.size)}


def test_the_pipeline_takes_vectors_instead(tmp_path: Path) -> None:
    manifest = load_bundle(sum_bundle(tmp_path))

    remote = remote_manifest(manifest)

    assert remote.inputs[0].shape == (1, 4)
    assert remote.outputs == manifest.outputs


def test_a_reconstruction_cannot_do_without_its_input(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match='only sampled; method "score" works'):
        remote_manifest(load_bundle(half_bundle(tmp_path)))


def test_what_needs_the_image_cannot_be_audited() -> None:
    rows = RowsDecoder(outputs=("y",))
    manifest = manifest_of(rows, {"y": (1, 9, 5)}, ImageInput(width=8, height=8))

    with pytest.raises(BundleError, match="source microcontroller: places in an image need"):
        remote_manifest(manifest)
