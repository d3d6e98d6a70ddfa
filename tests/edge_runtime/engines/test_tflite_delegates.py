"""Delegates of LiteRT, one of them built here."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.tflite_delegates import acceleration, found_accelerators
from edge_runtime.engines.tflite_engine import TfliteEngine
from edge_runtime.errors import EngineError
from tests.edge_runtime.bundles import sum_bundle

pytestmark = pytest.mark.tflite

# A delegate that takes no operation, by the C interface of tflite/core/c/common.h.
DELEGATE = """#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
typedef struct { void *data; int (*prepare)(void *, void *); void *rest[4]; int64_t flags;
                 void *builder; } delegate_t;
static int prepare(void *context, void *delegate) { return 0; }
void *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void *report)
{
    delegate_t *made = calloc(1, sizeof(delegate_t));
    made->prepare = prepare;
    return made;
}
void tflite_plugin_destroy_delegate(void *delegate) { free(delegate); }
"""


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    return (sum_bundle(tmp_path) / "model.tflite").read_bytes()


def _total(engine: TfliteEngine) -> float:
    return float(engine.run({"x": np.array([[1.5, -4.0]], np.float32)})["y"][0, 0])


@pytest.mark.parametrize("accelerator", ["xnnpack", "cpu"])
def test_kernels_with_and_without_xnnpack(model: bytes, accelerator: str) -> None:
    engine = TfliteEngine(model, EngineSettings(1, accelerator))

    assert _total(engine) == -2.5
    assert engine.backend == f"litert-{accelerator}"


@pytest.mark.gcc
def test_a_delegate_is_loaded_by_its_path(model: bytes, tmp_path: Path) -> None:
    (tmp_path / "delegate.c").write_text(DELEGATE)
    library = tmp_path / "delegate.so"
    command = ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "delegate.c")]
    subprocess.run(command, check=True)

    engine = TfliteEngine(model, EngineSettings(1, "delegate", library))

    assert _total(engine) == -2.5
    assert engine.backend == "litert-delegate"


@pytest.mark.parametrize("accelerator", ["edgetpu", "delegate"])
def test_a_library_that_is_not_there_is_an_error(
    model: bytes, accelerator: str, tmp_path: Path
) -> None:
    settings = EngineSettings(1, accelerator, tmp_path / "libedgetpu.so.1")

    with pytest.raises(EngineError, match=rf"{accelerator}: .*libedgetpu\.so\.1 cannot be loaded"):
        TfliteEngine(model, settings)


def test_what_is_not_known_or_incomplete_is_said(model: bytes) -> None:
    with pytest.raises(EngineError, match="'warp', allowed are xnnpack, cpu, edgetpu, delegate"):
        TfliteEngine(model, EngineSettings(1, "warp"))
    with pytest.raises(EngineError, match="needs its `library`"):
        TfliteEngine(model, EngineSettings(1, "delegate"))


def test_an_old_interpreter_cannot_be_told() -> None:
    with pytest.raises(EngineError, match="cannot be told cpu"):
        acceleration(object(), EngineSettings(1, "cpu"))


def test_what_needs_no_path_is_found() -> None:
    assert found_accelerators()[:2] == ["xnnpack", "cpu"]
