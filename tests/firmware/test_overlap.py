"""Outputs that lie over their inputs, in C: bit for bit, with every core's kernels.

Each plan is the tightest there is, so a byte written too early shows in the result. No sanitizer
sees that; what they see, test_host.py shows them.
"""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware_export.arena import bound_bytes
from firmware_export.bands import Bands, legal_depths
from firmware_export.export import export_model, source_files
from firmware_export.golden import golden_vectors, random_inputs
from firmware_export.kernels import kernel_files
from firmware_export.model_file import Model
from firmware_export.output import fill_directory, write_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.program import Memory, arena_demand, plan_program
from firmware_export.provenance import Provenance
from firmware_export.target import TARGETS, Tier
from firmware_export.verify import verify_export
from quantize.ir.graph import IntGraph
from quantize.ir.ops import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Padding
from quantize.ir.shapes import same_padding
from tests.firmware.cores import EMULATED
from tests.firmware.test_host import STRICT
from tests.firmware_export.int_graphs import Builder, Y, residual_graph

CHAINS = 24
CHANNELS = (1, 3, 4, 8, 16, 20, 32, 36)


def chain(seed: int) -> IntGraph:
    """Three convolutions or pools, one behind the other, of sizes that the seed draws."""
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    size = (1, int(rng.integers(4, 10)), int(rng.integers(3, 9)), int(rng.choice(CHANNELS)))
    name = b.input("x", size)
    for index in range(3):
        name = _window(b, rng, name, index)
    return b.build(name)


def _window(b: Builder, rng: np.random.Generator, source: str, index: int) -> str:
    _, height, width, channels = b.tensors[source].shape
    kernel = (int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1)))
    stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    same = same_padding((height, width), kernel, stride, (1, 1))
    padding = same if rng.integers(3) else Padding()
    kind, output = rng.integers(8), f"t{index}"
    if kind < 2:
        pool = (MaxPool2D, AveragePool2D)[kind]
        quant = b.tensors[source].quant
        assert quant is not None
        return b.add(pool(source, output, kernel, stride, padding), quant)
    is_depthwise = kind < 5
    multiple = channels * int(rng.choice((1, 1, 1, 2)))
    made = multiple if is_depthwise else int(rng.choice(CHANNELS))
    shape = (1, *kernel, made) if is_depthwise else (made, *kernel, channels)
    weight = b.weight(f"w{index}", shape, 3 if is_depthwise else 0)
    conv = DepthwiseConv2D if is_depthwise else Conv2D
    return b.add(conv(source, weight, None, output, stride, (1, 1), padding), Y)


def memory_of(graph: IntGraph, seed: int) -> Memory:
    """Every third chain in bands, where it can be cut."""
    depths = legal_depths(graph) if seed % 3 == 0 else []
    return Memory(Bands(depths[-1], 2)) if depths else Memory()


@pytest.fixture(scope="module", params=list(Tier))
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, int]:
    """What each chain's self-test says, all in one program."""
    folder = tmp_path_factory.mktemp("overlap")
    target = replace(TARGETS["host"], tier=request.param, alignment_bytes=1)
    main, sources = ["#include <stdio.h>"], []
    for seed in range(CHAINS):
        graph, name = chain(seed), f"c{seed}"
        program = plan_program(graph, target, name, memory=memory_of(graph, seed))
        golden = golden_vectors(graph, random_inputs(graph, 3))
        files = source_files(program, golden, Provenance(name, "0" * 64))
        fill_directory(folder / name, {**kernel_files(), **files})
        main.append(f'#include "{name}/{name}_selftest.h"')
        sources += [f"{name}/{name}.c", f"{name}/{name}_selftest.c"]
    main += ["int main(void)", "{"]
    main += [f'    printf("{n} %ld\\n", (long)c{n}_selftest());' for n in range(CHAINS)]
    (folder / "main.c").write_text("\n".join([*main, "    return 0;", "}", ""]))
    command = ["gcc", *STRICT, "-O1", "-o", "all", "main.c", *sources]
    subprocess.run(command, cwd=folder, check=True)
    printed = subprocess.run([folder / "all"], check=True, capture_output=True, text=True).stdout
    return {int(row.split()[0]): int(row.split()[1]) for row in printed.splitlines()}


@pytest.mark.gcc
def test_no_value_is_written_over_before_it_was_read(results: dict[int, int]) -> None:
    assert [seed for seed in range(CHAINS) if results[seed] != -1] == []


@pytest.mark.parametrize("tier", list(Tier))
def test_most_of_these_chains_do_lie_over_one_another(tier: Tier) -> None:
    target = replace(TARGETS["host"], tier=tier, alignment_bytes=1)
    demands = [arena_demand(chain(seed), target) for seed in range(CHAINS)]

    bounds = [bound_bytes(d.lifetimes, d.sizes, d.alignment, {}) for d in demands]

    smaller = [d.plan().size_bytes < bound for d, bound in zip(demands, bounds, strict=True)]
    assert sum(smaller) > CHAINS // 2


def wide_chain() -> IntGraph:
    """Layers of more than 16 channels, which Helium's depthwise kernel makes in several passes."""
    b = Builder()
    name = b.input("x", (1, 12, 9, 40))
    for index in range(3):
        b.weight(f"dw{index}", (1, 3, 3, 40), 3)
        b.weight(f"w{index}", (40, 1, 1, 40), 0)
        same = same_padding((12, 9), (3, 3), (1, 1), (1, 1))
        name = b.add(DepthwiseConv2D(name, f"dw{index}", None, f"d{index}", padding=same), Y)
        name = b.add(Conv2D(name, f"w{index}", None, f"p{index}"), Y)
    return b.build(name)


@pytest.mark.qemu
@pytest.mark.parametrize("core", EMULATED)
@pytest.mark.parametrize(
    ("graph", "memory"),
    [(wide_chain(), Memory()), (residual_graph(), Memory(Bands(4, 3)))],
    ids=["overlapping", "in bands"],
)
def test_the_instructions_of_every_core_do_the_same(
    core: str, graph: IntGraph, memory: Memory, tmp_path: Path
) -> None:
    model = Model("m", graph, "0" * 64)
    target = TARGETS[core]
    made = export_model(model, target, package=cmake_files, vectors=3, prefix="net", memory=memory)
    write_directory(tmp_path / "net", made.files)

    assert verify_export(tmp_path / "net").differing_bytes == 0
