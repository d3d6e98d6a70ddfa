"""The firmware table: our C beside TensorFlow Lite Micro with CMSIS-NN, counted on QEMU.

python benchmarks/firmware_bench.py [--models DIR] [--target cortex-m4]… [--json FILE]

Instruction counts under QEMU are exact and repeatable; they are not cycles. The peer's figures were
measured with the same emulator, compiler and way of counting on the same model files.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_export.export import export_model
from firmware_export.model_file import load_model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.record import VerifyRecord
from firmware_export.target import TARGETS, find_target
from firmware_export.verify import verify_export

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "models" / "mlperf_tiny"
VECTORS = 10


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
    """Measure, print the Markdown table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    rows = [
        (name, measure(arguments.models / peer.file, target))
        for target in arguments.target or ["cortex-m4", "cortex-m55"]
        for name, peer in PEERS.items()
    ]
    print("\n".join([*HEAD, *(table_row(name, record) for name, record in rows)]))
    if arguments.json:
        figures = [{"model": name, **figures_of(record)} for name, record in rows]
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


def measure(model: Path, target: str) -> VerifyRecord:
    """Return what exporting a model and running it on QEMU shows."""
    exported = export_model(
        load_model(model), find_target(target), package=cmake_files, vectors=VECTORS
    )
    with tempfile.TemporaryDirectory() as folder:
        fill_directory(Path(folder, "export"), exported.files)
        return verify_export(Path(folder, "export"))


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
    """Return the figures of one run, without its layers."""
    figures: dict[str, object] = msgspec.to_builtins(record)
    figures.pop("layers")
    return figures


if __name__ == "__main__":
    main()
