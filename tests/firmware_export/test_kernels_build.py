"""The kernels as C: they compile cleanly everywhere, need nothing, and run on a microcontroller."""

import re
import subprocess
from pathlib import Path

import pytest

from firmware_export.target import TARGETS
from tests.firmware_export.kernel_host import (
    C_TESTS,
    KERNELS,
    SANITIZERS,
    WARNINGS,
    compile_c,
)

HARNESS = KERNELS.parent / "qemu"
HEADERS = sorted(path.relative_to(KERNELS).as_posix() for path in KERNELS.rglob("*.h"))
ARM = sorted(name for name, target in TARGETS.items() if target.compiler.startswith("arm-"))
TESTS = ("test_kernels", "test_dsp", "test_mve")
ALLOWED_SYMBOLS = r"memcpy|memset|__aeabi_(idiv|idivmod|lmul)|__clzsi2"


@pytest.mark.parametrize("test", TESTS)
def test_the_c_tests_pass_under_sanitizers(tmp_path: Path, test: str) -> None:
    program = tmp_path / test
    compile_c(C_TESTS / f"{test}.c", program, "-std=c99", *SANITIZERS)

    done = subprocess.run([program], check=False, capture_output=True, text=True)

    assert done.returncode == 0, f"{test}.c:{done.returncode}\n{done.stderr}"


@pytest.mark.parametrize("level", ["-O0", "-Os", "-O3"])
@pytest.mark.parametrize("test", TESTS)
def test_the_c_tests_pass_at_every_optimization(tmp_path: Path, level: str, test: str) -> None:
    program = tmp_path / test
    compile_c(C_TESTS / f"{test}.c", program, "-std=c99", level)

    assert subprocess.run([program], check=False).returncode == 0


@pytest.mark.parametrize("header", HEADERS)
def test_each_header_stands_alone_in_c99(tmp_path: Path, header: str) -> None:
    source = tmp_path / "include.c"
    source.write_text(f'#include "{header}"\n#include "{header}"\n')

    compile_c(source, tmp_path / "include.o", "-std=c99", "-O2", "-c")


@pytest.mark.gcc
@pytest.mark.parametrize("header", ["edge_kernels.h", "edge_io_f32.h"])
def test_cpp_may_include_the_kernels(tmp_path: Path, header: str) -> None:
    source = tmp_path / "include.cpp"
    source.write_text(f'#include "{header}"\nint main() {{ return 0; }}\n')

    compile_c(source, tmp_path / "include", "-std=c++17", compiler="g++")


@pytest.mark.parametrize("header", HEADERS)
def test_names_carry_the_prefix(header: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", (KERNELS / header).read_text(), flags=re.DOTALL)

    macros = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    functions = re.findall(r"^EDGE_(?:INLINE|KERNEL) \w+ (\w+)\(", text, re.MULTILINE)
    types = re.findall(r"^\} (\w+);", text, re.MULTILINE)

    assert all(name.startswith("EDGE_") for name in macros)
    assert all(name.startswith("edge_") for name in functions)
    assert all(name.startswith("edge_") and name.endswith("_t") for name in types)


def _arm(target: str, *options: str) -> None:
    command = [TARGETS[target].compiler, *TARGETS[target].flags, "-std=c99", *WARNINGS]
    done = subprocess.run(
        [*command, f"-I{KERNELS}", *options], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.qemu
@pytest.mark.parametrize("target", ARM)
def test_the_kernels_need_no_float_and_no_library_but_memcpy(tmp_path: Path, target: str) -> None:
    source, built = tmp_path / "kernels.c", tmp_path / "kernels.o"
    calls = re.findall(r"edge_\w+_s8(?=\()", (KERNELS / "edge_kernels.h").read_text())
    table = ", ".join(f"(void (*)(void)){name}" for name in dict.fromkeys(calls))
    source.write_text(f'#include "edge_kernels.h"\nvoid (*const kernels[])(void) = {{{table}}};\n')

    _arm(target, "-O2", "-Wno-cast-function-type", "-c", str(source), "-o", str(built))

    symbols = subprocess.run(
        ["arm-none-eabi-nm", "-u", built], check=True, capture_output=True, text=True
    )
    undefined = symbols.stdout.replace("U", "").split()
    assert [name for name in undefined if not re.fullmatch(ALLOWED_SYMBOLS, name)] == []


@pytest.mark.qemu
@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_the_c_tests_pass_on_a_microcontroller(tmp_path: Path, target: str) -> None:
    assert _run_on(target, "test_kernels", tmp_path, "-O2") == 0


@pytest.mark.qemu
@pytest.mark.parametrize("level", ["-O0", "-Og", "-O1", "-Os", "-O2", "-O3"])
def test_the_dsp_kernels_equal_the_generic_ones_at_every_optimization(
    tmp_path: Path, level: str
) -> None:
    assert _run_on("cortex-m4", "test_dsp", tmp_path, level, "-fno-omit-frame-pointer") == 0


@pytest.mark.qemu
@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_the_dsp_kernels_equal_the_generic_ones_on_any_core(tmp_path: Path, target: str) -> None:
    assert _run_on(target, "test_dsp", tmp_path, "-O2") == 0


@pytest.mark.qemu
@pytest.mark.parametrize("level", ["-O0", "-Og", "-O1", "-Os", "-O2", "-O3"])
def test_the_mve_kernels_equal_the_generic_ones_at_every_optimization(
    tmp_path: Path, level: str
) -> None:
    assert _run_on("cortex-m55", "test_mve", tmp_path, level, "-fno-omit-frame-pointer") == 0


@pytest.mark.qemu
@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4"])
def test_the_mve_kernels_equal_the_generic_ones_on_any_core(tmp_path: Path, target: str) -> None:
    assert _run_on(target, "test_mve", tmp_path, "-O2") == 0


def _run_on(target: str, test: str, folder: Path, *options: str) -> int:
    """Return the exit code of a C test on a board: 0, or which check failed."""
    board, image = TARGETS[target].board, folder / f"{test}.elf"
    assert board is not None
    memory = {
        "BOARD_ROM": board.rom,
        "BOARD_ROM_BYTES": board.rom_bytes,
        "BOARD_RAM": board.ram,
        "BOARD_RAM_BYTES": board.ram_bytes,
        "BOARD_STACK_BYTES": 0x4000,
    }
    symbols = [f"-Wl,--defsym={name}={value:#x}" for name, value in memory.items()]
    startup = folder / "harness_startup.o"
    _arm(target, "-O2", "-c", str(HARNESS / "startup.c"), "-o", str(startup))
    link = ["-nostartfiles", "-T", str(HARNESS / "board.ld"), *symbols]
    _arm(target, *options, *link, str(startup), str(C_TESTS / f"{test}.c"), "-o", str(image))

    semihosting = ["-semihosting-config", "enable=on,target=native"]
    machine = ["-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none"]
    done = subprocess.run(
        ["qemu-system-arm", *machine, *semihosting, "-kernel", image],
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )

    return done.returncode
