"""What a bundle may hold, and what a changed one is refused for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.errors import BundleError
from edge_runtime.manifest import (
    MANIFEST_NAME,
    ImageInput,
    TensorInput,
    check_preprocessing,
    decode_manifest,
    encode_manifest,
    load_bundle,
)
from edge_runtime.signals.inputs import WindowInput
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

Facts = dict[str, Any]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return brightness_bundle(tmp_path)


def test_a_manifest_survives_its_own_json(bundle: Path) -> None:
    data = (bundle / MANIFEST_NAME).read_bytes()

    assert encode_manifest(decode_manifest(data)) == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts.update(schema="edge.bundle/9"), "edge.bundle/9"),
        (lambda facts: facts.update(colour="red"), "unknown field `colour`"),
        (lambda facts: facts.update(name="../door"), "name '../door', allowed is"),
        (lambda facts: facts.update(version=0), "version 0, allowed is 1 to"),
        (lambda facts: facts.update(version=10**9), "version 1000000000, allowed is 1 to"),
        (lambda facts: facts["files"][0].update(name="../x"), "file '../x', allowed is"),
        (lambda facts: facts["files"].append(facts["files"][0]), "named twice"),
        (lambda facts: facts.update(labels=["dark"]), "1 labels, the model has 2 classes"),
        (lambda facts: facts["decoder"].update(output="z"), "decoder of 'z', the outputs are"),
        (lambda facts: facts["decoder"].update(top_k=0), "top_k 0, allowed is 1 and above"),
        (
            lambda facts: facts.update(preprocessing={"type": "image", "width": 0, "height": 8}),
            "preprocessing: width 0, allowed is 1 to 16384",
        ),
    ],
)
def test_a_foreign_manifest_is_refused_in_one_line(
    bundle: Path, change: Callable[[Facts], None], message: str
) -> None:
    facts = json.loads((bundle / MANIFEST_NAME).read_bytes())
    change(facts)

    with pytest.raises(BundleError) as caught:
        decode_manifest(json.dumps(facts).encode())

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_regression_names_every_value(tmp_path: Path) -> None:
    facts = json.loads((sum_bundle(tmp_path) / MANIFEST_NAME).read_bytes())
    facts["decoder"]["names"] = ["a", "b"]

    with pytest.raises(BundleError, match="2 names, the model has 1 values"):
        decode_manifest(json.dumps(facts).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"[" * 100_000, b"\xff", b" " * (1 << 21), b'{"\xb8": 1}']
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="manifest: "):
        decode_manifest(data)


def test_m1_one_changed_byte_in_any_file_is_found(bundle: Path) -> None:
    for path in sorted(set(bundle.iterdir()) - {bundle / MANIFEST_NAME}):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        with pytest.raises(BundleError, match=rf"{path.name}: SHA-256 "):
            load_bundle(bundle)
        path.write_bytes(content[:-1])
        with pytest.raises(BundleError, match=rf"{path.name}: {len(content) - 1} bytes"):
            load_bundle(bundle)
        path.write_bytes(content)

    load_bundle(bundle)


def test_a_link_is_no_file_of_a_bundle(bundle: Path, tmp_path: Path) -> None:
    model = bundle / "model.onnx"
    model.rename(tmp_path / "elsewhere.onnx")
    model.symlink_to(tmp_path / "elsewhere.onnx")

    with pytest.raises(BundleError, match=r"model\.onnx: not a plain file"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ImageInput(width=8, height=-1), "height -1, allowed is 1 to 16384"),
        (ImageInput(width=8, height=8, std=(1.0, 0.0, 1.0)), "allowed is anything but 0"),
        (ImageInput(width=8, height=8, mean=(float("nan"),)), "allowed are finite numbers"),
        (ImageInput(width=8, height=8, mean=(1.0, 2.0)), "mean has 2 numbers, allowed is 1 or 3"),
        (ImageInput(width=8, height=8, colour="grey", std=(1.0,) * 3), "std has 3 numbers"),
        (WindowInput(columns=()), "at least one"),
        (WindowInput(columns=("a", "a")), "different names"),
        (WindowInput(columns=("a",), length=0), "length 0, allowed is 1 to 1000000"),
        (WindowInput(columns=("a",), step=0), "step 0"),
        (WindowInput(columns=("a", "b", "c"), std=(1.0, 1.0)), "std has 2 numbers"),
    ],
)
def test_preprocessing_that_no_frame_survives_is_refused(
    spec: ImageInput | WindowInput, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        check_preprocessing(spec)


@pytest.mark.parametrize(
    "spec",
    [
        TensorInput(),
        ImageInput(width=1, height=16_384, mean=(1.0, 2.0, 3.0), std=(-1.0,)),
        WindowInput(columns=("a", "b"), length=3, mean=(1.0, 2.0), std=(1.0, 2.0)),
    ],
)
def test_preprocessing_that_a_device_can_do_is_taken(
    spec: TensorInput | ImageInput | WindowInput,
) -> None:
    check_preprocessing(spec)
