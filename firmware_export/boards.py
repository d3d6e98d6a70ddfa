"""Boards: which core a part that one can buy has, and how much memory (boards.toml)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from firmware_export.errors import FirmwareExportError
from firmware_export.target import TARGETS, Target, find_target


class BoardRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A microcontroller or board.

    Attributes:
        about: Its name as the maker writes it.
        core: A target's name.
        flash_bytes: What holds code.
        ram_bytes: The region of memory that an arena may lie in.
        source: The document that says so.
        checked: A public file that was compared with it.
    """

    about: str
    core: str
    flash_bytes: int
    ram_bytes: int
    source: str
    checked: str


class TargetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `edge-firmware targets`; a bare core has no memory of its own."""

    name: str
    core: str
    compiler: str
    emulator: str | None
    about: str | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What --target means: a core, and the board that was named, if it was one."""

    target: Target
    name: str
    board: BoardRecord | None


@cache
def boards() -> dict[str, BoardRecord]:
    """Return every board by its name."""
    text = (files("firmware_export") / "boards.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, BoardRecord])


def select_target(name: str) -> Selection:
    """Return what a name means, be it a core's or a board's.

    Raises:
        FirmwareExportError: It is neither.
    """
    board = boards().get(name)
    if board is None and name not in TARGETS:
        raise FirmwareExportError(
            f"target {name!r}: unknown, expected one of {', '.join((*TARGETS, *boards()))}"
        )
    return Selection(find_target(board.core if board else name), name, board)


def target_records() -> list[TargetRecord]:
    """Return all cores, then all boards."""
    names = (*TARGETS, *boards())
    return [_record(select_target(name)) for name in names]


def _record(selection: Selection) -> TargetRecord:
    target, board = selection.target, selection.board
    return TargetRecord(
        name=selection.name,
        core=target.name,
        compiler=target.compiler,
        emulator=target.board.machine if target.board else None,
        about=board.about if board else None,
        flash_bytes=board.flash_bytes if board else None,
        ram_bytes=board.ram_bytes if board else None,
        source=board.source if board else None,
    )
