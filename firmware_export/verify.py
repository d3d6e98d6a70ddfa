"""Verify: runs an exported directory on its golden vectors, on QEMU or on this host, and counts."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import msgspec

from firmware_export.build import HARNESS, Image, build_image
from firmware_export.errors import ExportDirectoryError, RunError
from firmware_export.export import Export
from firmware_export.output import fill_directory
from firmware_export.record import ExportRecord, LayerRecord, VerifyRecord, read_record
from firmware_export.target import Target, find_target
from firmware_export.toolchain import find_tool, run_build, run_program

RUN_DEADLINE_S = 600.0
HOST_COMPILER = "gcc"
NO_DIFFERENCE = 0xFFFF_FFFF  # what -1 looks like when it is printed as a uint32
_LINE = re.compile(r"^(\w+)=0x([0-9a-f]+)$", re.MULTILINE)
_COUNT = re.compile(r"^instructions=(\d+)$", re.MULTILINE)
_CALL = re.compile(r"^call=(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run printed: per vector the bytes that differ, and what was counted.

    Attributes:
        instructions: Of each vector.
        calls: Of each kernel call of the first vector, in order.
    """

    differing: tuple[int, ...]
    first: int
    stack_bytes: int
    instructions: tuple[int, ...]
    calls: tuple[int, ...]


def verify_export(directory: Path, target_name: str | None = None) -> VerifyRecord:
    """Return what running an exported directory on its golden vectors shows.

    The code in the directory is run, and through semihosting it may do what this user may do:
    verify what you exported yourself.

    Args:
        directory: That `edge-firmware export` wrote.
        target_name: Another core than the one it was exported for.

    Raises:
        ExportDirectoryError: The directory is not ours or lacks files.
        ToolMissingError: Compiler or emulator are not installed; says what to install.
        BuildError: The compiler refuses the code, or it does not fit the board.
        RunError: The program faults or hangs.
    """
    record = read_record(directory)
    _check_complete(directory, record)
    target = find_target(target_name or record.target)
    if target.board is None and not target.is_host:
        raise RunError(f"{target.name}: no emulator; run the self-test on the board")
    if target.board is not None:
        find_tool(target.board.emulator)
    with tempfile.TemporaryDirectory(prefix="edge-firmware-") as folder:
        image = build_image(directory / record.source_folder, record.prefix, target, Path(folder))
        if target.board is None:
            run = _parse(run_program([str(image.path)], Path(folder), RUN_DEADLINE_S), "")
        else:
            run = _emulate(image, target, f"{record.prefix}_run")
    return _result(record, target, image, run)


def with_measured_layers(made: Export) -> Export:
    """Return an export whose layers say how many instructions they took; errors as above."""
    with tempfile.TemporaryDirectory(prefix="edge-firmware-") as folder:
        fill_directory(Path(folder, "export"), made.files)
        layers = verify_export(Path(folder, "export")).layers
    return replace(made, record=msgspec.structs.replace(made.record, layers=layers))


def _check_complete(directory: Path, record: ExportRecord) -> None:
    missing = [name for name in record.files if not (directory / name).is_file()]
    if missing:
        raise ExportDirectoryError(f"{directory}: {missing[0]} is missing")
    if not record.vectors:
        raise ExportDirectoryError(f"{directory}: no code was exported, there is nothing to run")


def _emulate(image: Image, target: Target, function: str) -> _Run:
    """Run on QEMU with the counting plugin; -icount makes the run the same each time."""
    board, work = target.board, image.path.parent
    assert board is not None  # the caller ran what needs no emulator
    source = str(HARNESS / "insncount.c")
    run_build([HOST_COMPILER, "-O2", "-shared", "-fPIC", "-o", "insncount.so", source], work)
    command = [
        board.emulator,
        "-M",
        board.machine,
        *board.options,
        "-nographic",
        "-monitor",
        "none",
        "-serial",
        "none",
    ]
    command += ["-semihosting-config", "enable=on,target=native", "-icount", "shift=0"]
    command += ["-plugin", f"{work / 'insncount.so'},{_plugin_arguments(image, target, function)}"]
    command += ["-d", "plugin", "-D", "count.log", "-kernel", image.path.name]
    printed = run_program(command, work, RUN_DEADLINE_S)
    return _parse(printed, (work / "count.log").read_text())


def _plugin_arguments(image: Image, target: Target, function: str) -> str:
    """Return the addresses that the plugin wants: the two marks, start and end of `function`."""
    command = [target.compiler.removesuffix("gcc") + "nm", "-S", image.path.name]
    rows = run_build(command, image.path.parent).splitlines()
    words = [row.split() for row in rows]
    symbols = {row[3]: (int(row[0], 16), int(row[1], 16)) for row in words if len(row) == 4}
    start, size = symbols[function]
    addresses = {
        "begin": symbols["harness_mark_begin"][0],
        "end": symbols["harness_mark_end"][0],
        "from": start,
        "to": start + size,
    }
    return ",".join(f"{key}={address:#x}" for key, address in addresses.items())


def _parse(printed: str, counted: str) -> _Run:
    values: dict[str, list[int]] = {}
    for key, value in _LINE.findall(printed):
        values.setdefault(key, []).append(int(value, 16))
    if not {"differing", "stack", "first"} <= values.keys():
        raise RunError(f"the program printed {printed[:80]!r}, expected its results")
    return _Run(
        differing=tuple(values["differing"]),
        first=values["first"][0],
        stack_bytes=values["stack"][0],
        instructions=tuple(int(count) for count in _COUNT.findall(counted)),
        calls=tuple(int(count) for count in _CALL.findall(counted.partition("instructions=")[0])),
    )


def _result(record: ExportRecord, target: Target, image: Image, run: _Run) -> VerifyRecord:
    footprint = image.footprint
    stack_bytes = footprint.stack_bytes if target.board is None else run.stack_bytes
    return VerifyRecord(
        target=target.name,
        machine=target.board.machine if target.board else "host",
        prefix=record.prefix,
        profile=record.profile,
        compiler=footprint.compiler,
        vectors=len(run.differing),
        differing_bytes=sum(run.differing),
        first_difference=None if run.first == NO_DIFFERENCE else run.first,
        instructions=max(run.instructions, default=None),
        macs=record.macs,
        flash_bytes=footprint.flash_bytes,
        ram_bytes=footprint.static_bytes + stack_bytes,
        arena_bytes=record.arena_bytes,
        stack_bytes=stack_bytes,
        layers=_counted(record.layers, run.calls),
    )


def _counted(layers: Sequence[LayerRecord], calls: Sequence[int]) -> list[LayerRecord]:
    """Return the layers with the instructions of their kernel calls, where these are known."""
    if len(calls) != sum(layer.calls for layer in layers):
        return list(layers)  # not counted, or the compiler has put a kernel into its caller
    left = iter(calls)
    return [
        msgspec.structs.replace(layer, instructions=sum(islice(left, layer.calls)))
        for layer in layers
    ]
