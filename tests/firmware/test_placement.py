"""The placement macros, judged by the sections of the object file."""

import re
import subprocess
from pathlib import Path

import pytest

from firmware_export.export import export_model
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.program import PLAIN, Memory
from firmware_export.target import TARGETS
from tests.firmware_export.int_graphs import residual_graph

pytestmark = pytest.mark.gcc

SYMBOL = re.compile(r"^[0-9a-f]+ .{7} (\S+)\t[0-9a-f]+ (\S+)$", re.MULTILINE)


def sections_of_symbols(
    folder: Path, tools: str, *flags: str, memory: Memory = PLAIN
) -> dict[str, str]:
    """Compile an export and return the section of every symbol."""
    model = Model("net", residual_graph(), "0" * 64)
    made = export_model(
        model, TARGETS["host"], package=cmake_files, vectors=1, prefix="net", memory=memory
    )
    fill_directory(folder, made.files)
    command = [f"{tools}gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", *flags]
    subprocess.run([*command, "-c", "net.c"], cwd=folder, check=True)
    dump = [f"{tools}objdump", "-t", "net.o"]
    table = subprocess.run(dump, cwd=folder, check=True, capture_output=True, text=True).stdout
    return {name: section for section, name in SYMBOL.findall(table)}


def section_type(folder: Path, tools: str, section: str) -> str:
    command = [f"{tools}readelf", "-SW", "net.o"]
    rows = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    return next(row.split(section, 1)[1].split()[0] for row in rows.splitlines() if section in row)


@pytest.mark.parametrize(
    "tools", ["", pytest.param("arm-none-eabi-", marks=pytest.mark.qemu)], ids=["host", "arm"]
)
def test_weights_and_arena_go_where_the_macros_say(tools: str, tmp_path: Path) -> None:
    weights, arena = '-DEDGE_WEIGHTS_SECTION=".qspi"', '-DEDGE_ARENA_SECTION=".bss.dtcm"'

    sections = sections_of_symbols(tmp_path, tools, weights, arena)

    tables = ("_weight", "_bias", "_multiplier", "_shift")
    assert {sections[name] for name in sections if name.endswith(tables)} == {".qspi"}
    assert sections["net_arena"] == ".bss.dtcm"
    assert section_type(tmp_path, tools, ".bss.dtcm") == "NOBITS"  # no room in flash
    assert section_type(tmp_path, tools, ".qspi") == "PROGBITS"


def test_large_tables_alone_go_to_external_flash(tmp_path: Path) -> None:
    external = '-DEDGE_EXTERNAL_SECTION=".qspi"'

    sections = sections_of_symbols(tmp_path, "", external, memory=Memory(external_from_bytes=500))

    moved = {name for name in sections if sections[name] == ".qspi" and "_" in name}
    assert moved == {"layer_1_weight", "layer_2_weight"}  # 8 * 3 * 3 * 8 bytes each
    assert sections["layer_0_weight"].startswith(".rodata")


def test_without_a_section_large_tables_stay_with_the_others(tmp_path: Path) -> None:
    weights = '-DEDGE_WEIGHTS_SECTION=".here"'

    sections = sections_of_symbols(tmp_path, "", weights, memory=Memory(external_from_bytes=500))

    assert {sections[f"layer_{index}_weight"] for index in range(3)} == {".here"}


def test_without_the_macros_the_compiler_decides(tmp_path: Path) -> None:
    sections = sections_of_symbols(tmp_path, "")

    assert sections["net_arena"] == ".bss"
    assert sections["layer_0_weight"].startswith(".rodata")
