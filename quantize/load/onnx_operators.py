"""Which function reads which ONNX operation, and what to do about those that none reads."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from quantize.load.onnx_activations import (
    load_log_softmax,
    load_logistic,
    load_lp_normalization,
    load_relu,
    load_softmax,
    load_tanh,
)
from quantize.load.onnx_arithmetic import (
    load_add,
    load_batch_normalization,
    load_div,
    load_mul,
    load_neg,
    load_sub,
    load_sum,
)
from quantize.load.onnx_builder import GraphBuilder
from quantize.load.onnx_conv import load_conv
from quantize.load.onnx_conv_transpose import load_conv_transpose
from quantize.load.onnx_dense import load_gemm, load_matmul
from quantize.load.onnx_file import ML_DOMAIN
from quantize.load.onnx_ml import (
    load_feature_extractor,
    load_linear_classifier,
    load_linear_regressor,
    load_normalizer,
    load_scaler,
)
from quantize.load.onnx_node import Node, Operand
from quantize.load.onnx_pool import (
    load_average_pool,
    load_global_average_pool,
    load_global_max_pool,
    load_max_pool,
    load_reduce_mean,
)
from quantize.load.onnx_rectifiers import (
    load_clip,
    load_hard_sigmoid,
    load_hard_swish,
    load_leaky_relu,
    load_max,
    load_min,
    load_prelu,
    load_swish,
)
from quantize.load.onnx_resize import (
    load_depth_to_space,
    load_resize,
    load_space_to_depth,
)
from quantize.load.onnx_shapes import (
    load_cast,
    load_concat,
    load_dropout,
    load_flatten,
    load_identity,
    load_pad,
    load_reshape,
    load_shape,
    load_squeeze,
    load_transpose,
    load_unsqueeze,
)
from quantize.load.onnx_slices import load_gather, load_slice, load_split

Handler: TypeAlias = Callable[[Node, GraphBuilder], Operand | tuple[Operand, ...]]

HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("", "Add"): load_add,
    ("", "AveragePool"): load_average_pool,
    ("", "BatchNormalization"): load_batch_normalization,
    ("", "Cast"): load_cast,
    ("", "Clip"): load_clip,
    ("", "Concat"): load_concat,
    ("", "Conv"): load_conv,
    ("", "ConvTranspose"): load_conv_transpose,
    ("", "DepthToSpace"): load_depth_to_space,
    ("", "Div"): load_div,
    ("", "Dropout"): load_dropout,
    ("", "Flatten"): load_flatten,
    ("", "Gather"): load_gather,
    ("", "Gemm"): load_gemm,
    ("", "GlobalAveragePool"): load_global_average_pool,
    ("", "GlobalMaxPool"): load_global_max_pool,
    ("", "HardSigmoid"): load_hard_sigmoid,
    ("", "HardSwish"): load_hard_swish,
    ("", "Identity"): load_identity,
    ("", "LeakyRelu"): load_leaky_relu,
    ("", "LogSoftmax"): load_log_softmax,
    ("", "LpNormalization"): load_lp_normalization,
    ("", "MatMul"): load_matmul,
    ("", "Max"): load_max,
    ("", "MaxPool"): load_max_pool,
    ("", "Min"): load_min,
    ("", "Mul"): load_mul,
    ("", "Neg"): load_neg,
    ("", "PRelu"): load_prelu,
    ("", "Pad"): load_pad,
    ("", "ReduceMean"): load_reduce_mean,
    ("", "Relu"): load_relu,
    ("", "Reshape"): load_reshape,
    ("", "Resize"): load_resize,
    ("", "Shape"): load_shape,
    ("", "Sigmoid"): load_logistic,
    ("", "Slice"): load_slice,
    ("", "Softmax"): load_softmax,
    ("", "SpaceToDepth"): load_space_to_depth,
    ("", "Split"): load_split,
    ("", "Squeeze"): load_squeeze,
    ("", "Sub"): load_sub,
    ("", "Sum"): load_sum,
    ("", "Swish"): load_swish,
    ("", "Tanh"): load_tanh,
    ("", "Transpose"): load_transpose,
    ("", "Unsqueeze"): load_unsqueeze,
    (ML_DOMAIN, "ArrayFeatureExtractor"): load_feature_extractor,
    (ML_DOMAIN, "LinearClassifier"): load_linear_classifier,
    (ML_DOMAIN, "LinearRegressor"): load_linear_regressor,
    (ML_DOMAIN, "Normalizer"): load_normalizer,
    (ML_DOMAIN, "Scaler"): load_scaler,
}

RESULT_INDEX: Mapping[str, int] = {"LinearClassifier": 1}
"""Which output a handler returns, where it is not the first: here the scores, not the label."""

_FLOAT_MODEL = "the model is quantized already; give the float model it was made from"
_RELU = "train with Relu, Clip(0, 6) or HardSwish in its place"
_UPSAMPLING = "export with opset 10 or newer, which says Resize"
_SEQUENCE = "unroll it, or train a convolution over the window"
_DETECTIONS = "end the model before it; the decoder on the device does that"
_NORMALIZATION = "train with BatchNormalization, which folds into the layer in front"
_PRODUCTS = "say it by Mul, Add and ReduceMean, or train without it"
_SELECTION = "say it by Min, Max or Clip, or end the model before it"

ADVICE: Mapping[str, str] = {
    "Abs": "say it as Max(x, Neg(x))",
    "ArgMax": "return the scores; the decoder takes the greatest",
    "ArgMin": "end the model before it, or take ArgMax of Neg",
    "DequantizeLinear": _FLOAT_MODEL,
    "DynamicQuantizeLinear": _FLOAT_MODEL,
    "Einsum": "say it by MatMul or Gemm with a constant",
    "Elu": _RELU,
    "Erf": _RELU,
    "Expand": "let Add or Mul broadcast instead",
    "GRU": _SEQUENCE,
    "Gelu": _RELU,
    "GroupNormalization": _NORMALIZATION,
    "InstanceNormalization": _NORMALIZATION,
    "LSTM": _SEQUENCE,
    "LayerNormalization": _NORMALIZATION,
    "LpPool": "train with AveragePool or MaxPool",
    "Mish": _RELU,
    "NonMaxSuppression": _DETECTIONS,
    "Pow": "for squares Mul(x, x) is the nearest",
    "QLinearConv": _FLOAT_MODEL,
    "QLinearMatMul": _FLOAT_MODEL,
    "QuantizeLinear": _FLOAT_MODEL,
    "RNN": _SEQUENCE,
    "ReduceL2": "LpNormalization is the nearest",
    "ReduceMax": "GlobalMaxPool or MaxPool is the nearest",
    "ReduceSum": "ReduceMean times a constant is the nearest",
    "Selu": _RELU,
    "Softplus": _RELU,
    "Softsign": "Tanh is the nearest",
    "Sqrt": _PRODUCTS,
    "Tile": "let Add or Mul broadcast, or Concat the tensor with itself",
    "TopK": _DETECTIONS,
    "Upsample": _UPSAMPLING,
    "Where": _SELECTION,
}

DEFAULT_ADVICE = "end the model before it, or express it by supported operations"


def supported_operators() -> tuple[str, ...]:
    """Return the names of the ONNX operations that are read, those of ONNX-ML with their domain."""
    return tuple(sorted(f"{domain}.{name}".lstrip(".") for domain, name in HANDLERS))
