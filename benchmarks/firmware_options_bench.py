"""What two choices cost in C on an emulated Cortex-M4: layers in bands, and layers in int16.

python -m benchmarks.firmware_options_bench [--models DIR]

Every row is verified: the bytes that differ from the interpreter's stand in it.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from firmware_export.bands import Bands
from firmware_export.export import export_model
from firmware_export.model_file import Model, load_model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.program import PLAIN, Memory
from firmware_export.record import VerifyRecord
from firmware_export.target import find_target
from firmware_export.verify import verify_export
from quantize.integers import quantize_graph
from quantize.load.onnx_model import load_onnx
from quantize.passes.simplify import simplify
from quantize.recipe import ALL_LAYERS, Recipe

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
CORE = "cortex-m4"
BANDS = (
    ("person detection", "tflm/person_detect_int8.tflite", ((4, 4),)),
    ("ResNet8", "mlperf_tiny/ic_resnet8_int8_official.tflite", ((4, 4), (8, 6))),
    ("visual wake words", "mlperf_tiny/vww_mbv1_025_int8_official.tflite", ((4, 8), (4, 24))),
)
FLOAT = (
    ("DS-CNN", "mlperf_tiny/kws_dscnn_float.onnx"),
    ("ResNet8", "mlperf_tiny/ic_resnet8_float.onnx"),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=MODELS)
    models = parser.parse_args().models
    print("| model | bands/operations | differing bytes | RAM | whole | products | instructions |")
    print("|---|---|---|---|---|---|---|")
    for title, file, cuts in BANDS:
        model = load_model(models / file)
        whole = measured(model)
        for depth, count in cuts:
            cut = measured(model, Memory(bands=Bands(depth, count)))
            print(
                f"| {title} | {count}/{depth} | {cut.differing_bytes} | {cut.ram_bytes:,} "
                f"| {whole.ram_bytes:,} | {cut.macs / whole.macs - 1:+.1%} "
                f"| {cut.instructions:,} ({whole.instructions:,} whole) |",
                flush=True,
            )
    print("\n| model | activations | differing bytes | flash | RAM | instructions | per MAC |")
    print("|---|---|---|---|---|---|---|")
    for title, file in FLOAT:
        for kind, recipe in (("int8", Recipe()), ("int16", Recipe(int16_layers=(ALL_LAYERS,)))):
            found = measured(quantized(models / file, recipe))
            print(
                f"| {title} | {kind} | {found.differing_bytes} | {found.flash_bytes:,} "
                f"| {found.ram_bytes:,} | {found.instructions:,} "
                f"| {(found.instructions or 0) / found.macs:.2f} |",
                flush=True,
            )


def measured(model: Model, memory: Memory = PLAIN) -> VerifyRecord:
    """Return what a run on QEMU shows, over four random inputs."""
    plain = replace(model, inputs=None)
    target = find_target(CORE)
    made = export_model(plain, target, package=cmake_files, vectors=4, memory=memory)
    with tempfile.TemporaryDirectory() as folder:
        fill_directory(Path(folder, "export"), made.files)
        return verify_export(Path(folder, "export"))


def quantized(path: Path, recipe: Recipe) -> Model:
    """Return a float network quantized on random samples: counts hang on shapes alone."""
    graph = simplify(load_onnx(path.read_bytes(), path.stem).graph)
    (name,) = graph.inputs
    shape = (32, *graph.tensors[name].shape[1:])
    samples = np.random.default_rng(7).uniform(-1, 1, shape).astype(np.float32)

    def read(count: int) -> Iterator[dict[str, np.ndarray]]:
        return ({name: samples[i : i + count]} for i in range(0, len(samples), count))

    return Model(path.stem, quantize_graph(graph, read, recipe).graph, "0" * 64)


if __name__ == "__main__":
    main()
