"""Our QDQ files: read back equal, run by ONNX Runtime as the interpreter says, fused, small."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.emit.onnx_qdq import CODES_SUFFIX, METADATA_KEY, emit_qdq_onnx
from quantize.executors import OnnxRunner
from quantize.ir.graph import Array, IntGraph, Profile
from quantize.ir.integer_params import CODE_MIN, quant_of
from quantize.ir.interpreter import execute, trace
from quantize.ir.ops import LogSoftmax, Softmax
from quantize.ir.spec import LOG_SOFTMAX_OUTPUT, SOFTMAX_OUTPUT
from quantize.load.onnx_qdq import load_qdq_onnx
from tests.models import int8, int_graph, quant, random_inputs, tiny_classifier, with_profile
from tests.strategies import SINGLE_OPERATION_GRAPHS, single_operation_graphs

# TFLite gives log softmax's least code, -16, below a logit of -31 times the mantissa of the input's
# scale. The earliest that a code can say is -249/16, of the scale 1/16: 6 codes above the least.
CUT_CODES = {"log softmax": 6}


def real(graph: IntGraph, codes: dict[str, Array]) -> dict[str, Array]:
    """Return the float values of codes, which QuantizeLinear turns into the same codes."""
    values = {}
    for name, array in codes.items():
        quant = quant_of(graph, name)
        steps = array.astype(np.float32) - np.float32(quant.zero_point)
        values[name] = steps * np.float32(quant.scale[0])
    return values


def onnx_codes(graph: IntGraph, codes: dict[str, Array], *, optimize: bool = True) -> Array:
    (name,) = graph.outputs
    runner = OnnxRunner(emit_qdq_onnx(graph, [name]), optimize=optimize)
    return runner(real(graph, codes))[name + CODES_SUFFIX]


@settings(max_examples=120, deadline=None)
@given(single_operation_graphs())
def test_reading_a_file_back_gives_the_graph_it_was_printed_from(graph: IntGraph) -> None:
    data = emit_qdq_onnx(graph)

    loaded = load_qdq_onnx(data, "file")

    assert loaded == graph
    assert emit_qdq_onnx(loaded) == data


@pytest.mark.ort
@pytest.mark.parametrize("kind", sorted(SINGLE_OPERATION_GRAPHS))
def test_onnx_runtime_is_within_one_code_of_the_interpreter(kind: str) -> None:
    @settings(max_examples=12, deadline=None)
    @given(SINGLE_OPERATION_GRAPHS[kind](), st.integers(0, 2**32 - 1))
    def check(graph: IntGraph, seed: int) -> None:
        codes = random_inputs(graph, np.random.default_rng(seed), 3)
        expected = execute(graph, codes)[graph.outputs[0]].astype(np.int32)

        found = onnx_codes(graph, codes)

        is_cut = (expected == CODE_MIN) & (found <= CODE_MIN + CUT_CODES.get(kind, 0))
        assert (is_cut | (np.abs(found - expected) <= 1)).all()

    check()


@pytest.mark.ort
def test_log_softmax_is_cut_off_where_docs_numerics_says() -> None:
    tensors = {"x": int8((1, 2), quant(1 / 16)), "y": int8((1, 2), LOG_SOFTMAX_OUTPUT)}
    graph = int_graph([LogSoftmax("x", "y")], tensors, {}, ["y"])
    lower = np.arange(-128, 127, dtype=np.int8).reshape(-1, 1)
    codes = {"x": np.concatenate([np.full_like(lower, 127), lower], axis=1)}
    expected = execute(graph, codes)["y"].astype(np.int32)

    apart = (onnx_codes(graph, codes) - expected)[:, 1]

    assert apart.max() == CUT_CODES["log softmax"]
    assert (expected[apart > 1, 1] == CODE_MIN).all()


def test_a_whole_network_reads_back_equal() -> None:
    graph = tiny_classifier()

    assert load_qdq_onnx(emit_qdq_onnx(graph), "tiny") == graph


def test_the_profile_survives() -> None:
    graph = with_profile(tiny_classifier(), Profile.LITERT)

    assert load_qdq_onnx(emit_qdq_onnx(graph), "tiny").profile is Profile.LITERT


@pytest.mark.ort
def test_every_layer_of_a_network_is_within_one_code_of_the_interpreter() -> None:
    graph = tiny_classifier()
    codes = random_inputs(graph, np.random.default_rng(5), 8)
    names = [operation.output for operation in graph.operations]
    exposed = OnnxRunner(emit_qdq_onnx(graph, names))(real(graph, codes))
    values = trace(graph, codes)

    for operation in graph.operations[:2]:  # further ones inherit differences
        found = exposed[operation.output + CODES_SUFFIX].astype(np.int32)
        assert np.abs(found - values[operation.output]).max() <= 1


def test_equal_graphs_give_equal_bytes() -> None:
    assert emit_qdq_onnx(tiny_classifier()) == emit_qdq_onnx(tiny_classifier())


def test_the_file_is_opset_17_with_float_in_and_out_and_a_free_batch() -> None:
    model = onnx.load_model_from_string(emit_qdq_onnx(tiny_classifier()))

    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8
    assert [entry.version for entry in model.opset_import] == [17]
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        assert value.type.tensor_type.shape.dim[0].dim_param == "N"


def test_per_tensor_scales_have_no_axis_and_weights_are_int8() -> None:
    model = onnx.load_model_from_string(emit_qdq_onnx(tiny_classifier()))
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}

    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            assert list(initializers[node.input[1]].dims) == []
            assert list(initializers[node.input[2]].dims) == []
    kinds = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
    assert kinds == {onnx.TensorProto.INT8}


@pytest.mark.ort
def test_onnx_runtime_fuses_everything(tmp_path: Path) -> None:
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    onnxruntime.InferenceSession(emit_qdq_onnx(tiny_classifier()), options)

    optimized = onnx.load(tmp_path / "optimized.onnx")
    kinds = [node.op_type for node in optimized.graph.node]
    assert kinds.count("QuantizeLinear") == 1
    assert kinds.count("DequantizeLinear") == 1
    assert {"Conv", "Gemm", "Add", "Softmax"}.isdisjoint(kinds)


def test_public_names_that_look_like_ours_are_evaded() -> None:
    tensors = {"q0": int8((1, 4), quant(0.1)), "qq1": int8((1, 4), SOFTMAX_OUTPUT)}
    graph = int_graph([Softmax("q0", "qq1")], tensors, {}, ["qq1"])

    model = onnx.load_model_from_string(emit_qdq_onnx(graph))

    made = [name for node in model.graph.node for name in node.output]
    assert len(set(made)) == len(made)
    assert load_qdq_onnx(emit_qdq_onnx(graph), "tiny") == graph


def test_metadata_is_compact() -> None:
    model = onnx.load_model_from_string(emit_qdq_onnx(tiny_classifier()))
    (entry,) = model.metadata_props

    assert entry.key == METADATA_KEY
    assert ", " not in entry.value


@pytest.mark.ort
def test_all_of_a_residual_network_is_fused_though_tensors_have_two_readers(
    tmp_path: Path,
) -> None:
    graph = tiny_classifier()
    (tmp_path / "net.onnx").write_bytes(emit_qdq_onnx(graph))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    options.log_severity_level = 3

    onnxruntime.InferenceSession(tmp_path / "net.onnx", options)

    kinds = {node.op_type for node in onnx.load(tmp_path / "fused.onnx").graph.node}
    assert {"QLinearConv", "QLinearAdd"} <= kinds
    assert not {"Conv", "Add", "Gemm", "MatMul", "Softmax"} & kinds
