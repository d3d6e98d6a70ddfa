import io

import pytest
from rich.console import Console

from quantize.compare.changes import ChangedPrediction
from quantize.compare.comparison import Comparison, OutputDifference
from quantize.compare.operations import OperationDifference
from quantize.console.tables import decibels, print_comparison, print_inspection, print_layers
from quantize.inspection import Inspection
from quantize.report.layers import LayerError


def _console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=80), stream


def _layer(name: str, sqnr_db: float | None) -> LayerError:
    return LayerError(name, "Conv2D", sqnr_db, 0.125, -1.0, 2.0)


def test_the_worst_layers_are_shown_in_the_order_they_run() -> None:
    console, stream = _console()

    print_layers(console, [_layer(f"layer{i:02}", 60.0 - i) for i in range(20)])

    text = stream.getvalue()
    assert "the 12 worst of 20" in text
    assert "layer07" not in text
    assert text.index("layer08") < text.index("layer19")


def test_every_line_fits_into_80_columns() -> None:
    console, stream = _console()

    print_layers(console, [_layer("a/very/long/tensor/name;of/two/fused/layers" * 2, 20.0)])

    assert max(len(line) for line in stream.getvalue().splitlines()) <= 80
    assert "SQNR dB" in stream.getvalue()


def test_names_are_not_taken_for_markup() -> None:
    console, stream = _console()

    print_layers(console, [_layer("[red]conv[/red]", 20.0)])

    assert "[red]conv[/red]" in stream.getvalue()


def _comparison(layers: tuple[LayerError, ...] = ()) -> Comparison:
    lead = ChangedPrediction(7, "cat", "[dog]", 0.5, 0.25)
    same = OperationDifference("a", "Conv2D", 0, 0.0, 0.0, None)
    other = OperationDifference("b", "Softmax", 2, 0.5, 0.125, 30.0)
    return Comparison(
        samples=3,
        output=OutputDifference(None, None, 0.5, 12.0),
        logits=OutputDifference(4, 0.25, 0.5, 12.0),
        changed_predictions=1,
        changes=(lead,),
        layers=layers,
        operations=(same, other),
    )


def test_a_comparison_shows_logits_changes_and_what_differs() -> None:
    console, stream = _console()

    print_comparison(console, _comparison((_layer("conv", None),)))

    printed = stream.getvalue()
    assert "changed predictions: 1 of 3" in printed
    assert "[dog]" in printed
    assert "1 of 2 equal" in printed
    assert "25.00 %" in printed
    assert "all 1 equal" in printed


def test_models_without_common_names_say_so() -> None:
    console, stream = _console()

    print_comparison(console, _comparison())

    assert "no layers to compare" in stream.getvalue()


def test_problems_are_listed_whole() -> None:
    console, stream = _console()
    problems = ("node a (Erf): not supported; remove it", "node b (Det): not supported " + "x" * 90)

    print_inspection(console, Inspection("net", None, 10, False, False, problems))

    assert "Erf" in stream.getvalue()
    assert stream.getvalue().count("x") >= 90


@pytest.mark.parametrize(("value", "text"), [(None, "exact"), (20.0, "20.00")])
def test_no_noise_is_exact(value: float | None, text: str) -> None:
    assert decibels(value) == text
