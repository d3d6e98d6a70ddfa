"""The firmware tables: our C beside TensorFlow Lite Micro with CMSIS-NN, counted on QEMU.

python -m benchmarks.firmware_bench [--target cortex-m4]… [--vectors N] [--json FILE]

Four tables: every core, the modes of --optimize, each layer beside CMSIS-NN's kernel, and a network
on which nothing was tuned. Instruction counts under QEMU are exact and repeatable; they are not
cycles. The peer's figures were measured with the same emulator, compiler and way of counting on the
same model files.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.firmware_layers import LAYER_CORES, PEER_LAYERS
from firmware_export.export import export_model
from firmware_export.golden import random_inputs
from firmware_export.model_file import Model, load_model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.record import VerifyRecord
from firmware_export.tables import layers_table
from firmware_export.target import TARGETS, Target, find_target
from firmware_export.variant import DEFAULT_VARIANT, Optimize, Variant
from firmware_export.verify import verify_export
from quantize.integers import quantize_graph
from quantize.load.onnx_model import load_onnx
from quantize.passes.simplify import simplify
from quantize.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "models" / "mlperf_tiny"
UNTUNED = ROOT / "examples" / "mobilenet_v2" / "mobilenet_v2.onnx"
VECTORS = 10
SLOW_CORES = {"cortex-m0plus", "cortex-m3", "rv32imc"}
CODE_BYTES = 0x10000  # left for code beside the golden vectors


@dataclass(frozen=True, slots=True)
class Peer:
    """TFLM with CMSIS-NN: instructions by target; flash and RAM on Cortex-M4, in bytes."""

    file: str
    instructions: dict[str, int]
    flash_bytes: int
    ram_bytes: int
    live_bound_bytes: int


PEERS = {
    "AD": Peer(
        "ad_fcae_int8_official.tflite",
        {"cortex-m4": 582_943, "cortex-m55": 285_562},
        308_492,
        4_232,
        768,
    ),
    "DS-CNN": Peer(
        "kws_dscnn_int8_official.tflite",
        {"cortex-m4": 7_699_370, "cortex-m55": 1_815_899},
        139_510,
        24_968,
        16_000,
    ),
    "ResNet8": Peer(
        "ic_resnet8_int8_official.tflite",
        {"cortex-m4": 29_864_855, "cortex-m55": 4_913_227},
        179_138,
        57_252,
        49_152,
    ),
    "VWW": Peer(
        "vww_mbv1_025_int8_official.tflite",
        {"cortex-m4": 24_101_959, "cortex-m55": 6_558_778},
        418_918,
        102_856,
        55_296,
    ),
}


def main() -> None:
    """Measure, print the Markdown tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--vectors", type=int, default=VECTORS, help="inputs a model")
    parser.add_argument("--slow-vectors", type=int, default=3, help="the same on slow cores")
    parser.add_argument("--untuned", type=Path, default=UNTUNED, help="float ONNX file")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    started = time.monotonic()
    targets = arguments.target or [name for name, target in TARGETS.items() if target.board]
    models = {name: load_model(arguments.models / peer.file) for name, peer in PEERS.items()}
    print("\n".join(HEAD))
    rows = []
    for target in targets:
        count = arguments.slow_vectors if target in SLOW_CORES else arguments.vectors
        for name, model in models.items():
            rows.append((name, measured(model, target, count)))
            print(table_row(*rows[-1]), flush=True)
    modes = [
        (name, mode, measured(model, "cortex-m4", 1, Variant(mode)))
        for name, model in models.items()
        for mode in Optimize
    ]
    cores = [core for core in LAYER_CORES if core in targets]
    untuned = _untuned(arguments.untuned, cores, arguments.slow_vectors)
    print("\n".join(["", *mode_rows(modes), "", *layer_rows(rows), "", *untuned_rows(untuned)]))
    print(f"\n{time.monotonic() - started:.0f} s")
    if arguments.json:
        write_json(arguments.json, rows, modes, untuned)


