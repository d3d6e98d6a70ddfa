"""Targets: what the exporter must know of a core, and the QEMU board that stands in for it."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_export.errors import FirmwareExportError

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Board:
    """A machine of QEMU: its name and where its memories lie (addresses and sizes in bytes)."""

    machine: str
    rom: int
    rom_bytes: int
    ram: int
    ram_bytes: int


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
        board: The QEMU machine that `verify` runs on, None for the machine we stand on.
        tier: Which kernels are called, and so how weights are laid out.
    """

    name: str
    compiler: str
    flags: tuple[str, ...]
    alignment_bytes: int
    board: Board | None
    tier: Tier = Tier.GENERIC


_ARM_GCC = "arm-none-eabi-gcc"
_MPS2 = {"rom": 0x0, "rom_bytes": 4 * MEBIBYTE, "ram": 0x2000_0000, "ram_bytes": 4 * MEBIBYTE}
_AN385 = Board(machine="mps2-an385", **_MPS2)
_AN386 = Board(machine="mps2-an386", **_MPS2)
_AN500 = Board(machine="mps2-an500", **_MPS2)
# Not mps2-an521: its first core has neither FPU nor DSP.
_AN505 = Board("mps2-an505", 0x1000_0000, 4 * MEBIBYTE, 0x3800_0000, 4 * MEBIBYTE)
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
# A Cortex-M3 runs ARMv6-M code as it is; the start-up makes it trap unaligned accesses as an M0+.
_ALL = (
    _arm("cortex-m0plus", _SOFT, board=_AN385),
    _arm("cortex-m3", _SOFT, board=_AN385),
    _arm("cortex-m4", _HARD, "-mfpu=fpv4-sp-d16", board=_AN386, tier=Tier.DSP),
    _arm("cortex-m7", _HARD, "-mfpu=fpv5-d16", board=_AN500, tier=Tier.DSP),
    _arm("cortex-m33", _HARD, "-mfpu=fpv5-sp-d16", board=_AN505, tier=Tier.DSP),
    _arm("cortex-m55", _HARD, board=_AN547, alignment_bytes=16, tier=Tier.MVE),
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
