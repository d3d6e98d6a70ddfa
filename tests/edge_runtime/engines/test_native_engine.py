"""The exported C as an engine."""

import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_runtime.engines.native_library import NativeLibrary
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine, model_digest
from edge_runtime.errors import EngineError
from edge_runtime.manifest import load_bundle
from edge_runtime.worker.self_test import run_self_test
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle
from tests.edge_runtime.engines.native import build_native

pytestmark = [pytest.mark.gcc, pytest.mark.tflite]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sum_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def library(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_native(bundle, tmp_path_factory.mktemp("native"))


def _settings(library: Path | None, accelerator: str | None = None) -> EngineSettings:
    return EngineSettings(threads=1, accelerator=accelerator, library=library)


def test_it_passes_the_bundles_self_test_and_predicts(bundle: Path, library: Path) -> None:
    manifest = load_bundle(bundle)
    engine = load_engine("native", manifest, bundle, _settings(library))

    outputs = engine.run({"x": np.array([[1.5, -4.0]], np.float32)})

    assert run_self_test(engine, manifest, bundle) == 0
    assert outputs["y"].tolist() == [[-2.5]]
    assert (engine.name, engine.backend) == ("native", "c-native")
    assert model_digest("native", manifest) == NativeLibrary(library).model_sha256


def test_a_wrong_input_is_an_engine_error(bundle: Path, library: Path) -> None:
    engine = load_engine("native", load_bundle(bundle), bundle, _settings(library))

    with pytest.raises(EngineError, match="no input 'x'"):
        engine.run({})
    with pytest.raises(EngineError, match=r"inputs of \(3,\) codes, expected \(2,\)"):
        engine.run({"x": np.zeros((1, 3), np.float32)})


def test_another_models_library_is_refused(library: Path, tmp_path: Path) -> None:
    bundle = brightness_bundle(tmp_path)

    with pytest.raises(EngineError, match="the library is of TFLite file"):
        load_engine("native", load_bundle(bundle), bundle, _settings(library))


def test_tensors_of_other_sizes_are_refused(bundle: Path, library: Path) -> None:
    manifest = load_bundle(bundle)
    wider = msgspec.structs.replace(manifest.inputs[0], shape=(1, 5))

    with pytest.raises(EngineError, match=r"inputs of \(2,\) codes, the manifest says \(5,\)"):
        load_engine(
            "native", msgspec.structs.replace(manifest, inputs=(wider,)), bundle, _settings(library)
        )


def test_what_is_not_named_or_not_taken_is_said(bundle: Path, library: Path) -> None:
    manifest = load_bundle(bundle)

    with pytest.raises(EngineError, match="names no `library`"):
        load_engine("native", manifest, bundle, _settings(None))
    with pytest.raises(EngineError, match="accelerator 'cuda', allowed is none"):
        load_engine("native", manifest, bundle, _settings(library, "cuda"))


def test_a_file_that_others_can_write_is_refused(library: Path, tmp_path: Path) -> None:
    copy = tmp_path / "net.so"
    copy.write_bytes(library.read_bytes())
    copy.chmod(0o666)

    with pytest.raises(EngineError, match="mode 0666 of user"):
        NativeLibrary(copy)


def test_links_and_missing_files_are_refused(library: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.so"
    link.symlink_to(library)

    with pytest.raises(EngineError, match="not a plain file"):
        NativeLibrary(link)
    with pytest.raises(EngineError, match="No such file"):
        NativeLibrary(tmp_path / "gone.so")


def _compile(folder: Path, text: str) -> Path:
    (folder / "other.c").write_text(text)
    path = folder / "other.so"
    command = ["gcc", "-shared", "-fPIC", "-o", str(path), str(folder / "other.c")]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o755)
    return path


def test_a_library_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    path = _compile(tmp_path, "int nothing;\n")

    with pytest.raises(EngineError, match="undefined symbol: edge_model_abi"):
        NativeLibrary(path)
    text = tmp_path / "text.so"
    text.write_bytes(b"no library")
    with pytest.raises(EngineError, match=r"text\.so: .*too short"):
        NativeLibrary(text)


OTHER = """#include <stdint.h>
static int8_t data;
uint32_t edge_model_abi(void) { return ABI; }
const char *edge_model_sha256(void) { return "00"; }
uint32_t edge_model_input_count(void) { return 1; }
uint32_t edge_model_output_count(void) { return 1; }
int8_t *edge_model_input(uint32_t i, uint32_t *size) { *size = 1; return &data; }
const int8_t *edge_model_output(uint32_t i, uint32_t *size) { *size = 1; return &data; }
void edge_model_run(void) {}
int32_t edge_model_selftest(void) { return 3; }
"""


@pytest.mark.parametrize(
    ("abi", "words"), [("2", "interface 2, allowed is 1"), ("1", "self-test differs at byte 3")]
)
def test_another_interface_and_a_failed_self_test_are_refused(
    tmp_path: Path, abi: str, words: str
) -> None:
    path = _compile(tmp_path, OTHER.replace("ABI;", f"{abi};"))

    with pytest.raises(EngineError, match=words):
        NativeLibrary(path)
