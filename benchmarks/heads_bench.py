"""What one scale costs a detector's head whose only convolution makes boxes and scores.

    python benchmarks/heads_bench.py

Random features, boxes in hundreds of pixels, logits around 0: the SQNR of each output in int8,
with and without `split_layers`, and what the file and its products come to.
"""

import numpy as np

from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import split
from quantize.integers import quantize_graph
from quantize.ir.float_executor import execute_float
from quantize.ir.graph import FloatGraph, Graph, TensorType
from quantize.ir.moving_ops import Slice
from quantize.ir.ops import Conv2D, Logistic
from quantize.ir.spec import check_float
from quantize.measure import int8_runner
from quantize.passes.split_layers import split_layers
from quantize.recipe import Recipe
from quantize.report.costs import total_macs
from quantize.report.metrics import sqnr_db

SIDE, FEATURES, BOXES, CLASSES = 8, 32, 4, 10


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(11)
    graph = head(rng)
    samples = {"x": np.maximum(rng.normal(size=(64, SIDE, SIDE, FEATURES)), 0).astype(np.float32)}
    wanted = execute_float(graph, samples)
    print("| split_layers | boxes dB | scores dB | products | int8 TFLite |")
    print("|---|---|---|---|---|")
    for name, made in (("false", graph), ("true (default)", split_layers(graph))):
        integers = quantize_graph(made, lambda size: split(samples, size), Recipe()).graph
        found = int8_runner(integers)(samples)
        ratios = [f"{sqnr_db(wanted[key], found[key]):.1f}" for key in ("box", "score")]
        size = f"{total_macs(integers):,} | {len(emit_tflite(integers)):,}"
        print(f"| {name} | {' | '.join(ratios)} | {size} |")


def head(rng: np.random.Generator) -> FloatGraph:
    """Return one convolution of 1 x 1, its two slices, and the scores' logistic."""
    channels = BOXES + CLASSES
    scales = np.array([60.0] * BOXES + [0.5] * CLASSES)[:, None, None, None]
    weight = (rng.normal(size=(channels, 1, 1, FEATURES)) * scales).astype(np.float32)
    shape = (1, SIDE, SIDE)
    tensors = {name: TensorType((*shape, depth)) for name, depth in (
        ("x", FEATURES), ("all", channels), ("box", BOXES), ("logit", CLASSES), ("score", CLASSES),
    )}  # fmt: skip
    tensors |= {"w": TensorType(weight.shape), "b": TensorType((channels,))}
    operations = (
        Conv2D("x", "w", "b", "all"),
        Slice("all", "box", (0, 0, 0, 0), (1, SIDE, SIDE, BOXES), (1, 1, 1, 1)),
        Slice("all", "logit", (0, 0, 0, BOXES), (1, SIDE, SIDE, CLASSES), (1, 1, 1, 1)),
        Logistic("logit", "score"),
    )
    constants = {"w": weight, "b": np.zeros(channels, np.float32)}
    return check_float(Graph("head", ("x",), ("box", "score"), tensors, constants, operations))


if __name__ == "__main__":
    main()
