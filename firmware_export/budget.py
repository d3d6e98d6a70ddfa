"""Budgets: how much flash and RAM a model may take, and what stands in the way if it takes more."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firmware_export.cuts import Cut
from firmware_export.errors import BudgetSyntaxError
from firmware_export.record import ExportRecord, LayerRecord
from firmware_export.tables import shortened

MAX_OFFENDERS = 8
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}
_SIZE = re.compile(r"(\d+)([km]?)", re.IGNORECASE)
_PART = re.compile(r"(flash|ram)=(\d+[km]?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes that may be taken; None where there is no bound."""

    flash_bytes: int | None = None
    ram_bytes: int | None = None


def parse_size(text: str) -> int:
    """Return the bytes that a text like 64k says; k is 1024 bytes.

    Raises:
        BudgetSyntaxError: It says something else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BudgetSyntaxError(f"size {text!r}: expected a number of bytes such as 65536 or 64k")
    return int(match[1]) * _UNITS[match[2].lower()]


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
        found[match[1].lower()] = parse_size(match[2])
    return Budget(found.get("flash"), found.get("ram"))


def shortfall(record: ExportRecord, budget: Budget) -> list[str]:
    """Return nothing if the model fits; else what is too large, why, and what would fit."""
    lines: list[str] = []
    if budget.flash_bytes is not None and internal_bytes(record) > budget.flash_bytes:
        lines += _flash_lines(record, budget.flash_bytes)
    if is_short_of_ram(record, budget):
        assert budget.ram_bytes is not None  # else nothing is short
        lines += _ram_lines(record, budget.ram_bytes)
    return lines


def is_short_of_ram(record: ExportRecord, budget: Budget) -> bool:
    """Tell whether arena and stack take more than they may."""
    return budget.ram_bytes is not None and record.ram_bytes > budget.ram_bytes


def internal_bytes(record: ExportRecord) -> int:
    """Return the flash that is left to pay for when the large tables lie outside."""
    return record.flash_bytes - record.external_bytes


def cut_lines(record: ExportRecord, budget: Budget, cuts: Sequence[Cut]) -> list[str]:
    """Return what computing the first layers in bands would save and cost, the way to say so too.

    Args:
        record: Of the export that needs too much RAM.
        budget: That it needs more than.
        cuts: The model whole, then in ever more bands, as `best_cuts` returns them.
    """
    if budget.ram_bytes is None or len(cuts) == 1:
        return ["  bands of rows (--patches) take no less"]
    rest = record.ram_bytes - record.arena_bytes
    fitting = [cut for cut in cuts if cut.arena_bytes + rest <= budget.ram_bytes]
    ends = "fits" if fitting else "bands come to no less, and this does not fit"
    return [f"  {_cut_line((fitting or cuts)[0 if fitting else -1], cuts[0], rest)}: {ends}"]


def _cut_line(cut: Cut, whole: Cut, rest: int) -> str:
    assert cut.bands is not None  # the whole is what does not fit
    saved = whole.arena_bytes - cut.arena_bytes
    return (
        f"--patches {cut.bands.count}/{cut.bands.depth}: RAM {cut.arena_bytes + rest:,} bytes, "
        f"{saved:,} less, for {cut.macs / whole.macs - 1:.1%} more products"
    )


def _flash_lines(record: ExportRecord, allowed: int) -> list[str]:
    taken = internal_bytes(record)
    over = taken - allowed
    layers = sorted(record.layers, key=lambda layer: -layer.constants_bytes)
    named = [
        f"  {layer.constants_bytes:,} bytes, {layer.constants_bytes / record.flash_bytes:.0%} of "
        f"it: {_named(layer)}"
        for layer in _heaviest(layers, over)
    ]
    head, advice = _head("flash", taken, allowed), _flash_advice(record, over)
    return [head, *named, *(f"  {line}" for line in advice)]


def _heaviest(layers: Iterable[LayerRecord], over: int) -> list[LayerRecord]:
    """Return the first layers whose constants add up to what is too much, three at least."""
    chosen: list[LayerRecord] = []
    for layer in layers:
        enough = len(chosen) >= 3 and sum(item.constants_bytes for item in chosen) >= over
        if enough or len(chosen) == MAX_OFFENDERS or not layer.constants_bytes:
            break
        chosen.append(layer)
    return chosen


def _flash_advice(record: ExportRecord, over: int) -> list[str]:
    rest = record.constants_bytes - over
    if rest <= 0:
        return ["would fit: no model of this kind, the code alone is larger"]
    width = math.sqrt(rest / record.constants_bytes)
    narrower = f"such as every layer {width:.2f} times as wide (structured pruning)"
    return [
        f"would fit: {over:,} bytes of weights less, {narrower}",
        f"would fit: tables in external flash, --external-from {_external_from(record, over)}",
    ]


def _external_from(record: ExportRecord, over: int) -> int:
    """Return the size of a table that the layers which add up to `over` have, or more."""
    sizes = sorted((layer.constants_bytes for layer in record.layers), reverse=True)
    left = over
    for size in sizes:
        left -= size
        if left < 0 or size == sizes[-1]:
            break
    return size // 2  # the rest of a layer's constants is not the weights


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
