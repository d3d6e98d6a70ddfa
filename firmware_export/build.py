"""Build: compiles an exported model with the harness, and measures what the linker kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_export.record import Footprint
from firmware_export.stack import deepest_stack_bytes, parse_call_graph
from firmware_export.target import Board, Target
from firmware_export.toolchain import run_build

HARNESS = Path(__file__).with_name("qemu")
STACK_BYTES = 0x4000
MODEL_FLAGS = ("-std=c99", "-O2", "-ffunction-sections", "-fdata-sections")
# Nothing of the harness may pull library code into the model's flash.
HARNESS_FLAGS = ("-std=gnu99", "-Os", "-fno-tree-loop-distribute-patterns")
_FLASH_SECTIONS = (".text", ".rodata", ".ARM.extab", ".ARM.exidx", ".data")
_STATIC_SECTIONS = (".data", ".bss")


@dataclass(frozen=True, slots=True)
class Image:
    """A linked program: the ELF file and what the model needs in it."""

    path: Path
    footprint: Footprint


def build_image(directory: Path, prefix: str, target: Target, work: Path) -> Image:
    """Return the linked program of an exported directory, made in `work`.

    Raises:
        ToolMissingError: The compiler is not installed.
        BuildError: It refuses, or the program does not fit the board.
    """
    objects = [_compile_model(directory, prefix, target, work)]
    objects += _compile_harness(directory, prefix, target, work)
    image = work / f"{prefix}.elf"
    run_build(
        [target.compiler, *target.flags, *_link_flags(target), "-o", image.name, *objects], work
    )
    return Image(image, _footprint(image, prefix, target, work))


def _compile_model(directory: Path, prefix: str, target: Target, work: Path) -> str:
    source = directory.resolve() / f"{prefix}.c"
    flags = (*target.flags, *MODEL_FLAGS, "-fcallgraph-info=su")
    run_build([target.compiler, *flags, "-c", str(source), "-o", "model.o"], work)
    return "model.o"


def _compile_harness(directory: Path, prefix: str, target: Target, work: Path) -> list[str]:
    here = directory.resolve()
    start = HARNESS / ("host.c" if target.board is None else "startup.c")
    sources = {
        "harness_start.o": start,
        "harness_main.o": HARNESS / "main.c",
        "harness_selftest.o": here / f"{prefix}_selftest.c",
    }
    defines = (f"-DEDGE_PREFIX={prefix}", f'-DEDGE_SELFTEST_HEADER="{prefix}_selftest.h"')
    flags = (*target.flags, *HARNESS_FLAGS, f"-I{HARNESS}", f"-I{here}", *defines)
    for name, source in sources.items():
        run_build([target.compiler, *flags, "-c", str(source), "-o", name], work)
    return list(sources)


def _link_flags(target: Target) -> Sequence[str]:
    if target.board is None:
        return ("-Wl,--gc-sections",)
    specs = ("-nostartfiles", *target.board.library)
    return (*specs, "-Wl,--gc-sections", "-T", str(HARNESS / "board.ld"), *_symbols(target.board))


def _symbols(board: Board) -> list[str]:
    values = {
        "BOARD_ROM": board.rom,
        "BOARD_ROM_BYTES": board.rom_bytes,
        "BOARD_RAM": board.ram,
        "BOARD_RAM_BYTES": board.ram_bytes,
        "BOARD_STACK_BYTES": STACK_BYTES,
    }
    return [f"-Wl,--defsym={name}={value:#x}" for name, value in values.items()]


def _footprint(image: Path, prefix: str, target: Target, work: Path) -> Footprint:
    sizes = _section_sizes(image, target, work)
    call_graph = parse_call_graph((work / "model.ci").read_text())
    return Footprint(
        compiler=f"{target.compiler} {_version(target, work)}",
        flash_bytes=sum(sizes.get(name, 0) for name in _FLASH_SECTIONS),
        static_bytes=sum(sizes.get(name, 0) for name in _STATIC_SECTIONS),
        stack_bytes=deepest_stack_bytes(call_graph, f"{prefix}_run"),
    )


def _section_sizes(image: Path, target: Target, work: Path) -> dict[str, int]:
    size = target.compiler.removesuffix("gcc") + "size"
    rows = run_build([size, "-A", image.name], work).splitlines()
    words = (row.split() for row in rows)
    return {row[0]: int(row[1]) for row in words if len(row) == 3 and row[1].isdigit()}


def _version(target: Target, work: Path) -> str:
    return run_build([target.compiler, "-dumpfullversion"], work).strip()
