import json
from pathlib import Path

import numpy as np
import pytest

from quantize.compare.exported_c import build_exported_c, is_export
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import DataError, ModelError
from quantize.ir.interpreter import execute
from tests.models import tiny_classifier
from tests.quantize.compare.exporting import export_c

RECORD = {
    "schema": "edge.firmware/1",
    "prefix": "net",
    "files": ["net.c"],
    "inputs": [{"name": "x", "shape": [1, 2], "scale": 1.0, "zero_point": 0}],
    "outputs": [{"name": "y", "shape": [1, 2], "scale": 1.0, "zero_point": 0}],
}
DOUBLING = """#include <stdint.h>
int net_invoke(const int8_t *x, int8_t *y) { y[0] = 2 * x[0]; y[1] = 2 * x[1]; return 0; }
"""


def _export(folder: Path, code: str | None = DOUBLING, **changes: object) -> Path:
    (folder / "report.json").write_text(json.dumps(RECORD | changes))
    if code is not None:
        (folder / "net.c").write_text(code)
    return folder


@pytest.mark.gcc
def test_the_interpreters_codes_come_out_of_the_exporters_own_files(tmp_path: Path) -> None:
    graph = tiny_classifier()
    model = tmp_path / "net.tflite"
    model.write_bytes(emit_tflite(graph))
    inputs = {"image": np.random.default_rng(0).integers(-128, 128, (6, 8, 8, 3), np.int8)}
    inputs = {graph.inputs[0]: inputs["image"]}

    code = build_exported_c(export_c(model, tmp_path / "code"))

    found = code(inputs)
    assert list(found) == list(graph.outputs)
    np.testing.assert_array_equal(found[graph.outputs[0]], execute(graph, inputs)[graph.outputs[0]])
    assert code.outputs[0].kind == graph.tensors[graph.outputs[0]]


@pytest.mark.gcc
def test_each_sample_is_run_alone(tmp_path: Path) -> None:
    code = build_exported_c(_export(tmp_path))

    found = code({"x": np.array([[1, 2], [3, 4]], np.int8)})

    assert found["y"].tolist() == [[2, 4], [6, 8]]


@pytest.mark.gcc
def test_a_missing_input_is_named(tmp_path: Path) -> None:
    code = build_exported_c(_export(tmp_path))

    with pytest.raises(DataError, match="x: no such input among z"):
        code({"z": np.zeros((1, 2), np.int8)})


def test_an_export_is_a_directory_with_a_record(tmp_path: Path) -> None:
    assert not is_export(tmp_path)
    assert is_export(_export(tmp_path))
    assert not is_export(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "edge.report/1"}, "expected edge.firmware/1"),
        ({"prefix": "../net"}, "expected edge.firmware/1"),
        ({"outputs": []}, "export the model again"),
        ({"files": ["README.md"]}, "no net.c"),
        ({"files": ["../net.c"]}, "no net.c"),
        ({"files": 3}, "cannot be read"),
    ],
)
def test_records_that_mean_nothing_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_exported_c(_export(tmp_path, **changes))


@pytest.mark.gcc
def test_code_that_does_not_compile_is_refused_with_the_compilers_words(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.c: gcc refuses it: .*error"):
        build_exported_c(_export(tmp_path, "int net_invoke(;\n"))


@pytest.mark.gcc
def test_code_without_the_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net_invoke: not in net\.c"):
        build_exported_c(_export(tmp_path, "int other;\n"))


def test_without_a_compiler_what_to_install_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ModelError, match="gcc: not installed; install Debian packages"):
        build_exported_c(_export(tmp_path))
