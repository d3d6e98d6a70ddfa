"""What is returned: scores are kept, the labels that classic models add to them are not."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx

from quantize.load.onnx_file import ML_DOMAIN, domain_of

LABEL_OPERATORS = frozenset(["ArgMax", "ArrayFeatureExtractor", "LinearClassifier"])


@dataclass(frozen=True, slots=True)
class Returned:
    """What a model returns.

    Attributes:
        sources: By output name, the tensor that holds it (another one behind a ZipMap).
        nodes: The nodes that are needed for that, in order.
        problems: Of outputs that we cannot return.
    """

    sources: Mapping[str, str]
    nodes: tuple[onnx.NodeProto, ...]
    problems: tuple[str, ...]


def read_outputs(graph: onnx.GraphProto) -> Returned:
    """Return what is kept of a model's outputs, and the nodes that make it."""
    makers = {name: node for node in graph.node for name in node.output}
    sources: dict[str, str] = {}
    problems = []
    for value in graph.output:
        maker = makers.get(value.name)
        if maker is not None and maker.op_type == "ZipMap":
            sources[value.name] = maker.input[0]
        elif _is_float(value):
            sources[value.name] = value.name
        elif not _is_label(value.name, makers) or len(graph.output) == 1:
            problems.append(f"output {value.name}: is no float32 tensor; return the scores instead")
    if not sources and not problems:
        problems.append("the model returns nothing")
    return Returned(sources, _needed(graph, list(sources.values())), tuple(problems))


def zip_map_labels(graph: onnx.GraphProto) -> onnx.NodeProto | None:
    """Return the ZipMap or LinearClassifier that names the classes, None if there is none."""
    kinds = ("ZipMap", "LinearClassifier")
    named = [node for node in graph.node if domain_of(node) == ML_DOMAIN and node.op_type in kinds]
    return named[0] if named else None


def _is_float(value: onnx.ValueInfoProto) -> bool:
    kinds = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16}
    return value.type.WhichOneof("value") == "tensor_type" and (
        value.type.tensor_type.elem_type in kinds
    )


def _is_label(name: str, makers: Mapping[str, onnx.NodeProto]) -> bool:
    """Tell whether the tensor says which class won, which the scores say too."""
    while name in makers:
        node = makers[name]
        if node.op_type in LABEL_OPERATORS:
            return True
        if node.op_type not in {"Cast", "Identity", "Reshape"}:
            return False
        name = node.input[0]
    return False


def _needed(graph: onnx.GraphProto, names: list[str]) -> tuple[onnx.NodeProto, ...]:
    wanted = set(names)
    kept = []
    for node in reversed(graph.node):  # ONNX sorts nodes: readers come behind makers
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return tuple(reversed(kept))
