"""ArgMax, whose output is an index without a scale: in every executor, in both files, in C."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from firmware_export.errors import UnsupportedForCError
from firmware_export.export import export_model
from firmware_export.model_file import Model, load_model
from firmware_export.output import write_directory
from firmware_export.package.kinds import PACKAGES
from firmware_export.target import TARGETS
from firmware_export.verify import verify_export
from quantize.calibrate.open_data import DataSettings
from quantize.compare.comparison import compare_models
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import _packed, emit_tflite
from quantize.errors import UnsupportedModelError
from quantize.executors import Kernels, OnnxRunner
from quantize.ir.interpreter import execute
from quantize.load.onnx_qdq import load_qdq_onnx
from quantize.load.tflite_model import load_float_tflite, load_int8_tflite
from quantize.report.codes import reals_by_name
from tests.agreement.litert_reference import run_emitted, run_reference
from tests.firmware_export.int_graphs import index_graph
from tests.models import random_inputs

pytestmark = [pytest.mark.tflite, pytest.mark.ort]
GRAPH = index_graph()


def _exported(package: str) -> dict[str, bytes]:
    model = Model("m", GRAPH, "0" * 64)
    kind = PACKAGES[package]
    return dict(
        export_model(model, TARGETS["host"], package=kind.files, vectors=2, prefix="net").files
    )


def _file(*, output_type: str = "INT32", axis: int = -1) -> bytes:
    """Return the graph's TFLite file as other converters write it: another type, another axis."""
    model = schema.ModelT.InitFromPackedBuf(emit_tflite(GRAPH), 0)
    (part,) = model.subgraphs
    (operator,) = (op for op in part.operators if op.builtinOptionsType == _ARG_MAX_OPTIONS)
    number = getattr(schema.TensorType, output_type)
    operator.builtinOptions.outputType = part.tensors[operator.outputs[0]].type = number
    buffer = model.buffers[part.tensors[operator.inputs[1]].buffer]
    buffer.data = np.frombuffer(np.array(axis, "<i4").tobytes(), np.uint8)
    return _packed(model)


_ARG_MAX_OPTIONS = schema.BuiltinOptions.ArgMaxOptions


def test_litert_and_onnx_runtime_give_the_interpreters_index(rng: np.random.Generator) -> None:
    inputs = random_inputs(GRAPH, rng, 6)

    wanted = execute(GRAPH, inputs)["best"]

    assert (wanted.dtype, wanted.shape) == (np.int32, (6, 5, 7))
    assert set(np.unique(wanted)) == {0, 1, 2}
    np.testing.assert_array_equal(run_emitted(GRAPH, inputs)["best"], wanted)
    found = OnnxRunner(emit_qdq_onnx(GRAPH))(reals_by_name(GRAPH, inputs))["best"]
    assert found.dtype == np.int32
    assert np.mean(found != wanted) < 0.02  # where two scores are a rounding of float32 apart


def test_both_files_are_read_back() -> None:
    assert load_int8_tflite(emit_tflite(GRAPH), "index") == GRAPH
    assert load_qdq_onnx(emit_qdq_onnx(GRAPH), "index") == GRAPH


def test_an_index_of_int64_as_tensorflow_makes_it_is_read_as_int32(
    rng: np.random.Generator,
) -> None:
    data, inputs = _file(output_type="INT64"), random_inputs(GRAPH, rng, 3)

    graph = load_int8_tflite(data, "index")

    assert graph == GRAPH
    np.testing.assert_array_equal(
        run_reference(data, GRAPH, inputs)["best"], execute(graph, inputs)["best"]
    )


def test_another_axis_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedModelError, match=r"best \(ARG_MAX\) is along axis \(1,\) of 4"):
        load_int8_tflite(_file(axis=1), "index")


def test_a_float_model_is_told_to_end_before_it() -> None:
    model = schema.ModelT.InitFromPackedBuf(emit_tflite(GRAPH), 0)
    (part,) = model.subgraphs
    part.operators = part.operators[1:]
    part.inputs = [part.operators[0].inputs[0]]
    part.tensors[part.inputs[0]].type = schema.TensorType.FLOAT32

    with pytest.raises(UnsupportedModelError, match="makes an index; end a float model before it"):
        load_float_tflite(_packed(model), "index")


@pytest.mark.gcc
def test_the_c_has_an_int32_and_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "index.tflite").write_bytes(emit_tflite(GRAPH))
    write_directory(tmp_path / "net", _exported("cmake"))

    header = (tmp_path / "net" / "net.h").read_text()
    record = verify_export(tmp_path / "net")

    assert "const int32_t *net_output_best(void);" in header
    assert "#define NET_OUTPUT_BEST_COUNT 35" in header
    assert "NET_OUTPUT_BEST_SCALE" not in header
    assert (record.vectors, record.differing_bytes) == (2, 0)
    assert load_model(tmp_path / "index.tflite").graph == GRAPH


@pytest.mark.gcc
def test_models_with_an_index_can_be_compared(tmp_path: Path) -> None:
    (tmp_path / "index.tflite").write_bytes(emit_tflite(GRAPH))
    (tmp_path / "index.onnx").write_bytes(emit_qdq_onnx(GRAPH))
    write_directory(tmp_path / "net", _exported("cmake"))
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(1).normal(size=(9, 5, 7, 2)))

    in_c, in_onnx = (
        compare_models(
            (tmp_path / "index.tflite", tmp_path / other),
            tmp_path / "x.npz",
            DataSettings(),
            lambda *_: None,
            kernels=Kernels.REFERENCE,
        )
        for other in ("net", "index.onnx")
    )

    assert in_c.output.max_lsb == 0
    assert {one.name: one.max_abs for one in in_onnx.operations}["best"] == 0.0


@pytest.mark.parametrize("package", ["micropython", "shared-object"])
def test_packages_of_bytes_refuse_an_index_by_name(package: str) -> None:
    with pytest.raises(UnsupportedForCError, match=f"best: int32, {package} takes int8"):
        _exported(package)
