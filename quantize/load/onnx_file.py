"""Bytes to a sound ONNX model: parsed, checked, its batch fixed at 1, its shapes inferred."""

from collections.abc import Iterator

import onnx
from google.protobuf.message import (  # type: ignore[import-untyped]  # comes with onnx, no stubs
    DecodeError,
)

from quantize.errors import ModelError, UnsupportedModelError

OLDEST_OPSET = 13
OLDEST_STABLE_OPSET = 7
STABLE_OPERATORS = frozenset(  # these mean the same since opset 7
    {
        "Add",
        "Cast",
        "Concat",
        "Div",
        "Flatten",
        "Gemm",
        "Identity",
        "MatMul",
        "Mul",
        "Neg",
        "Relu",
        "Reshape",
        "Shape",
        "Sigmoid",
        "Sub",
        "Tanh",
        "Transpose",
    }
)
ML_DOMAIN = "ai.onnx.ml"


def read_model(data: bytes, name: str) -> onnx.ModelProto:
    """Return the model with free batch dimensions set to 1 and shapes written down.

    Raises:
        ModelError: The bytes are no ONNX model, or the model contradicts itself.
        UnsupportedModelError: Its values lie in other files, or its opset is not supported.
    """
    model = _parse(data, name)
    _refuse_external_data(model, name)
    _check(model, name)
    if problems := [*_opset_problems(model)]:
        raise UnsupportedModelError(name, problems)
    return model


def infer_shapes(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return the model with the shape of every tensor that ONNX can tell.

    Raises:
        ModelError: The shapes contradict each other.
    """
    is_strict = all(not domain_of(node) for node in model.graph.node)  # ONNX-ML infers little
    try:
        return onnx.shape_inference.infer_shapes(model, strict_mode=is_strict, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise ModelError(f"{name}: shapes contradict each other: {_line(error)}") from error


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    """Return the version of each domain; ONNX's own domain is ""."""
    return {_domain(entry.domain): entry.version for entry in model.opset_import}


def domain_of(node: onnx.NodeProto) -> str:
    """Return the domain of a node; ONNX's own is ""."""
    return _domain(node.domain)


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _parse(data: bytes, name: str) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelError(f"{name}: not an ONNX model, or truncated ({len(data)} bytes)") from error
    if not model.ir_version or not model.graph.node:
        raise ModelError(f"{name}: not an ONNX model, or without any node ({len(data)} bytes)")
    return model


def _refuse_external_data(model: onnx.ModelProto, name: str) -> None:
    external = [
        tensor.name
        for tensor in _tensors(model.graph)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    ]
    if external:
        problem = (
            f"{external[0]} and {len(external) - 1} more: values lie in another file; "
            "save the model as one file (onnx.save without external data)"
        )
        raise UnsupportedModelError(name, [problem])


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _tensors(attribute.g)


def _check(model: onnx.ModelProto, name: str) -> None:
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise ModelError(f"{name}: ONNX's checker refuses it: {_line(error)}") from error


def _opset_problems(model: onnx.ModelProto) -> Iterator[str]:
    version = opsets(model).get("", OLDEST_OPSET)
    newest = onnx.defs.onnx_opset_version()
    if version > newest:
        yield f"opset {version}: the installed onnx knows up to {newest}; export with that opset"
    used = {node.op_type for node in model.graph.node if not domain_of(node)}
    is_stable = version >= OLDEST_STABLE_OPSET and used <= STABLE_OPERATORS
    if version < OLDEST_OPSET and not is_stable:
        yield (
            f"opset {version}: supported are {OLDEST_OPSET} to {newest}; "
            "export again, or use onnx.version_converter"
        )


def _line(error: Exception) -> str:
    """Return the first line of a message that may have many."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
