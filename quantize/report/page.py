"""The page: the report as one HTML file that needs no other; the same report, the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime._version import __version__
from quantize.report.accuracy import Comparison, Confusion
from quantize.report.causes import Cause
from quantize.report.intervals import Interval
from quantize.report.occlusion import OcclusionMap
from quantize.report.report import Report
from quantize.report.svg import cause_bars, heat, histogram, share_bar
from quantize.report.trials import SearchReport

TEMPLATE = Path(__file__).with_name("page.html.j2")
MAX_MATRIX_CLASSES = 16  # more do not fit on a screen: the most frequent mistakes are listed
MAX_MISTAKES = 20
MAX_CLASSES = 100
MAX_HISTOGRAMS = 60
MAX_NAME = 40
NOTHING = "\N{EN DASH}"
_IN_PERCENT = frozenset({"accuracy", "map_50", "map_50_95"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a confusion matrix: its count, its share of the row, and how it changed."""

    count: int
    share: float
    change: int
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    """How often one class is taken for another."""

    label: str
    taken_for: str
    float_count: int
    int8_count: int


@dataclass(frozen=True, slots=True)
class Maps:
    """One sample's occlusion maps, as SVG."""

    sample: int
    output: str
    float_svg: str
    int8_svg: str


def render_page(report: Report, pictures: Mapping[int, str]) -> bytes:
    """Return report.html.

    Args:
        report: What it shows.
        pictures: Data URIs of samples of the evaluation data, by their index.
    """
    import jinja2  # noqa: PLC0415  # only where a page is made

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters = (decibels, value, interval, drop, lost, signed, short, size)
    environment.filters |= {entry.__name__: entry for entry in filters}
    layers = report.explanation.causes
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        report=report,
        version=__version__,
        metric_name=metric_name(report),
        is_share=metric_name(report) in _IN_PERCENT,
        pictures=pictures,
        bars=dict(zip((layer.name for layer in layers), cause_bars(layers), strict=True)),
        histograms=[
            (entry, histogram(entry)) for entry in report.explanation.activations[:MAX_HISTOGRAMS]
        ],
        matrices=matrices(report.accuracy.confusion),
        mistakes=mistakes(report.accuracy.confusion),
        classes=worst_first(report.accuracy.classes)[:MAX_CLASSES],
        groups=worst_first(report.accuracy.groups),
        maps=[_maps(entry, report, pictures) for entry in report.explanation.occlusion],
        importance=_importance_rows(report),
        causes=list(Cause),
        budget=_budget(report.search),
        in_all={layer.name: layer.sqnr_db for layer in report.layers},
    )
    return (text.rstrip("\n") + "\n").encode()


def _budget(search: SearchReport | None) -> str:
    """Return what was allowed, in words."""
    if search is None:
        return ""
    drop_allowed = None if search.max_drop is None else f"worse by {search.max_drop:g}"
    share = None if search.max_flips is None else f"{100 * search.max_flips:g} % changed"
    return " and ".join(filter(None, (drop_allowed, share)))


def metric_name(report: Report) -> str:
    """Return the name of the headline metric, or nothing."""
    return report.accuracy.metrics[0].name if report.accuracy.metrics else ""


def worst_first(parts: Sequence[Comparison]) -> list[Comparison]:
    """Return the parts that lost most first."""
    return sorted(parts, key=lambda part: -(part.drop or 0.0))


def matrices(confusion: Confusion | None) -> tuple[list[list[Cell]], list[list[Cell]]] | None:
    """Return the cells of both confusion matrices, if they are small enough to be shown."""
    if confusion is None or len(confusion.labels) > MAX_MATRIX_CLASSES:
        return None
    before, after = confusion.float_model, confusion.int8_model
    return _cells(before, before), _cells(after, before)


def mistakes(confusion: Confusion | None) -> list[Mistake]:
    """Return the most frequent mistakes of either model, where the matrices are too large."""
    if confusion is None or len(confusion.labels) <= MAX_MATRIX_CLASSES:
        return []
    found = [
        Mistake(label, other, confusion.float_model[i][j], confusion.int8_model[i][j])
        for i, label in enumerate(confusion.labels)
        for j, other in enumerate(confusion.labels)
        if i != j and (confusion.float_model[i][j] or confusion.int8_model[i][j])
    ]
    return sorted(found, key=lambda entry: -max(entry.float_count, entry.int8_count))[:MAX_MISTAKES]


def decibels(ratio: float | None) -> str:
    """Return a ratio for people; None is no error."""
    return NOTHING if ratio is None else f"{ratio:.1f}"


def value(number: float | None, name: str) -> str:
    """Return a metric's value: a share in percent, others as they are."""
    if number is None:
        return NOTHING
    return f"{100 * number:.2f} %" if name in _IN_PERCENT else f"{number:.4g}"


def interval(bounds: Interval | None, name: str) -> str:
    """Return an interval, in the metric's unit."""
    if bounds is None:
        return ""
    if name in _IN_PERCENT:
        return f"{100 * bounds.low:.2f} to {100 * bounds.high:.2f} %"
    return f"{bounds.low:.4g} to {bounds.high:.4g}"


def drop(number: float | None, name: str) -> str:
    """Return how much worse a metric became: points of a share, else its own unit."""
    if number is None:
        return NOTHING
    if name in _IN_PERCENT:
        text = f"{100 * number:+.2f}"
        return "0.00" if text in {"+0.00", "-0.00"} else _with_minus(text)
    return _with_minus(f"{number:+.3g}") if number else "0"


def lost(bounds: Interval | None, name: str) -> str:
    """Return the interval of a drop."""
    return "" if bounds is None else f"{drop(bounds.low, name)} to {drop(bounds.high, name)}"


def signed(number: int) -> str:
    """Return a change with its sign."""
    return _with_minus(f"{number:+d}")


def short(name: str) -> str:
    """Return a tensor's name, its middle left out where it is long."""
    return name if len(name) <= MAX_NAME else f"{name[:14]}…{name[15 - MAX_NAME :]}"


def size(count: int) -> str:
    """Return bytes for people."""
    return f"{count:,} B" if count < 10_000 else f"{count / 1024:,.1f} KiB"


def _with_minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _cells(counts: Sequence[Sequence[int]], before: Sequence[Sequence[int]]) -> list[list[Cell]]:
    return [
        [
            Cell(count, count / (sum(row) or 1), count - before[i][j], i == j)
            for j, count in enumerate(row)
        ]
        for i, row in enumerate(counts)
    ]


def _maps(entry: OcclusionMap, report: Report, pictures: Mapping[int, str]) -> Maps:
    names = [part.label for part in report.evaluation.classes]
    output = names[entry.column] if entry.column < len(names) else f"output {entry.column}"
    picture = pictures[entry.sample]
    words = f"{{}}: where covering sample {entry.sample} lowers {output}"
    return Maps(
        sample=entry.sample,
        output=output,
        float_svg=heat(entry.float_map, picture, words.format("float")),
        int8_svg=heat(entry.int8_map, picture, words.format("int8")),
    )


def _importance_rows(report: Report) -> list[tuple[str, float, float, str, str]]:
    entries = report.explanation.importance
    greatest = max((max(e.float_loss, e.int8_loss) for e in entries), default=0.0)
    return [
        (
            entry.feature,
            entry.float_loss,
            entry.int8_loss,
            share_bar(entry.float_loss, greatest, "bar"),
            share_bar(entry.int8_loss, greatest, "rounding"),
        )
        for entry in entries
    ]