def write_json(
    path: Path,
    rows: Iterable[tuple[str, VerifyRecord]],
    modes: Iterable[tuple[str, Optimize, VerifyRecord]],
    untuned: Iterable[VerifyRecord],
) -> None:
    """Write all figures, layers included."""
    figures = {
        "models": [{"model": name, **figures_of(record)} for name, record in rows],
        "modes": [
            {"model": name, "optimize": mode, **figures_of(record)} for name, mode, record in modes
        ],
        "untuned": [figures_of(record) for record in untuned],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


def measured(
    model: Model, target_name: str, count: int, variant: Variant = DEFAULT_VARIANT
) -> VerifyRecord:
    """Return what running a model on QEMU shows, in as many runs as its inputs need memory."""
    target = find_target(target_name)
    inputs = model.inputs or random_inputs(model.graph, count)
    runs = []
    for start in range(0, count, step := _vectors_a_run(model, target)):
        part = {name: values[start : min(start + step, count)] for name, values in inputs.items()}
        runs.append(_run(replace(model, inputs=part), target, variant))
    return msgspec.structs.replace(
        runs[0],
        vectors=sum(run.vectors for run in runs),
        differing_bytes=sum(run.differing_bytes for run in runs),
        instructions=max(run.instructions or 0 for run in runs),
    )


def _vectors_a_run(model: Model, target: Target) -> int:
    assert target.board is not None
    constants = sum(values.nbytes for values in model.graph.constants.values())
    tensors = [model.graph.tensors[name] for name in (*model.graph.inputs, *model.graph.outputs)]
    size = sum(int(np.prod(tensor.shape)) for tensor in tensors)
    room = target.board.rom_bytes - 5 * constants // 4 - CODE_BYTES
    return max(1, room // size)


def _run(model: Model, target: Target, variant: Variant) -> VerifyRecord:
    count = len(next(iter((model.inputs or {}).values())))
    exported = export_model(model, target, package=cmake_files, vectors=count, variant=variant)
    with tempfile.TemporaryDirectory() as folder:
        fill_directory(Path(folder, "export"), exported.files)
        return verify_export(Path(folder, "export"))


def _untuned(path: Path, targets: Iterable[str], count: int) -> list[VerifyRecord]:
    """Return the figures of a float network, quantized here on random samples; none without it."""
    if not path.is_file():
        return []
    graph = simplify(load_onnx(path.read_bytes(), path.stem).graph)
    (name,) = graph.inputs
    shape = (8, *graph.tensors[name].shape[1:])
    samples = np.random.default_rng(7).uniform(-1, 1, shape).astype(np.float32)

    def read(count: int) -> Iterator[dict[str, np.ndarray]]:
        return ({name: samples[i : i + count]} for i in range(0, len(samples), count))

    model = Model(path.stem, quantize_graph(graph, read, Recipe()).graph, "0" * 64)
    return [measured(model, target, count) for target in targets]


def mode_rows(modes: Iterable[tuple[str, Optimize, VerifyRecord]]) -> list[str]:
    """Return flash and instructions of each mode of --optimize on a Cortex-M4."""
    head = ["| model | --optimize | flash | instructions | RAM |", "|---|---|---|---|---|"]
    return head + [
        f"| {name} | {mode} | {record.flash_bytes:,} | {record.instructions:,} "
        f"| {record.ram_bytes:,} |"
        for name, mode, record in modes
    ]


def layer_rows(rows: Iterable[tuple[str, VerifyRecord]]) -> list[str]:
    """Return instructions per product of single layers, ours / CMSIS-NN's."""
    found = {(name, record.target): record for name, record in rows}
    cores = [core for core in LAYER_CORES if ("AD", core) in found]
    head = [f"| layer | {' | '.join(f'{core}, ours / CMSIS-NN' for core in cores)} |"]
    head += ["|---" * (len(cores) + 1) + "|"]
    lines = []
    for peer in PEER_LAYERS:
        cells = []
        for core in cores:
            layer = found[peer.model, core].layers[peer.index]
            cells.append(f"{(layer.instructions or 0) / layer.macs:.3f} / {peer.per_mac[core]}")
        lines.append(f"| {peer.shape} | {' | '.join(cells)} |")
    return head + lines


def untuned_rows(records: Iterable[VerifyRecord]) -> list[str]:
    """Return totals of the network on which nothing was tuned, and its layers."""
    lines = []
    for record in records:
        per_mac = (record.instructions or 0) / record.macs
        lines += [
            (
                f"{record.prefix} on {record.target}: {record.instructions:,} instructions, "
                f"{per_mac:.3f} per MAC, {record.differing_bytes} differing bytes in "
                f"{record.vectors} vectors; flash {record.flash_bytes:,}, RAM {record.ram_bytes:,}"
            ),
            "",
            "```",
            layers_table(record.layers),
            "```",
            "",
        ]
    return lines


HEAD = (
    (
        "| model | core | differing bytes | instructions | per MAC | TFLM + CMSIS-NN | ratio "
        "| flash | TFLM | RAM (arena + static + stack) | TFLM |"
    ),
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def table_row(name: str, record: VerifyRecord) -> str:
    """Return one line of the Markdown table."""
    peer = PEERS[name]
    ours, theirs = record.instructions or 0, peer.instructions.get(record.target)
    is_m4 = record.target == "cortex-m4"
    cells = (
        name,
        record.target,
        f"{record.differing_bytes} of {record.vectors} vectors",
        f"{ours:,}",
        f"{ours / record.macs:.3f}",
        f"{theirs:,}" if theirs else "-",
        f"{ours / theirs:.2f}" if theirs else "-",
        f"{record.flash_bytes:,}",
        f"{peer.flash_bytes:,}" if is_m4 else "-",
        (
            f"{record.ram_bytes:,} ({record.arena_bytes:,} + "
            f"{record.ram_bytes - record.arena_bytes - record.stack_bytes} + {record.stack_bytes})"
        ),
        f"{peer.ram_bytes:,}" if is_m4 else "-",
    )
    return f"| {' | '.join(cells)} |"


def figures_of(record: VerifyRecord) -> dict[str, object]:
    """Return the figures of one run, with its layers."""
    figures: dict[str, object] = msgspec.to_builtins(record)
    return figures


if __name__ == "__main__":
    main()
