"""Nodes whose inputs are all known at load, computed by ONNX's own reference implementation."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from quantize.ir.graph import Array
from quantize.load.onnx_node import UnsupportedNodeError

MAX_ELEMENTS = 1 << 28

FOLDABLE = frozenset(
    {
        "Add",
        "Cast",
        "Ceil",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Div",
        "Equal",
        "Exp",
        "Expand",
        "Flatten",
        "Floor",
        "Gather",
        "Identity",
        "MatMul",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Pow",
        "Range",
        "Reciprocal",
        "ReduceProd",
        "ReduceSum",
        "Reshape",
        "Shape",
        "Size",
        "Slice",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)


def fold(
    node: onnx.NodeProto, inputs: Mapping[str, Array], opset: Mapping[str, int]
) -> Sequence[Array]:
    """Return the outputs of a node, given its inputs by name.

    Raises:
        UnsupportedNodeError: The reference implementation cannot compute it, or it is huge.
    """
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415  # 11 MB that few models need

    _refuse_huge(node, inputs)
    feeds = {
        name: onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(values.dtype), values.shape
        )
        for name, values in inputs.items()
    }
    made = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = onnx.helper.make_graph([node], "constant", list(feeds.values()), made)
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opset.items()]
    try:
        evaluator = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=imports))
        results = evaluator.run(None, dict(inputs))
    except Exception as error:  # the reference implementation raises whatever numpy does
        raise UnsupportedNodeError(f"its constant cannot be computed: {error}") from error
    return [np.asarray(result) for result in results]


def _refuse_huge(node: onnx.NodeProto, inputs: Mapping[str, Array]) -> None:
    """Refuse nodes that make much of little, by the sizes they are told."""
    if node.op_type not in {"ConstantOfShape", "Expand", "Tile", "Range"}:
        return
    sizes = inputs[node.input[-1]].astype(np.float64)
    bound = float(np.prod(np.maximum(np.abs(sizes), 1.0)))
    if node.op_type == "Tile":
        bound *= inputs[node.input[0]].size
    if node.op_type == "Range":
        start, limit, delta = (float(inputs[name]) for name in node.input)
        bound = abs(limit - start) / abs(delta) if delta else np.inf
    if bound > MAX_ELEMENTS:
        raise UnsupportedNodeError(f"makes a constant of {bound:.0f} values")
