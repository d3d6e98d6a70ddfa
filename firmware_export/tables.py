"""Tables for people: what an export costs, what a run showed."""

from collections.abc import Sequence

from firmware_export.boards import TargetRecord
from firmware_export.record import ExportRecord, LayerRecord, VerifyRecord

NAME_WIDTH = 48  # converters join the names of all that they fused


def export_table(record: ExportRecord) -> str:
    """Return the figures of an export, one a line, and its notes."""
    measured = f"as {record.compiler} builds it" if record.compiler else "constants alone"
    rows = [
        ("target", record.target),
        ("multiply-accumulates", f"{record.macs:,}"),
        ("flash", f"{record.flash_bytes:,} bytes, {measured}"),
        ("  of which constants", f"{record.constants_bytes:,} bytes"),
        *_external_rows(record),
        ("RAM", f"{record.ram_bytes:,} bytes"),
        ("  of which arena", f"{record.arena_bytes:,} bytes ({_above_bound(record)})"),
        ("  of which stack", _bytes_or_unknown(record.stack_bytes)),
        ("peak layer", shortened(record.peak_layer)),
        *_bands_rows(record),
    ]
    return "\n".join((_two_columns(rows), *(f"note: {note}" for note in record.notes)))


def _external_rows(record: ExportRecord) -> list[tuple[str, str]]:
    if not record.external_bytes:
        return []
    return [("  of which external", f"{record.external_bytes:,} bytes, by EDGE_EXTERNAL_SECTION")]


def _bands_rows(record: ExportRecord) -> list[tuple[str, str]]:
    bands = record.bands
    if bands is None:
        return []
    more = record.macs / bands.macs_whole - 1
    less = bands.arena_bytes_whole - record.arena_bytes
    cut = f"the first {bands.operations} operations in {bands.bands} bands of rows"
    return [("bands", f"{cut}: {less:,} bytes of arena less, {more:.1%} more products")]


def _above_bound(record: ExportRecord) -> str:
    if record.arena_bytes == record.arena_bound_bytes:
        return "no plan is smaller"
    return f"no plan is smaller than {record.arena_bound_bytes:,}"


def _bytes_or_unknown(value: int | None) -> str:
    return "unknown without the compiler" if value is None else f"{value:,} bytes"


def verify_table(record: VerifyRecord) -> str:
    """Return the figures of a run, one a line."""
    instructions = "not counted on the host"
    if record.instructions is not None:
        per_mac = f" ({record.instructions / record.macs:.3f} per product)" if record.macs else ""
        instructions = f"{record.instructions:,} an inference{per_mac}"
    rows = [
        ("target", f"{record.target} on {record.machine}, {record.compiler}"),
        ("vectors", f"{record.vectors}, profile {record.profile}"),
        ("differing bytes", f"{record.differing_bytes:,}"),
        ("instructions", instructions),
        ("flash", f"{record.flash_bytes:,} bytes"),
        ("RAM", f"{record.ram_bytes:,} bytes"),
        ("  of which arena", f"{record.arena_bytes:,} bytes"),
        ("  of which stack", f"{record.stack_bytes:,} bytes"),
    ]
    return _two_columns(rows)


def layers_table(layers: Sequence[LayerRecord]) -> str:
    """Return one line a layer, with instructions where a run has counted them."""
    head = (
        f"{'':>3}  {'operation':<16} {'MACs':>12} {'instructions':>13} {'per MAC':>8} "
        f"{'constants':>10} "
    )
    lines = [
        f"{number:>3}  {layer.operation:<16} {layer.macs:>12,} {_counted(layer):>13} "
        f"{_per_mac(layer):>8} {layer.constants_bytes:>10,} {layer.live_bytes:>8,}  "
        f"{shortened(layer.name)} {layer.output_shape}"
        for number, layer in enumerate(layers)
    ]
    return "\n".join((f"{head}{'live':>8}  output", *lines))


def _per_mac(layer: LayerRecord) -> str:
    is_known = layer.instructions is not None and layer.macs
    return f"{(layer.instructions or 0) / layer.macs:.3f}" if is_known else ""


def targets_table(records: Sequence[TargetRecord]) -> str:
    """Return one line a core or board; flash and RAM of boards in KiB."""
    lines = [f"{'target':<22} {'core':<14} {'flash':>8} {'RAM':>6}  verified on"]
    lines += [
        f"{record.name:<22} {record.core:<14} {_kib(record.flash_bytes):>8} "
        f"{_kib(record.ram_bytes):>6}  {record.emulator or _elsewhere(record)}"
        for record in records
    ]
    return "\n".join(lines)


def _kib(size: int | None) -> str:
    return "-" if size is None else f"{size // 1024:,}k"


def _elsewhere(record: TargetRecord) -> str:
    return "this machine" if record.core == "host" else "the board only"


def _counted(layer: LayerRecord) -> str:
    return "-" if layer.instructions is None else f"{layer.instructions:,}"


def shortened(name: str) -> str:
    """Return a name in at most NAME_WIDTH characters."""
    return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"


def _two_columns(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)
