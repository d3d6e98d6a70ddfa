"""Exported C, compiled by the host's gcc with all warnings as errors and under sanitizers."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_export.export import source_files
from firmware_export.golden import golden_vectors, random_inputs
from firmware_export.kernels import kernel_files
from firmware_export.output import fill_directory
from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.target import TARGETS, Target, Tier
from quantize.ir.graph import IntGraph
from tests.firmware_export.wide_graphs import EVERY_GRAPH

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
VECTORS = 20

pytestmark = pytest.mark.gcc


def export_graph(graph: IntGraph, directory: Path, prefix: str, target: Target) -> None:
    program = plan_program(graph, target, prefix)
    golden = golden_vectors(program.graph, random_inputs(graph, VECTORS))
    files = source_files(program, golden, Provenance(prefix, "0" * 64))
    fill_directory(directory, {**kernel_files(), **files})


@pytest.fixture(scope="module", params=list(Tier))
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Every graph in one program, with any core's tables: what each one's self-test says."""
    folder = tmp_path_factory.mktemp("host")
    target = replace(TARGETS["host"], tier=request.param)
    main = ["#include <stdio.h>"]
    main += [f'#include "{name}/g_{name}_selftest.h"' for name in EVERY_GRAPH]
    main += ["int main(void)", "{"]
    sources = []
    for name, graph in EVERY_GRAPH.items():
        export_graph(graph, folder / name, f"g_{name}", target)
        sources += [f"{name}/g_{name}.c", f"{name}/g_{name}_selftest.c"]
        main.append(f'    printf("{name} %ld\\n", (long)g_{name}_selftest());')
    (folder / "main.c").write_text("\n".join([*main, "    return 0;", "}", ""]))
    command = ["gcc", *STRICT, *SANITIZED, "-o", "all", "main.c", *sources]
    subprocess.run(command, cwd=folder, check=True)
    output = subprocess.run([folder / "all"], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())


@pytest.mark.parametrize("name", EVERY_GRAPH)
def test_c_equals_the_interpreter_bit_for_bit(name: str, results: dict[str, str]) -> None:
    assert results[name] == "-1"
