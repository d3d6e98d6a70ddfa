"""What single switches of the recipe, and little data, do to two nets.

python benchmarks/technique_bench.py [--shared DIR] [--only PART]…

ResNet8 is calibrated and measured on JPEG copies of CIFAR-10; DS-CNN is calibrated on one half of
its calibration samples and measured on the other: no data that a final score is taken from.
"""

import argparse
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from quantize.emit.onnx_float import emit_float_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.executors import OnnxRunner, split
from quantize.integers import Quantized, quantize_graph
from quantize.ir.float_executor import execute_float_operation, trace_float
from quantize.ir.graph import FloatGraph
from quantize.ir.ops import Activation, Conv2D, DepthwiseConv2D
from quantize.ir.statistics import ChannelStatistics
from quantize.load.open import open_float_model
from quantize.measure import int8_runner
from quantize.passes.simplify import simplify
from quantize.recipe import Recipe, WeightRounding
from quantize.report.costs import total_macs
from quantize.report.metrics import sqnr_db
from quantize.report.subgraphs import logits_name
from quantize.without_data import Unseen, data_free, quantize_unseen

SHARED = Path(__file__).resolve().parents[2] / "shared"
PLAIN = Recipe()
SWITCHES = {
    "default": PLAIN,
    "weight_rounding nearest": replace(PLAIN, weight_rounding=WeightRounding.NEAREST),
    "weight_rounding adaptive": replace(PLAIN, weight_rounding=WeightRounding.ADAPTIVE),
    "per_channel false": replace(PLAIN, per_channel=False),
    "prune_weights 0.3": replace(PLAIN, prune_weights=0.3),
    "prune_weights 0.5": replace(PLAIN, prune_weights=0.5),
    "prune_channels 0.1": replace(PLAIN, prune_channels=0.1),
    "prune_channels 0.25": replace(PLAIN, prune_channels=0.25),
}
FEW = (1, 3, 10, 31, 100)


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """A model with samples to calibrate and to measure on, and their classes."""

    title: str
    graph: FloatGraph
    calibration: np.ndarray
    images: np.ndarray
    labels: np.ndarray


def main() -> None:
    """Print a line for each net and switch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--only", action="append", metavar="PART", help="of a row's name")
    arguments = parser.parse_args()
    if not (arguments.shared / "models").is_dir():
        print("The reference models are not beside this checkout (--shared DIR): nothing measured.")
        return
    print("| net | row | logits dB | changed | accuracy | MACs | TFLite | zlib |")
    print("|---|---|---|---|---|---|---|---|")
    for net in nets(arguments.shared):
        for name, make in rows(net).items():
            if not arguments.only or any(part in name for part in arguments.only):
                print(f"| {net.title} | {name} | {measured(net, make())} |", flush=True)


def nets(shared: Path) -> list[Net]:
    """Return both nets."""
    jpeg, words = shared / "evalsets" / "cifar10_jpeg", shared / "evalsets" / "kws01"
    models = shared / "models" / "mlperf_tiny"
    images, known = np.load(jpeg / "calib.npz"), np.load(jpeg / "eval.npz")
    spoken = np.load(words / "calib.npz")
    return [
        net(models / "ic_resnet8_float.onnx", "ResNet8", images["x"], known["x"], known["y"]),
        net(
            models / "kws_dscnn_float.onnx",
            "DS-CNN",
            spoken["x"][::2],
            spoken["x"][1::2],
            spoken["y"][1::2],
        ),
    ]


def net(file: Path, title: str, calibration: np.ndarray, x: np.ndarray, y: np.ndarray) -> Net:
    """Return a net with its samples in the graph's shape."""
    graph = simplify(open_float_model(file)[1].graph)
    shape = (-1, *graph.tensors[graph.inputs[0]].shape[1:])
    return Net(
        title, graph, calibration.reshape(shape).astype("f4"), x.reshape(shape).astype("f4"), y
    )


def rows(net: Net) -> dict[str, object]:
    """Return what to try, by name."""
    made = {name: lambda r=recipe: calibrated(net, r) for name, recipe in SWITCHES.items()}
    for count in FEW:
        made[f"{count} samples"] = lambda c=count: calibrated(net, PLAIN, c)
        plain = replace(PLAIN, widen_few=False)
        made[f"{count} samples, not widened"] = lambda c=count, p=plain: calibrated(net, p, c)
    made["no data, propagated"] = lambda: unseen(net, {})
    made["no data, batch statistics of all convolutions"] = lambda: unseen(net, statistics(net))
    return made


def calibrated(net: Net, recipe: Recipe, count: int | None = None) -> Quantized:
    """Return the integers that up to `count` samples lead to."""
    total = len(net.calibration)
    chosen = np.unique(np.linspace(0, total - 1, min(count or total, total)).astype(int))
    samples = {net.graph.inputs[0]: net.calibration[chosen]}
    return quantize_graph(net.graph, lambda size: split(samples, size), recipe)


def unseen(net: Net, known: dict[str, ChannelStatistics]) -> Quantized:
    """Return the integers that no sample leads to."""
    ends = float(net.calibration.min()), float(net.calibration.max())
    return quantize_unseen(net.graph, Unseen(ends, known), data_free(PLAIN))


def statistics(net: Net) -> dict[str, ChannelStatistics]:
    """Return what batch normalizations would say, had the files not folded them already."""
    values = trace_float(net.graph, {net.graph.inputs[0]: net.calibration[::4]})
    found = {}
    for operation in net.graph.operations:
        if isinstance(operation, Conv2D | DepthwiseConv2D):
            bare = replace(operation, activation=Activation.NONE)
            made = execute_float_operation(bare, net.graph, values).astype(np.float64)
            pixels = made.reshape(-1, made.shape[-1])
            found[operation.output] = ChannelStatistics(pixels.mean(axis=0), pixels.std(axis=0))
    return found


def measured(net: Net, quantized: Quantized) -> str:
    """Return the cells of a row."""
    name, after = logits_name(net.graph), logits_name(quantized.graph)
    batches = list(split({net.graph.inputs[0]: net.images}, 32))
    exact, run = OnnxRunner(emit_float_onnx(net.graph, [name])), int8_runner(quantized.graph)
    wanted = np.concatenate([exact(batch)[name] for batch in batches])
    found = np.concatenate([run(batch)[after] for batch in batches])
    changed = int((wanted.argmax(axis=1) != found.argmax(axis=1)).sum())
    accuracy = float((found.argmax(axis=1) == net.labels).mean())
    tflite = emit_tflite(quantized.graph)
    cells = (
        f"{sqnr_db(wanted, found):.1f}",
        f"{changed} of {len(found)}",
        f"{accuracy:.3f}",
        f"{total_macs(quantized.graph):,}",
        f"{len(tflite):,}",
        f"{len(zlib.compress(tflite, 9)):,}",
    )
    return " | ".join(cells)


if __name__ == "__main__":
    main()
