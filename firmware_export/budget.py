"""Budgets: how much flash and RAM a model may take, and what stands in the way if it takes more."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from firmware_export.errors import BudgetSyntaxError
from firmware_export.record import ExportRecord, LayerRecord
from firmware_export.tables import shortened

MAX_OFFENDERS = 8
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}
_PART = re.compile(r"(flash|ram)=(\d+)([km]?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes that may be taken; None where there is no bound."""

    flash_bytes: int | None = None
    ram_bytes: int | None = None


def parse_budget(text: str) -> Budget:
    """Return the budget that a text like flash=256k,ram=64k says; k is 1024 bytes.

    Raises:
        BudgetSyntaxError: It says something else.
    """
    found: dict[str, int] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or match[1].lower() in found:
            raise BudgetSyntaxError(f"budget {text!r}: expected flash=256k,ram=64k or one of both")
        found[match[1].lower()] = int(match[2]) * _UNITS[match[3].lower()]
    return Budget(found.get("flash"), found.get("ram"))


def shortfall(record: ExportRecord, budget: Budget) -> list[str]:
    """Return nothing if the model fits; else what is too large, why, and what would fit."""
    lines: list[str] = []
    if budget.flash_bytes is not None and record.flash_bytes > budget.flash_bytes:
        lines += _flash_lines(record, budget.flash_bytes)
    if budget.ram_bytes is not None and record.ram_bytes > budget.ram_bytes:
        lines += _ram_lines(record, budget.ram_bytes)
    return lines


def _flash_lines(record: ExportRecord, allowed: int) -> list[str]:
    over = record.flash_bytes - allowed
    layers = sorted(record.layers, key=lambda layer: -layer.constants_bytes)
    named = [
        f"  {layer.constants_bytes:,} bytes, {layer.constants_bytes / record.flash_bytes:.0%} of "
        f"it: {_named(layer)}"
        for layer in _heaviest(layers, over)
    ]
    return [_head("flash", record.flash_bytes, allowed), *named, f"  {_flash_advice(record, over)}"]


def _heaviest(layers: Iterable[LayerRecord], over: int) -> list[LayerRecord]:
    """Return the first layers whose constants add up to what is too much, three at least."""
    chosen: list[LayerRecord] = []
    for layer in layers:
        enough = len(chosen) >= 3 and sum(item.constants_bytes for item in chosen) >= over
        if enough or len(chosen) == MAX_OFFENDERS or not layer.constants_bytes:
            break
        chosen.append(layer)
    return chosen


def _flash_advice(record: ExportRecord, over: int) -> str:
    rest = record.constants_bytes - over
    if rest <= 0:
        return "would fit: no model of this kind, the code alone is larger"
    width = math.sqrt(rest / record.constants_bytes)
    return (
        f"would fit: {over:,} bytes of weights less, such as every layer {width:.2f} times as wide"
    )


def _ram_lines(record: ExportRecord, allowed: int) -> list[str]:
    alive = sorted(record.peak_buffers.items(), key=lambda item: (-item[1], item[0]))
    named = [f"  {size:,} bytes alive at the peak: {shortened(name)}" for name, size in alive]
    arena = allowed - (record.ram_bytes - record.arena_bytes)
    too_large = [layer for layer in record.layers if layer.live_bytes > max(arena, 0)]
    return [
        _head("RAM", record.ram_bytes, allowed),
        f"  the peak: {shortened(record.peak_layer)}",
        *named,
        f"  {len(too_large)} of {len(record.layers)} layers need more than is there: "
        + ", ".join(shortened(layer.name) for layer in too_large[:MAX_OFFENDERS])
        + (", …" if len(too_large) > MAX_OFFENDERS else ""),
        f"  {_ram_advice(record, arena)}",
    ]


def _ram_advice(record: ExportRecord, arena: int) -> str:
    if arena <= 0:
        return "would fit: no model of this kind, the stack alone is larger"
    ratio = arena / record.arena_bytes
    return (
        f"would fit: an arena of {arena:,} bytes, such as an input {math.sqrt(ratio):.2f} times as "
        f"high and wide, or {ratio:.2f} times the channels at the peak"
    )


def _head(what: str, taken: int, allowed: int) -> str:
    return f"{what}: {taken:,} bytes, {taken - allowed:,} more than the budget of {allowed:,}"


def _named(layer: LayerRecord) -> str:
    return f"{layer.operation} {shortened(layer.name)} {layer.output_shape}"
