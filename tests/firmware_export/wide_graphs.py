"""Small legal graphs in int16: one for every operation that has it, and a net of all of them."""

from dataclasses import replace

import numpy as np

from quantize.ir.graph import DType, IntGraph, QuantParams
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Logistic,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    Mul,
    Operation,
    Pad,
    PadFill,
    Quantize,
    Reshape,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from quantize.ir.shapes import Shape, same_padding
from quantize.ir.spec import WIDE_CURVE_OUTPUT
from quantize.ir.widths import INT16_OPERATIONS
from tests.firmware_export.int_graphs import EVERY_OPERATION, Builder, Y, quant
from tests.wide_strategies import widened

WIDE_OPERATIONS: dict[str, IntGraph] = {
    f"{name}_s16": widened(graph)
    for name, graph in EVERY_OPERATION.items()
    if len(graph.operations) == 1 and isinstance(graph.operations[0], INT16_OPERATIONS)
}
FINE = quant(0.0004)
SAME = same_padding((6, 5), (3, 3), (1, 1), (1, 1))


class WideBuilder(Builder):
    """As Builder, of int16."""

    def wide(
        self, operation: Operation, params: QuantParams = FINE, shape: Shape | None = None
    ) -> str:
        name = self.add(operation, params, shape)
        self.tensors[name] = replace(self.tensors[name], dtype=DType.INT16)
        return name

    def weighted(self, name: str, source: str, shape: Shape, axis: int) -> tuple[str, str]:
        weight = self.weight(f"{name}_w", shape, axis)
        bias = self.bias(f"{name}_b", weight, source, shape[axis])
        self.tensors[bias] = replace(self.tensors[bias], dtype=DType.INT64)
        self.constants[bias] = self.constants[bias].astype(np.int64) * 100
        return weight, bias


def wide_net() -> IntGraph:
    """From int8 to int8 and int16, by way of every operation in int16."""
    b = WideBuilder()
    x = b.wide(Quantize(b.input("x", (1, 6, 5, 4)), "x16"))
    weight, bias = b.weighted("c", x, (6, 3, 3, 4), 0)
    conv = b.wide(Conv2D(x, weight, bias, "conv", padding=SAME, activation=Activation.RELU))
    weight, bias = b.weighted("d", conv, (1, 3, 3, 6), 3)
    deep = b.wide(DepthwiseConv2D(conv, weight, bias, "deep", padding=SAME))
    total = b.wide(Add(b.wide(Sub(deep, conv, "apart")), deep, "sum"))
    product = b.wide(Mul(total, b.wide(Tanh(deep, "tanh"), WIDE_CURVE_OUTPUT), "product"))
    bounded = b.wide(Minimum(b.wide(Maximum(total, product, "high"), FINE), total, "low"), FINE)
    around = ((0, 0), (1, 0), (0, 1), (0, 0))
    padded = b.wide(Pad(bounded, "padded", around, PadFill.LOWEST))
    greatest = b.wide(MaxPool2D(padded, "greatest", (2, 2), (1, 1)))
    mean = b.wide(AveragePool2D(b.wide(Pad(product, "framed", around)), "mean", (2, 2), (1, 1)))
    part = b.wide(Slice(mean, "part", (0, 0, 4, 1), (1, 6, 5, 3), (1, 1, -1, 2)))
    joined = b.wide(Concat((greatest, part, mean), "joined", 3))
    turned = b.wide(Transpose(joined, "turned", (0, 3, 1, 2)))
    rows = b.wide(Reshape(turned, "rows"), FINE, (1, 15, 30))
    pooled = b.wide(Mean(rows, "pooled", (2,)))
    weight, bias = b.weighted("f", pooled, (7, 15), 0)
    logits = b.wide(FullyConnected(pooled, weight, bias, "logits"), quant(0.0003))
    shares = b.wide(Softmax(logits, "shares"), WIDE_CURVE_OUTPUT)
    gates = b.wide(Logistic(logits, "gates"), WIDE_CURVE_OUTPUT)
    finer = b.wide(Quantize(shares, "finer"), quant(2.0**-14))
    return b.build(b.add(Quantize(gates, "narrow"), Y), finer, name="wide")


EVERY_GRAPH = {**EVERY_OPERATION, **WIDE_OPERATIONS, "wide_net": wide_net()}
