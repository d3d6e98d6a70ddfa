"""Tables for people: what was measured, readable in a terminal of 80 columns."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quantize.compare.changes import ChangedPrediction
from quantize.compare.comparison import Comparison
from quantize.compare.operations import OperationDifference
from quantize.inspection import Inspection
from quantize.pipeline import Outcome
from quantize.report.costs import OperationCost
from quantize.report.evaluation import Evaluation, Metric
from quantize.report.layers import LayerError
from quantize.report.parity import Parity
from quantize.report.pruning import Pruning
from quantize.report.report import Report
from quantize.report.trials import SearchReport

BOX = SIMPLE_HEAD
WORST_LAYERS = 12
MAX_CLASSES = 20


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print the metric, the parity of the executors, the worst layers, the sizes and the bundle."""
    report = outcome.report
    _print_metrics(console, report)
    if report.evaluation.classes:
        console.print(_class_table(report.evaluation))
    console.print(_parity_table(report))
    print_layers(console, report.layers)
    _print_sizes(console, report)
    if report.pruning is not None:
        _print_pruning(console, report.pruning)
    if report.search is not None:
        console.print(_search_table(report.search))
    console.print(f"bundle: {outcome.bundle}", soft_wrap=True, highlight=False)


def print_comparison(console: Console, found: Comparison) -> None:
    """Print how two models differ: end to end, in predictions, per layer and per operation."""
    _print_outputs(console, found)
    if found.changes:
        _print_changes(console, found.changes)
    if found.operations:
        _print_differing_operations(console, found.operations)
    if not found.layers:
        console.print("no tensor has the same name in both models: no layers to compare")
    elif any(layer.sqnr_db is not None for layer in found.layers):
        print_layers(console, found.layers)
    else:
        console.print(f"layers end to end: all {len(found.layers)} equal")


