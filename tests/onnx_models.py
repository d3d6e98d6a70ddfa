"""ONNX models made by hand, and ONNX Runtime as the judge of what we read in them."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array, FloatGraph
from quantize.load.loaded import LoadedModel
from quantize.load.onnx_model import load_onnx
from quantize.passes.simplify import simplify

TOLERANCE = 1e-5  # of the greatest output
BATCH = 3


def onnx_bytes(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    constants: Mapping[str, Array] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
) -> bytes:
    """Return a model of float inputs and outputs; an input's first size is usually "N"."""
    fed = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in inputs.items()]
    made = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in outputs]
    known = [onnx.numpy_helper.from_array(value, n) for n, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "made", fed, made, known)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    inferred = onnx.shape_inference.infer_shapes(model)
    for value in inferred.graph.output:
        if not value.type.tensor_type.HasField("shape"):  # ONNX-ML infers little: rows and columns
            value.CopyFrom(helper.make_tensor_value_info(value.name, 1, [None, None]))
    return inferred.SerializeToString()


def node(kind: str, inputs: str, output: str = "y", **attributes: object) -> onnx.NodeProto:
    """Return a node; the inputs' names are separated by spaces, "-" is one left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    domain = "ai.onnx.ml" if kind in ML_OPERATORS else ""
    return helper.make_node(kind, names, output.split(), output, domain=domain, **attributes)


ML_OPERATORS = {
    "ArrayFeatureExtractor",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "Scaler",
    "ZipMap",
}


def floats(*shape: int, seed: int = 0) -> Array:
    """Return normal values."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def integers(*values: int) -> Array:
    """Return what ONNX takes for shapes and axes."""
    return np.array(values, np.int64)


def assert_reads_as_onnxruntime_runs(data: bytes, batch: int = BATCH) -> FloatGraph:
    """Return the simplified graph after comparing it, and the graph as read, with ONNX Runtime."""
    loaded = load_onnx(data, "made")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    feeds = {
        value.name: floats(*(batch if isinstance(d, str) else d for d in value.shape), seed=index)
        for index, value in enumerate(session.get_inputs())
    }
    expected = session.run(list(loaded.graph.outputs), feeds)
    simple = simplify(loaded.graph)
    for graph in (loaded.graph, simple):
        _assert_close(loaded, graph, feeds, expected)
    return simple


def kinds(graph: FloatGraph) -> list[str]:
    """Return the names of the operations in order."""
    return [type(operation).__name__ for operation in graph.operations]


def _assert_close(
    loaded: LoadedModel, graph: FloatGraph, feeds: Mapping[str, Array], expected: Sequence[Array]
) -> None:
    permuted = {n: _permute(value, loaded.input_permutations.get(n)) for n, value in feeds.items()}
    results = execute_float(graph, permuted)
    for name, wanted in zip(graph.outputs, expected, strict=True):
        reference = _permute(np.asarray(wanted), loaded.output_permutations.get(name))
        assert results[name].shape == reference.shape
        bound = TOLERANCE * max(1.0, float(np.abs(reference).max()))
        assert np.abs(results[name] - reference).max() <= bound


def _permute(value: Array, permutation: tuple[int, ...] | None) -> Array:
    return value if permutation is None else value.transpose(permutation)
