"""The counting plugin, judged by a loop whose instructions a person can count."""

from pathlib import Path

import pytest

from firmware_export.build import HARNESS, Image, _link_flags
from firmware_export.record import Footprint
from firmware_export.target import TARGETS
from firmware_export.toolchain import run_build
from firmware_export.verify import _emulate
from tests.firmware.cores import EMULATED

LENGTHS = (1, 10, 1000, 1_000_000)
PROGRAM = """
#include "harness.h"
__attribute__((noinline)) static void spin(uint32_t n)
{
#if defined(__riscv)
    __asm__ volatile("1: addi %0, %0, -1\\n bnez %0, 1b" : "+r"(n));
#else
    __asm__ volatile(".syntax unified\\n1: subs %0, #1\\n bne 1b" : "+l"(n) : : "cc");
#endif
}
__attribute__((noinline)) void net_run(uint32_t n);
void net_run(uint32_t n)
{
    spin(n);
    __asm__ volatile("");
}
int main(void)
{
    static const uint32_t lengths[] = {1, 10, 1000, 1000000};
    for (int i = 0; i < 4; i++) {
        harness_mark_begin();
        net_run(lengths[i]);
        harness_mark_end();
        harness_print("differing", 0u);
    }
    harness_print("stack", 0u);
    harness_print("first", 0u);
    return 0;
}
"""


@pytest.mark.parametrize("core", EMULATED)
def test_a_loop_of_two_instructions_counts_twice_its_length(core: str, tmp_path: Path) -> None:
    target = TARGETS[core]
    assert target.board is not None
    (tmp_path / "loop.c").write_text(PROGRAM)
    sources = [str(HARNESS / "startup.c"), "loop.c"]
    compiler = [target.compiler, *target.flags, "-O2", f"-I{HARNESS}"]
    run_build([*compiler, *_link_flags(target), "-o", "loop.elf", *sources], tmp_path)
    nothing = Footprint(compiler="", flash_bytes=0, static_bytes=0, stack_bytes=0)

    run = _emulate(Image(tmp_path / "loop.elf", nothing), target, "net_run")

    overhead = run.instructions[0] - 2 * LENGTHS[0]
    assert run.instructions == tuple(2 * length + overhead for length in LENGTHS)
    assert 0 < overhead < 12
    assert run.calls == (2 * LENGTHS[0] + 1,)  # subs, bne and the return
