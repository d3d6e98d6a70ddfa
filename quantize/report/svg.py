"""Plots as inline SVG: colours come from the page's style sheet, so that they follow its theme."""

from collections.abc import Sequence
from html import escape

from quantize.report.activations import Activation
from quantize.report.causes import Cause, LayerCauses

_HISTOGRAM = (260, 84)
_MOST_DB = 80.0  # between the longest and the shortest bar


def cause_bars(layers: Sequence[LayerCauses]) -> list[str]:
    """Return three bars for each layer: the error that it adds, by cause, in dB.

    All have one axis, from 10 dB below the least error on the left; a longer bar is a worse error.
    The numbers stand beside them in the page.
    """
    levels = [level for layer in layers for level in _levels(layer) if level is not None]
    low = max(min(levels, default=-60.0), max(levels, default=0.0) - _MOST_DB) - 10.0
    scale = 100.0 / ((max(levels, default=0.0) - low) or 1.0)
    return [_bars(layer, low, scale) for layer in layers]


def histogram(activation: Activation) -> str:
    """Return the histogram of a tensor (heights are logarithmic), with its range marked."""
    width, height = _HISTOGRAM
    low = min(activation.low, activation.range_low)
    high = max(activation.high, activation.range_high)
    scale = width / ((high - low) or 1.0)
    step = (activation.high - activation.low) / len(activation.counts) * scale
    start = (activation.low - low) * scale
    tallest = max(count.bit_length() for count in activation.counts) or 1
    steps = []
    for index, count in enumerate(activation.counts):
        top = _number(height - height * count.bit_length() / tallest)
        if count:
            left, right = start + index * step, start + index * step + max(step, 1.0)
            steps.append(f"M{_number(left)} {height}V{top}H{_number(right)}V{height}z")
    parts = [f'<path class="bar" d="{"".join(steps)}"/>']
    ends = [(end - low) * scale for end in (activation.range_low, activation.range_high)]
    parts.insert(0, _rect("range", ends[0], 0, ends[1] - ends[0], height))
    parts += [_line("end", end, 0, end, height) for end in ends]
    words = (
        f"{activation.name}: values {activation.low:.4g} to {activation.high:.4g},"
        f" range {activation.range_low:.4g} to {activation.range_high:.4g}"
    )
    return _svg(width, height, words, parts)


def heat(grid: Sequence[Sequence[float]], picture: str, words: str) -> str:
    """Return a picture under a grid of coloured cells: warm where covering lowered the output."""
    side = 160
    greatest = max((abs(value) for row in grid for value in row), default=0.0) or 1.0
    parts = [f'<image href="{picture}" width="{side}" height="{side}" preserveAspectRatio="none"/>']
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            tall, wide = side / len(grid), side / len(values)
            kind = "warm" if value >= 0 else "cold"
            opacity = f' fill-opacity="{0.75 * abs(value) / greatest:.2f}"'
            parts.append(_rect(kind, column * wide, row * tall, wide, tall, opacity))
    return _svg(side, side, words, parts)


def share_bar(value: float, greatest: float, kind: str) -> str:
    """Return a bar for a cell of a table; the number beside it says the same."""
    return _hidden(8, [_rect(kind, 0, 0, 100 * max(value, 0.0) / (greatest or 1.0), 8)])


def _levels(layer: LayerCauses) -> list[float | None]:
    ratios: list[float | None] = [getattr(layer.own, cause.value) for cause in Cause]
    return [None if ratio is None else -ratio for ratio in ratios]


def _bars(layer: LayerCauses, low: float, scale: float) -> str:
    parts = [
        _rect(cause.value, 0, row * 7, max(level - low, 0.0) * scale, 6)
        for row, (cause, level) in enumerate(zip(Cause, _levels(layer), strict=True))
        if level is not None
    ]
    return _hidden(20, parts)


def _hidden(height: int, parts: Sequence[str]) -> str:
    """Return a plot 100 wide that fills its cell and that screen readers pass over."""
    return (
        f'<svg class="cell" viewBox="0 0 100 {height}" preserveAspectRatio="none"'
        f' aria-hidden="true">{"".join(parts)}</svg>'
    )


def _svg(width: float, height: float, words: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_number(width)} {_number(height)}" role="img"'
        f' aria-label="{escape(words, quote=True)}">{"".join(parts)}</svg>'
    )


def _rect(kind: str, x: float, y: float, width: float, height: float, more: str = "") -> str:
    box = (_number(x), _number(y), _number(max(width, 0.0)), _number(max(height, 0.0)))
    return '<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}/>'.format(kind, *box, more)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    ends = (_number(x1), _number(y1), _number(x2), _number(y2))
    return '<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>'.format(kind, *ends)


def _number(value: float) -> str:
    """Return a coordinate with at most one digit behind the point."""
    return f"{value:.1f}".removesuffix(".0")
