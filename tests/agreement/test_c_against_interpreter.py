"""Random legal graphs: the exported C gives what the interpreter gives, bit for bit."""

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from firmware_export.errors import UnsupportedForCError
from firmware_export.export import source_files
from firmware_export.golden import golden_vectors, random_inputs
from firmware_export.kernels import kernel_files
from firmware_export.output import fill_directory
from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph
from tests.strategies import single_operation_graphs

GRAPHS_AT_ONCE = 18
VECTORS = 8
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
SANITIZED = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

pytestmark = pytest.mark.gcc


@settings(
    max_examples=2,
    deadline=None,
    phases=(Phase.generate,),  # compiling is too slow to shrink by
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(single_operation_graphs(), min_size=GRAPHS_AT_ONCE, max_size=GRAPHS_AT_ONCE))
def test_c_equals_the_interpreter_on_random_operations(graphs: list[IntGraph]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = write_exports(Path(folder), graphs)
        results = run_all(Path(folder), names)

    assert len(names) >= GRAPHS_AT_ONCE // 2  # few draws are beyond what the kernels say
    assert results == dict.fromkeys(names, "-1")


def write_exports(folder: Path, graphs: list[IntGraph]) -> list[str]:
    """Write the C of every graph that C can say; return the prefixes."""
    fill_directory(folder, kernel_files())
    names = []
    for number, graph in enumerate(graphs):
        name = f"{type(graph.operations[-1]).__name__}_{number}"
        try:
            program = plan_program(graph, TARGETS["host"], name)
        except UnsupportedForCError:
            continue
        golden = golden_vectors(program.graph, random_inputs(graph, VECTORS))
        fill_directory(folder, source_files(program, golden, Provenance(name, "0" * 64)))
        names.append(name)
    return names


def run_all(folder: Path, names: list[str]) -> dict[str, str]:
    """Compile everything into one program; return what each self-test says."""
    lines = ["#include <stdio.h>", *(f'#include "{name}_selftest.h"' for name in names)]
    calls = [f'    printf("{name} %ld\\n", (long){name}_selftest());' for name in names]
    text = "\n".join([*lines, "int main(void)", "{", *calls, "    return 0;", "}", ""])
    (folder / "main.c").write_text(text)
    sources = ["main.c", *(f"{name}{part}.c" for name in names for part in ("", "_selftest"))]
    subprocess.run(["gcc", *FLAGS, *SANITIZED, "-o", "all", *sources], cwd=folder, check=True)
    done = subprocess.run([folder / "all"], check=True, capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())
