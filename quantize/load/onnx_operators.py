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
_RELU = "train with Relu or Clip(0, 6) in its place"
_UPSAMPLING = "end the model before it, or train without it"
_SEQUENCE = "unroll it, or train a convolution over the window"

ADVICE: Mapping[str, str] = {
    "ArgMax": "return the scores; the decoder takes the greatest",
    "DequantizeLinear": _FLOAT_MODEL,
    "DynamicQuantizeLinear": _FLOAT_MODEL,
    "Elu": _RELU,
    "GRU": _SEQUENCE,
    "Gelu": _RELU,
    "LSTM": _SEQUENCE,
    "QLinearConv": _FLOAT_MODEL,
    "QLinearMatMul": _FLOAT_MODEL,
    "QuantizeLinear": _FLOAT_MODEL,
    "RNN": _SEQUENCE,
    "Upsample": _UPSAMPLING,
}

DEFAULT_ADVICE = "end the model before it, or express it by supported operations"


def supported_operators() -> tuple[str, ...]:
    """Return the names of the ONNX operations that are read, those of ONNX-ML with their domain."""
    return tuple(sorted(f"{domain}.{name}".lstrip(".") for domain, name in HANDLERS))
