"""Targets: what the exporter must know of a core, and the QEMU board that stands in for it."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_export.errors import FirmwareExportError

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Board:
    """A machine of QEMU: its name and where its memories lie (addresses and sizes in bytes).

    Attributes:
        emulator: The command that has the machine.
        options: What the emulator must be told besides.
        library: How the linker is told of a C library, where the target's flags do not say it.
    """

    machine: str
    rom: int
    rom_bytes: int
    ram: int
    ram_bytes: int
    emulator: str = "qemu-system-arm"
    options: tuple[str, ...] = ()
    library: tuple[str, ...] = ("--specs=nano.specs", "--specs=nosys.specs")


class Tier(StrEnum):
    """For which instructions weights are laid out; any compiler can read any layout."""

    GENERIC = "generic"
    DSP = "dsp"
    MVE = "mve"


@dataclass(frozen=True, slots=True)
class Target:
    """A core that code is exported for.

    Attributes:
        name: What people type.
        compiler: The C compiler's command.
        flags: What the compiler must know about the core.
        alignment_bytes: Where tensors and the arena may start.
        board: The QEMU machine that `verify` runs on, None where there is none.
        tier: Which kernels are called, and so how weights are laid out.
    """

    name: str
    compiler: str
    flags: tuple[str, ...]
    alignment_bytes: int
    board: Board | None
    tier: Tier = Tier.GENERIC

    @property
    def is_host(self) -> bool:
        """Whether code for it runs on the machine that we stand on."""
        return self.name == "host"


_ARM_GCC = "arm-none-eabi-gcc"


def _mps2(machine: str) -> Board:
    return Board(machine, 0x0, 4 * MEBIBYTE, 0x2000_0000, 4 * MEBIBYTE)


_AN385, _AN386, _AN500 = (_mps2(f"mps2-an{number}") for number in (385, 386, 500))
# Not mps2-an521: its first core has neither FPU nor DSP.
_AN505 = Board("mps2-an505", 0x1000_0000, 4 * MEBIBYTE, 0x3800_0000, 4 * MEBIBYTE)
# No ROM of its own: the upper half of the memory stands in for RAM.
_VIRT = Board(
    machine="virt",
    rom=0x8000_0000,
    rom_bytes=8 * MEBIBYTE,
    ram=0x8080_0000,
    ram_bytes=8 * MEBIBYTE,
    emulator="qemu-system-riscv32",
    options=("-bios", "none"),
    library=(),
)
_AN547 = Board("mps3-an547", 0x1000_0000, MEBIBYTE // 2, 0x3100_0000, 2 * MEBIBYTE)


def _arm(
    core: str,
    *float_flags: str,
    board: Board,
    alignment_bytes: int = 4,
    tier: Tier = Tier.GENERIC,
) -> Target:
    flags = (f"-mcpu={core}", "-mthumb", *float_flags)
    return Target(core, _ARM_GCC, flags, alignment_bytes, board, tier)


_SOFT = "-mfloat-abi=soft"
_HARD = "-mfloat-abi=hard"
# GCC 12 does not know this core's name, QEMU 7 not the core: what runs is the Cortex-M55's model.
_M85 = ("-march=armv8.1-m.main+dsp+mve.fp+fp.dp", "-mthumb", _HARD)
_RV32IMC = ("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs")
# A Cortex-M3 runs ARMv6-M code as it is; the start-up makes it trap unaligned accesses as an M0+.
_ALL = (
    _arm("cortex-m0plus", _SOFT, board=_AN385),
    _arm("cortex-m3", _SOFT, board=_AN385),
    _arm("cortex-m4", _HARD, "-mfpu=fpv4-sp-d16", board=_AN386, tier=Tier.DSP),
    _arm("cortex-m7", _HARD, "-mfpu=fpv5-d16", board=_AN500, tier=Tier.DSP),
    _arm("cortex-m33", _HARD, "-mfpu=fpv5-sp-d16", board=_AN505, tier=Tier.DSP),
    _arm("cortex-m55", _HARD, board=_AN547, alignment_bytes=16, tier=Tier.MVE),
    Target("cortex-m85", _ARM_GCC, _M85, 16, _AN547, Tier.MVE),
    Target("rv32imc", "riscv64-unknown-elf-gcc", _RV32IMC, 4, _VIRT),
    Target("xtensa-lx7", "xtensa-esp32s3-elf-gcc", ("-mlongcalls",), 16, None),
    Target("host", "gcc", (), 16, None),
)
TARGETS = {target.name: target for target in _ALL}


def find_target(name: str) -> Target:
    """Return the target of that name.

    Raises:
        FirmwareExportError: There is none.
    """
    if name not in TARGETS:
        raise FirmwareExportError(f"target {name!r}: unknown, expected one of {', '.join(TARGETS)}")
    return TARGETS[name]
