"""A microcontroller on QEMU whose serial port is a pty."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.manifest import load_bundle
from edge_runtime.remote_inference import layout_of
from firmware_export.build import HARNESS, HARNESS_FLAGS, MODEL_FLAGS, _link_flags
from firmware_export.export import export_model
from firmware_export.model_file import load_model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.target import TARGETS

CORE = TARGETS["cortex-m3"]
PTY = re.compile(rb"char device redirected to (/dev/pts/\d+)")


def build_firmware(bundle: Path, folder: Path, *defines: str) -> Path:
    """Return an ELF file that reports the inferences of a bundle's golden vectors."""
    exported = export_model(load_model(bundle), CORE, package=cmake_files, vectors=4, prefix="net")
    fill_directory(folder, exported.files)
    layout = layout_of(load_bundle(bundle))
    flags = [*defines, "-DEDGE_PREFIX=net", '-DEDGE_SELFTEST_HEADER="net_selftest.h"']
    flags += [f"-DEDGE_INPUT_BYTES={layout.inputs}u", f"-DEDGE_OUTPUT_BYTES={sum(layout.outputs)}u"]
    flags += [f"-I{HARNESS}", f"-I{folder}"]
    _compile(folder / "net.c", folder / "net.o", *MODEL_FLAGS)
    sources = {
        "harness_start": HARNESS / "startup.c",
        "harness_main": Path(__file__).with_name("uart_main.c"),
        "harness_selftest": folder / "net_selftest.c",
    }
    for name, source in sources.items():
        _compile(source, folder / f"{name}.o", *HARNESS_FLAGS, *flags)
    objects = [str(folder / f"{name}.o") for name in ("net", *sources)]
    image = folder / "net.elf"
    command = [CORE.compiler, *CORE.flags, *_link_flags(CORE), "-o", str(image), *objects]
    subprocess.run(command, check=True, capture_output=True)
    return image


def _compile(source: Path, out: Path, *flags: str) -> None:
    command = [CORE.compiler, *CORE.flags, *flags, "-c", str(source), "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def running(image: Path) -> Iterator[str]:
    """Run a firmware and yield the path of the pty that is its serial port."""
    assert CORE.board is not None
    command = [CORE.board.emulator, "-M", CORE.board.machine, "-display", "none"]
    command += ["-monitor", "none", "-serial", "pty", "-kernel", str(image)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = PTY.search(line)
        assert found is not None, line
        yield found[1].decode()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
