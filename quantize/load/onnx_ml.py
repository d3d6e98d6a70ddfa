"""The linear part of ONNX-ML, as skl2onnx writes it: layers, scalers, and scores per class."""

import numpy as np

from quantize.ir.graph import Array
from quantize.ir.ops import Add, FullyConnected, Logistic, Mul, Operation, Softmax
from quantize.load.onnx_activations import logistic, softmax
from quantize.load.onnx_arithmetic import combine_constant
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_dense import connect
from quantize.load.onnx_layout import View
from quantize.load.onnx_node import Node, UnsupportedNodeError


def load_scaler(node: Node, builder: GraphBuilder) -> View:
    """Read Scaler, (x - offset) * scale; a pass folds it into the layer behind it."""
    offset, scale = node.numbers("offset"), node.numbers("scale")
    shifted = combine_constant(Add, node.view(), -offset, f"{node.output}/shifted", builder)
    return combine_constant(Mul, shifted, scale, node.output, builder)


def load_normalizer(node: Node, builder: GraphBuilder) -> View:
    """Read a Normalizer to sum 1 of what already has that sum; no other can be folded."""
    norm = node.text("norm", "MAX")
    if norm == "L1" and _sums_to_one(node.view(), builder):
        return node.view()
    raise UnsupportedNodeError(
        f"norm {norm} divides every row by its own norm, which no layer can take in; "
        "normalize before the model (of one-vs-rest classes: train a multinomial model)"
    )


def load_linear_regressor(node: Node, builder: GraphBuilder) -> View:
    """Read LinearRegressor as a fully connected layer."""
    post = node.text("post_transform", "NONE")
    if post != "NONE":
        raise UnsupportedNodeError(f"post_transform {post}; only NONE is supported")
    weight, bias = _layer(node)
    return connect(node.view(), weight, bias, node.output, builder)


def load_linear_classifier(node: Node, builder: GraphBuilder) -> View:
    """Read the scores of LinearClassifier; its label is the class with the greatest of them."""
    labels = class_labels(node)
    weight, bias = _layer(node)
    name, post = node.outputs[1], node.text("post_transform", "NONE")
    if len(weight) == 1 and len(labels) == 2:
        weight, bias = _two_rows(weight, bias, post)
    inner = name if post == "NONE" else f"{name}/scores"
    scores = connect(node.view(), weight, bias, inner, builder)
    match post:
        case "NONE":
            return scores
        case "LOGISTIC":
            return logistic(scores, name, builder)
        case "SOFTMAX":
            return softmax(scores, 1, name, builder)
        case _:
            raise UnsupportedNodeError(
                f"post_transform {post}; only NONE, LOGISTIC and SOFTMAX are supported"
            )


def load_feature_extractor(node: Node, builder: GraphBuilder) -> View:
    """Read ArrayFeatureExtractor of rows: a layer that picks columns; a pass merges it away."""
    view, columns = node.view(0), node.constant(1).astype(np.int64).ravel()
    features = view.shape[-1]
    if len(view.shape) != 2 or not np.isin(columns, range(features)).all():
        raise UnsupportedNodeError(f"columns {columns.tolist()} of an input {view.shape}")
    return connect(view, np.eye(features)[columns], None, node.output, builder)


def class_labels(node: Node) -> tuple[str, ...]:
    """Return the names of the classes that a LinearClassifier or a ZipMap carries."""
    for attribute in ("classlabels_strings", "classlabels_ints", "classlabels_int64s"):
        if labels := node.texts(attribute):
            return labels
    return ()


def _layer(node: Node) -> tuple[Array, Array | None]:
    """Return the weight (rows, features) and, where there is one, the bias (rows,)."""
    coefficients, intercepts = node.numbers("coefficients"), node.numbers("intercepts")
    features = node.view().shape[-1]
    if not coefficients.size or coefficients.size % features:
        raise UnsupportedNodeError(f"{coefficients.size} coefficients for {features} features")
    weight = coefficients.reshape(-1, features)
    if intercepts.size not in {0, len(weight)}:
        raise UnsupportedNodeError(f"{intercepts.size} intercepts for {len(weight)} rows")
    return weight, intercepts if intercepts.size else None


def _two_rows(weight: Array, bias: Array | None, post: str) -> tuple[Array, Array | None]:
    """Return the rows of both classes where only that of the second is given."""
    if post != "LOGISTIC":
        raise UnsupportedNodeError(
            f"one row of coefficients for two classes with post_transform {post}; "
            "only LOGISTIC is supported"
        )
    both = np.concatenate([-weight, weight])
    return both, None if bias is None else np.concatenate([-bias, bias])


def _sums_to_one(view: View, builder: GraphBuilder) -> bool:
    maker = _maker(view.tensor, builder)
    if not isinstance(maker, Logistic):
        return isinstance(maker, Softmax)
    layer = _maker(maker.input, builder)
    return isinstance(layer, FullyConnected) and _has_opposite_rows(layer, builder)


def _maker(tensor: str, builder: GraphBuilder) -> Operation | None:
    return next((op for op in builder.operations if op.output == tensor), None)


def _has_opposite_rows(layer: FullyConnected, builder: GraphBuilder) -> bool:
    """Tell whether the layer makes -z and z, whose logistics are the shares of two classes."""
    parts = [builder.constants[name] for name in (layer.weight, layer.bias) if name is not None]
    return all(len(part) == 2 and np.array_equal(part[0], -part[1]) for part in parts)
