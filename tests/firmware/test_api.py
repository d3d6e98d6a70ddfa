"""The functions of an exported header, called by small C and C++ programs on the host."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_export.export import export_model
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.target import TARGETS
from quantize.ir.graph import IntGraph
from quantize.ir.interpreter import execute
from tests.firmware_export.int_graphs import residual_graph, two_headed_graph

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

pytestmark = pytest.mark.gcc


def export_to(folder: Path, graph: IntGraph) -> None:
    model = Model("net", graph, "0" * 64)
    made = export_model(model, TARGETS["host"], package=cmake_files, vectors=1, prefix="net")
    fill_directory(folder, made.files)


def run(folder: Path, program: str, *flags: str) -> list[int]:
    """Compile and run a program that prints numbers."""
    (folder / "app.c").write_text(program)
    command = ["gcc", "-std=c99", *STRICT, *SANITIZED, *flags, "-o", "app", "app.c", "net.c"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([folder / "app"], check=True, capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def test_invoke_copies_in_runs_and_copies_out(tmp_path: Path) -> None:
    graph = residual_graph()
    export_to(tmp_path, graph)

    printed = run(
        tmp_path,
        """
        #include "net.h"
        #include <stdio.h>
        int main(void)
        {
            int8_t input[NET_INPUT_SIZE];
            int8_t output[NET_OUTPUT_SIZE];
            for (int i = 0; i < NET_INPUT_SIZE; i++) {
                input[i] = (int8_t)(i % 256 - 128);
            }
            printf("%d ", net_invoke(input, output));
            for (int i = 0; i < NET_OUTPUT_SIZE; i++) {
                printf("%d ", output[i]);
            }
            printf("%d %d %d", input[100], net_invoke(NULL, output), net_invoke(input, NULL));
            return 0;
        }
        """,
    )

    image = (np.arange(192) % 256 - 128).astype(np.int8).reshape(1, 8, 8, 3)
    expected = execute(graph, {"x": image})["probabilities"].ravel().tolist()
    assert printed == [0, *expected, -28, -1, -1]


def test_several_inputs_and_outputs_are_given_by_name(tmp_path: Path) -> None:
    graph = two_headed_graph()
    export_to(tmp_path, graph)

    printed = run(
        tmp_path,
        """
        #include "net.h"
        #include <stdio.h>
        int main(void)
        {
            const int8_t left[6] = {-128, -60, 0, 50, 100, 127};
            const int8_t right[6] = {5, 4, 3, 2, 1, 0};
            int8_t sum[NET_OUTPUT_SUM_SIZE];
            int8_t clamp[NET_OUTPUT_CLAMP_SIZE];
            (void)net_invoke(left, right, sum, clamp);
            for (int i = 0; i < 6; i++) {
                printf("%d ", sum[i]);
            }
            for (int i = 0; i < 6; i++) {
                printf("%d ", clamp[i]);
            }
            return 0;
        }
        """,
    )

    left = np.array([-128, -60, 0, 50, 100, 127], np.int8).reshape(1, 3, 2)
    right = np.array([5, 4, 3, 2, 1, 0], np.int8).reshape(1, 3, 2)
    outputs = execute(graph, {"left in": left, "2nd*/in": right})
    assert printed == [*outputs["sum"].ravel().tolist(), *outputs["clamp"].ravel().tolist()]


def test_the_caller_may_place_the_arena(tmp_path: Path) -> None:
    export_to(tmp_path, residual_graph())

    printed = run(
        tmp_path,
        """
        #include "net.h"
        #include <stdio.h>
        int8_t net_arena[NET_ARENA_BYTES];
        int main(void)
        {
            printf("%d", net_input() >= net_arena && net_input() < net_arena + sizeof net_arena);
            return 0;
        }
        """,
        "-DNET_EXTERNAL_ARENA",
    )

    assert printed == [1]


@pytest.mark.gcc
def test_the_headers_are_cpp_too(tmp_path: Path) -> None:
    export_to(tmp_path, residual_graph())
    (tmp_path / "app.cpp").write_text(
        '#include "net_selftest.h"\n#include "net.h"\n'
        "int main() { return net_selftest() == -1 && NET_INPUT_SCALE > 0 ? 0 : 1; }\n"
    )

    for command in (
        ["gcc", "-std=c99", "-c", "net.c", "net_selftest.c"],
        ["g++", "-std=c++11", *STRICT, "-o", "app", "app.cpp", "net.o", "net_selftest.o"],
        ["./app"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
