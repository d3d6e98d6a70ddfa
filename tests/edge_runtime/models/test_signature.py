"""M2: a bundle that the configured key did not sign is refused before anything of it is parsed."""

from pathlib import Path

import msgspec
import pytest

from edge_runtime.config.loading import decode_config
from edge_runtime.config.structs import Config
from edge_runtime.config.vision import ModelConfig
from edge_runtime.errors import BundleError, ConfigError
from edge_runtime.manifest import MANIFEST_NAME, load_bundle
from edge_runtime.models.described import describe_pipeline
from edge_runtime.models.inventory import verify
from edge_runtime.models.signature import SIGNATURE_NAME, ModelKey, read_model_key, sign_bundle
from edge_runtime.models.store import find_bundle, find_previous_bundle, passed_over
from edge_runtime.part_settings import models_passed_over
from edge_runtime.worker.models import open_model
from tests.edge_runtime.bundles import brightness_bundle
from tests.edge_runtime.remote.keys import key_files


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return key_files(tmp_path)


@pytest.fixture
def key(keys: tuple[Path, Path]) -> ModelKey:
    return read_model_key(keys[1])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return brightness_bundle(tmp_path / "models")


def version(bundle: Path, number: int) -> Path:
    """A copy under another number, as its manifest says."""
    other = bundle.parent / str(number)
    other.mkdir()
    for file in bundle.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    manifest = (other / MANIFEST_NAME).read_bytes()
    changed = manifest.replace(b'"version": 1,', b'"version": %d,' % number)
    assert changed != manifest
    (other / MANIFEST_NAME).write_bytes(changed)
    return other


@pytest.mark.ort
def test_m2_a_signed_bundle_is_opened(bundle: Path, keys: tuple[Path, Path], key: ModelKey) -> None:
    assert sign_bundle(bundle, keys[0]) == bundle / SIGNATURE_NAME

    opened = open_model(ModelConfig(model="brightness", engine="onnx"), bundle, key)

    assert opened.ready.model == "brightness"
    assert load_bundle(bundle).name == "brightness"  # who has no key needs no signature


def test_m2_no_signature_is_refused(bundle: Path, key: ModelKey) -> None:
    with pytest.raises(BundleError, match=r"1: not signed, no manifest\.sig"):
        load_bundle(bundle, key)


def test_m2_another_key_is_refused(bundle: Path, tmp_path: Path, key: ModelKey) -> None:
    (tmp_path / "other").mkdir()
    sign_bundle(bundle, key_files(tmp_path / "other")[0])

    with pytest.raises(BundleError, match=r"signed by the key '[0-9a-f]{16}', allowed is"):
        load_bundle(bundle, key)


def test_m2_a_changed_manifest_is_refused_before_it_is_parsed(
    bundle: Path, keys: tuple[Path, Path], key: ModelKey
) -> None:
    sign_bundle(bundle, keys[0])
    (bundle / MANIFEST_NAME).write_bytes(b"{ not JSON")

    with pytest.raises(BundleError, match="the signature is not that of this manifest"):
        load_bundle(bundle, key)


def test_m2_a_changed_file_is_refused(bundle: Path, keys: tuple[Path, Path], key: ModelKey) -> None:
    sign_bundle(bundle, keys[0])
    (bundle / "model.onnx").write_bytes(b"x")

    with pytest.raises(BundleError, match=r"model\.onnx: 1 bytes, the manifest says"):
        load_bundle(bundle, key)
    with pytest.raises(BundleError, match=r"model\.onnx: 1 bytes"):
        sign_bundle(bundle, keys[0])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"key":"0","signature":"!"}', "Invalid base64"),
        (b'{"key":"0","signature":"AA==","more":1}', "unknown field `more`"),
        (b'{"key":' + b"[" * 1000, "Expected `str`, got `array`"),
    ],
)
def test_m2_a_damaged_signature_is_refused(
    bundle: Path, key: ModelKey, text: bytes, why: str
) -> None:
    (bundle / SIGNATURE_NAME).write_bytes(text)

    with pytest.raises(BundleError, match=why):
        load_bundle(bundle, key)


def test_m2_a_link_is_no_signature(
    bundle: Path, keys: tuple[Path, Path], key: ModelKey, tmp_path: Path
) -> None:
    sign_bundle(bundle, keys[0]).rename(tmp_path / "elsewhere")
    (bundle / SIGNATURE_NAME).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BundleError, match="not a plain file"):
        load_bundle(bundle, key)


def test_a_name_means_its_highest_signed_version(
    bundle: Path, keys: tuple[Path, Path], key: ModelKey
) -> None:
    models = bundle.parents[1]
    second = version(bundle, 2)
    version(bundle, 3)
    for signed in (bundle, second):
        sign_bundle(signed, keys[0])

    assert find_bundle("brightness", models).name == "3"
    assert find_bundle("brightness", models, key) == second
    assert find_bundle(f"{bundle.parent}/", models, key) == second
    assert find_bundle("brightness@3", models, key).name == "3"  # refused where it is loaded
    assert find_previous_bundle("brightness", models, key) == bundle
    assert passed_over("brightness", models, key) == [3]
    assert passed_over("brightness@2", models, key) == []
    assert [f.what for f in verify(models, None, key)][:2] == [
        "brightness@1: 3 files unchanged, signed", "brightness@2: 3 files unchanged, signed",
    ]  # fmt: skip
    assert "not signed" in verify(models, None, key)[2].what


def test_none_that_is_signed_is_said(bundle: Path, key: ModelKey) -> None:
    with pytest.raises(BundleError, match="of the versions 1 none is signed by the models' key"):
        find_bundle("brightness", bundle.parents[1], key)


def test_a_key_that_is_none_is_refused(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "no.pem").write_bytes(b"nothing")

    with pytest.raises(ConfigError, match=r"no\.pem: not a public key in PEM"):
        read_model_key(tmp_path / "no.pem")
    with pytest.raises(ConfigError, match=r"no\.pem: not a private key in PEM"):
        sign_bundle(bundle, tmp_path / "no.pem")


def pipelines(model: str, key_file: Path | None = None, small: str = "") -> Config:
    config = decode_config(f"""
[device]
id = "p"
[[pipeline]]
name = "door"
model = "{model}"
{small}
source = {{ kind = "synthetic" }}
""")
    path = None if key_file is None else str(key_file)
    return msgspec.structs.replace(config, models_key_file=path)


def test_what_home_assistant_and_sparkplug_are_told_of_is_signed_too(
    bundle: Path, keys: tuple[Path, Path], key: ModelKey
) -> None:
    (pipeline,) = pipelines(str(bundle)).pipeline
    with pytest.raises(BundleError, match="not signed"):
        describe_pipeline(pipeline, bundle.parents[1], 10, key)

    sign_bundle(bundle, keys[0])

    assert describe_pipeline(pipeline, bundle.parents[1], 10, key).labels == ("dark", "bright")


def test_a_newer_small_model_without_a_signature_is_told(
    bundle: Path, keys: tuple[Path, Path]
) -> None:
    models = bundle.parents[1]
    sign_bundle(bundle, keys[0])
    version(bundle, 2)

    own = models_passed_over(pipelines("brightness", keys[1]), models)
    small = models_passed_over(
        pipelines("brightness@1", keys[1], 'small_model = "brightness"'), models
    )

    assert own == small == {"door": ["brightness@2"]}
    assert models_passed_over(pipelines("brightness"), models) == {}
