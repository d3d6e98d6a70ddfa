"""Any bytes in, defined behaviour out: every operation under libFuzzer and the sanitizers."""

import subprocess
from pathlib import Path

import pytest

from firmware_export.export import source_files
from firmware_export.golden import golden_vectors, random_inputs
from firmware_export.kernels import kernel_files
from firmware_export.output import fill_directory
from firmware_export.program import Program, plan_program
from firmware_export.provenance import Provenance
from firmware_export.source_text import function_name
from firmware_export.target import TARGETS
from tests.firmware_export.wide_graphs import EVERY_GRAPH

pytestmark = [pytest.mark.clang, pytest.mark.slow]

RUNS = 20_000
SANITIZED = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
HEAD = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fill(void *input, size_t count, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        ((uint8_t *)input)[i] = data[i % size];
    }
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    switch (data[0] % COUNT) {
"""


def case(number: int, program: Program) -> str:
    """Fill every input and run, twice: the second finds the arena as the first left it."""
    prefix, lines = program.prefix, [f"case {number}:"]
    for _ in range(2):
        for tensor, name in zip(program.graph.inputs, program.input_names, strict=True):
            function = function_name(program, "input", name)
            count = program.size_bytes(tensor)
            lines.append(f"fill({function}(), {count}, data + 1, size - 1);")
        lines.append(f"{prefix}_run();")
    return "\n".join([*lines, "break;"])


@pytest.mark.parametrize("target", ["host", "cortex-m4"])  # tables for generic and dsp kernels
def test_any_bytes_give_defined_behaviour(target: str, tmp_path: Path) -> None:
    cases, includes, sources = [], [], []
    for number, (name, graph) in enumerate(EVERY_GRAPH.items()):
        program = plan_program(graph, TARGETS[target], f"g_{name}")
        golden = golden_vectors(program.graph, random_inputs(graph, 1))
        files = source_files(program, golden, Provenance(name, "0" * 64))
        fill_directory(tmp_path / name, {**kernel_files(), **files})
        includes.append(f'#include "{name}/g_{name}.h"')
        sources.append(f"{name}/g_{name}.c")
        cases.append(case(number, program))
    head = HEAD.replace("COUNT", str(len(cases)))
    body = "\n".join(cases)
    text = "\n".join([*includes, head, body, "default: break;", "}", "return 0;", "}", ""])
    (tmp_path / "fuzz.c").write_text(text)
    compiler = ["clang", "-std=c99", "-Wall", "-Wextra", "-Werror", *SANITIZED]
    subprocess.run([*compiler, "-o", "fuzz", "fuzz.c", *sources], cwd=tmp_path, check=True)

    limits = [f"-runs={RUNS}", "-seed=1", "-max_len=512", "-timeout=20"]
    done = subprocess.run(
        [tmp_path / "fuzz", *limits], cwd=tmp_path, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {RUNS} runs" in done.stderr