def _print_outputs(console: Console, found: Comparison) -> None:
    table = Table(title=f"End to end, {found.samples} samples", title_justify="left", box=BOX)
    for heading in ("", "max LSB", "differing", "max error", "SQNR dB"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, part in (("output", found.output), ("logits", found.logits)):
        if part is not None:
            table.add_row(
                name,
                "-" if part.max_lsb is None else str(part.max_lsb),
                _percent(part.differing_share),
                f"{part.max_abs:.6g}",
                decibels(part.sqnr_db),
            )
    console.print(table)
    if found.changed_predictions is not None:
        console.print(f"changed predictions: {found.changed_predictions} of {found.samples}")


def _print_changes(console: Console, changes: Sequence[ChangedPrediction]) -> None:
    shown = changes[:WORST_LAYERS]
    title = "Changed predictions, with their lead over the next class"
    table = Table(title=title, title_justify="left", box=BOX)
    for heading in ("sample", "first says", "lead", "second says", "lead"):
        table.add_column(heading, justify="left" if "says" in heading else "right")
    for change in shown:
        table.add_row(
            str(change.sample),
            escape(change.first),
            f"{change.first_margin:.4g}",
            escape(change.second),
            f"{change.second_margin:.4g}",
        )
    console.print(table)


def _print_differing_operations(
    console: Console, operations: Sequence[OperationDifference]
) -> None:
    """Print the operations that differ on equal inputs, the furthest off."""
    differing = [one for one in operations if one.max_abs > 0.0]
    console.print(
        f"operations on equal inputs: {len(operations) - len(differing)} of {len(operations)} equal"
    )
    if not differing:
        return
    worst = sorted(differing, key=lambda one: -(one.max_lsb or one.max_abs))[:WORST_LAYERS]
    table = _table("Operations that differ", "made by")
    for heading in ("max LSB", "differing", "max error"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in (one for one in differing if one in worst):
        lsb = "-" if one.max_lsb is None else str(one.max_lsb)
        numbers = (lsb, _percent(one.differing_share), f"{one.max_abs:.3g}")
        table.add_row(escape(one.name), one.operation, *numbers)
    console.print(table)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def print_inspection(console: Console, found: Inspection) -> None:
    """Print a model's operations and costs, or all that stands in its way."""
    if found.problems:
        table = Table(title=f"{found.name}: not supported", title_justify="left", box=BOX)
        table.add_column("problem", overflow="fold")
        for problem in found.problems:
            table.add_row(escape(problem))
        console.print(table)
        return
    _print_operations(console, found.operations)
    kind = "int8" if found.is_int8 else "float32"
    for role, ports in (("input", found.inputs), ("output", found.outputs)):
        for port in ports:
            console.print(f"{role}: {escape(port.name)} {escape(str(port.shape))}")
    console.print(
        f"{found.format}, {kind}, {found.file_bytes:,} bytes; {found.macs:,} MACs;"
        f" weights {found.constant_bytes:,} bytes;"
        f" largest activations {found.largest_activation_bytes:,} bytes; supported"
    )


def print_layers(console: Console, layers: Sequence[LayerError]) -> None:
    """Print the layers that are furthest off, in the order they run."""
    measured = [layer for layer in layers if layer.sqnr_db is not None]
    worst = {layer.name for layer in sorted(measured, key=_sqnr)[:WORST_LAYERS]}
    shown = [layer for layer in layers if layer.name in worst]
    title = "Error per layer"
    if len(layers) > len(shown):
        title += f" (the {len(shown)} worst of {len(layers)})"
    table = _table(title, "made by")
    for heading in ("SQNR dB", "max error", "greatest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in shown:
        greatest = max(abs(layer.low), abs(layer.high))
        numbers = (decibels(layer.sqnr_db), f"{layer.max_abs:.3g}", f"{greatest:.4g}")
        table.add_row(escape(layer.name), layer.operation, *numbers)
    console.print(table)


def _print_operations(console: Console, costs: Sequence[OperationCost]) -> None:
    """Print every operation with its output's shape and what it costs."""
    table = _table("Operations", "operation")
    for heading in ("shape", "MACs", "weights"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cost in costs:
        shape = "x".join(str(size) for size in cost.shape)
        table.add_row(
            escape(cost.name), cost.operation, shape, f"{cost.macs:,}", f"{cost.parameters:,}"
        )
    console.print(table)


def decibels(value: float | None) -> str:
    """Return a ratio for people; None is an exact match."""
    return "exact" if value is None else f"{value:.2f}"


def _table(title: str, second: str) -> Table:
    """Return a table whose rows begin with a tensor and an operation."""
    table = Table(title=title, title_justify="left", box=BOX)
    table.add_column("tensor", overflow="ellipsis", no_wrap=True, max_width=26)
    table.add_column(second, no_wrap=True)
    return table


def _sqnr(layer: LayerError) -> float:
    return float("inf") if layer.sqnr_db is None else layer.sqnr_db


def _print_metrics(console: Console, report: Report) -> None:
    evaluation = report.evaluation
    console.print(
        f"[bold]{report.model}[/bold]: {evaluation.task} on {evaluation.samples} samples of the"
        f" {report.evaluated_on}, {_calibrated_on(report)}"
    )
    table = Table(title="Accuracy", title_justify="left", box=BOX)
    for heading in ("", "float", "int8", "change"):
        table.add_column(heading, justify="right" if heading else "left")
    for metric in evaluation.metrics:
        table.add_row(metric.name, *_metric_cells(metric))
    for group, metric in evaluation.groups.items():
        table.add_row(f"{metric.name}, {escape(group)}", *_metric_cells(metric))
    if evaluation.agreement is not None:
        changed = f"{evaluation.changed_predictions} changed"
        table.add_row("agreement with float", "", f"{evaluation.agreement:.4f}", changed)
    table.add_row("SQNR of the output, dB", "", decibels(evaluation.sqnr_db), "")
    table.add_row("SQNR of the logits, dB", "", decibels(evaluation.logits_sqnr_db), "")
    console.print(table)


def _metric_cells(metric: Metric) -> tuple[str, str, str]:
    change = metric.int8_value - metric.float_value
    return f"{metric.float_value:.4f}", f"{metric.int8_value:.4f}", f"{change:+.4f}"


def _calibrated_on(report: Report) -> str:
    return report.without_data or f"calibrated on {report.calibration_samples}"


def _class_table(evaluation: Evaluation) -> Table:
    title = "Classes (float / int8)"
    if len(evaluation.classes) > MAX_CLASSES:
        title += f", the first {MAX_CLASSES} of {len(evaluation.classes)}"
    table = Table(title=title, title_justify="left", box=BOX)
    table.add_column("class")
    for heading in ("samples", "precision", "recall"):
        table.add_column(heading, justify="right")
    for entry in evaluation.classes[:MAX_CLASSES]:
        before, after = entry.float_model, entry.int8_model
        table.add_row(
            escape(entry.label),
            str(before.support),
            f"{_share(before.precision)} / {_share(after.precision)}",
            f"{_share(before.recall)} / {_share(after.recall)}",
        )
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _parity_table(report: Report) -> Table:
    samples = next((parity.samples for parity in report.parity.values()), 0)
    table = Table(
        title=f"Parity with the interpreter, profile {report.profile} ({samples} samples)",
        title_justify="left",
        box=BOX,
    )
    table.add_column("executor")
    for heading in ("one op: LSB", "logits: LSB", "differing", "changed"):
        table.add_column(heading, justify="right")
    for name, parity in report.parity.items():
        table.add_row(name, *_parity_cells(parity))
    return table


def _parity_cells(parity: Parity) -> tuple[str, str, str, str]:
    changed = "-" if parity.changed_predictions is None else str(parity.changed_predictions)
    return (
        str(parity.operation_max_lsb),
        str(parity.max_lsb),
        _percent(parity.differing_share),
        changed,
    )


def _search_table(search: SearchReport) -> Table:
    """Return what was tried under a budget; the chosen one is marked."""
    table = Table(title="Search", title_justify="left", box=BOX)
    table.add_column("candidate")
    for heading in ("drop", "changed", "logits dB", "TFLite bytes", "in budget"):
        table.add_column(heading, justify="right")
    for trial in search.trials:
        mark = " *" if trial.name == search.chosen else ""
        table.add_row(
            escape(trial.name) + mark,
            "" if trial.drop is None else f"{trial.drop:.3f}",
            "" if trial.flips is None else f"{100 * trial.flips:.2f} %",
            decibels(trial.logits_sqnr_db),
            f"{trial.tflite_bytes:,}",
            "yes" if trial.meets else "no",
        )
    return table


def _print_sizes(console: Console, report: Report) -> None:
    facts = report.facts
    table = Table(title="Sizes", title_justify="left", box=BOX)
    table.add_column("file")
    for heading in ("bytes", "of float"):
        table.add_column(heading, justify="right")
    sizes = {
        f"float {facts.format}": facts.float_bytes,
        "model.onnx": facts.onnx_bytes,
        "model.tflite": facts.tflite_bytes,
    }
    for name, size in sizes.items():
        table.add_row(name, f"{size:,}", f"{100 * size / facts.float_bytes:.1f} %")
    console.print(table)


def _print_pruning(console: Console, pruning: Pruning) -> None:
    table = Table(title="Pruning", title_justify="left", box=BOX)
    for heading in ("", "whole", "pruned"):
        table.add_column(heading, justify="right" if heading else "left")
    before, after = pruning.before, pruning.after
    table.add_row("MACs", f"{before.macs:,}", f"{after.macs:,}")
    table.add_row("model.tflite, bytes", f"{before.tflite_bytes:,}", f"{after.tflite_bytes:,}")
    compressed = (f"{before.compressed_bytes:,}", f"{after.compressed_bytes:,}")
    table.add_row("compressed by zlib, bytes", *compressed)
    table.add_row("weights that are 0", f"{before.zero_share:.1%}", f"{after.zero_share:.1%}")
    console.print(table)
