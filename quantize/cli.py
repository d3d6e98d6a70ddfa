"""edge-quantize: arguments in, tables or one JSON object out, exit code."""

import json
import math
import resource
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

from edge_runtime._version import __version__
from edge_runtime.errors import BundleError, EdgeRuntimeError
from edge_runtime.manifest import ImageInput, TensorInput, WindowInput, check_preprocessing
from quantize.calibrate.labels import read_class_names
from quantize.calibrate.open_data import AS_THE_MODEL_TAKES_IT, DataSettings, Preprocessing
from quantize.comparison import Comparison, compare_models
from quantize.console.progress import Progress
from quantize.console.tables import print_comparison, print_inspection, print_outcome
from quantize.errors import DataError, QuantizeError, RecipeError, UnsupportedModelError
from quantize.inspection import inspect_model
from quantize.job import Job
from quantize.pipeline import Outcome, run_job
from quantize.recipe import Recipe, read_recipe
from quantize.report.task import Task

EXIT_OUR_ERROR = 1
EXIT_DROP = 3


class _FiniteFloat(click.FloatRange):
    """A number that is not NaN or infinite: against those every comparison would pass."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


_Command = TypeVar("_Command", bound=Callable[..., Any])
_EXISTING = click.Path(path_type=Path)


class _OneLineErrors(click.Group):
    """Turns our errors into one line on stderr and exit code 1; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (QuantizeError, EdgeRuntimeError) as error:
            click.echo(f"error: {' '.join(str(error).split())}", err=True)
            ctx.exit(EXIT_OUR_ERROR)


def _examples(*lines: str) -> str:
    """Return an epilog that click does not wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    cls=_OneLineErrors,
    context_settings={"max_content_width": 100},
    epilog=_examples(
        "edge-quantize run digits.onnx --calibrate train.npz --evaluate test.npz --out models",
    ),
)
@click.version_option(__version__, prog_name="edge-quantize")
def main() -> None:
    """Turn a float model into int8 ONNX and int8 TFLite, and say what it cost."""


def _data_options(command: _Command) -> _Command:
    """Add the options that say how data becomes the model's input."""
    options = (
        click.option(
            "--preprocess",
            type=_EXISTING,
            metavar="FILE.toml",
            help='What the device does to an image or to rows: kind = "image", width, height, …',
        ),
        click.option(
            "--target-column", metavar="C", help="Column of a .csv file with labels or targets."
        ),
        click.option(
            "--labels", type=_EXISTING, metavar="FILE", help="Names of the classes, one a line."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@main.command(
    epilog=_examples(
        "edge-quantize run kws.onnx --calibrate calib.npz --evaluate eval.npz --out models",
        "edge-quantize run cats.tflite --calibrate images/ --preprocess image.toml --out models",
        "edge-quantize run pump.onnx --calibrate rows.csv --task anomaly --out models",
    )
)
@click.argument("model", type=_EXISTING)
@click.option(
    "--calibrate",
    required=True,
    type=_EXISTING,
    metavar="DATA",
    help="Samples that the ranges are learned from: .npz, .csv or a folder.",
)
@click.option(
    "--evaluate",
    type=_EXISTING,
    metavar="DATA",
    help="Samples to measure on.  [default: the calibration data]",
)
@click.option("--recipe", type=_EXISTING, metavar="R.toml", help="Settings of the quantization.")
@click.option("--name", help="Of the bundle.  [default: the file's]")
@click.option("--version", type=int, metavar="V", help="Of the bundle.  [default: the next]")
@click.option("--force", is_flag=True, help="Replace that version where it exists.")
@click.option("--task", type=click.Choice([task.value for task in Task]), help="If not inferred.")
@click.option(
    "--threshold",
    type=_FiniteFloat(),
    metavar="T",
    help="Score that is an anomaly.  [default: 99th percentile of the calibration data]",
)
@click.option(
    "--max-drop",
    type=_FiniteFloat(min=0.0),
    metavar="D",
    help="Exit with 3 where the metric is worse by more: points of accuracy or AUC, percent of"
    " RMSE. The bundle is written all the same; nothing is searched for.",
)
@click.option("--out", required=True, type=_EXISTING, metavar="DIR", help="Where bundles are kept.")
@click.option("--no-page", is_flag=True, help="Leave report.html out of the bundle.")
@_data_options
@_JSON
def run(**options: Any) -> None:
    """Quantize MODEL and write DIR/NAME/VERSION with the int8 files and what was measured."""
    started = time.perf_counter()
    job = Job(
        model=options["model"],
        calibrate=options["calibrate"],
        evaluate=options["evaluate"],
        out=options["out"],
        name=options["name"],
        version=options["version"],
        force=options["force"],
        recipe=_read_recipe(options["recipe"]),
        task=Task(options["task"]) if options["task"] else None,
        labels=options["labels"],
        preprocessing=_read_preprocessing(options["preprocess"]),
        target_column=options["target_column"],
        threshold=options["threshold"],
        max_drop=options["max_drop"],
        page=not options["no_page"],
    )
    with Progress(Console(stderr=True)) as progress:
        outcome = run_job(job, progress.watch)
    if options["as_json"]:
        cost = {
            "wall_s": round(time.perf_counter() - started, 3),
            "stages_s": progress.seconds(),
            "peak_rss_bytes": _peak_rss_bytes(),
        }
        _print_json(_outcome_facts(outcome) | cost)
    else:
        print_outcome(Console(), outcome)
    _check_drop(outcome, options["max_drop"])


@main.command(
    epilog=_examples(
        "edge-quantize compare digits.onnx models/digits/1/model.tflite --data test.npz",
        "edge-quantize compare a.tflite b.tflite --data test.npz --json",
    )
)
@click.argument("model_a", type=_EXISTING)
@click.argument("model_b", type=_EXISTING)
@click.option("--data", required=True, type=_EXISTING, metavar="DATA", help="Samples to run.")
@_data_options
@_JSON
def compare(**options: Any) -> None:
    """Tell how MODEL_B differs from MODEL_A: end to end, and layer by layer where names agree."""
    settings = DataSettings(
        preprocessing=_read_preprocessing(options["preprocess"]),
        target_column=options["target_column"],
        class_names=read_class_names(options["labels"]) if options["labels"] else (),
    )
    with Progress(Console(stderr=True)) as progress:
        found = compare_models(
            options["model_a"], options["model_b"], options["data"], settings, progress.watch
        )
    if options["as_json"]:
        _print_json(_comparison_facts(found))
    else:
        print_comparison(Console(), found)


@main.command(
    epilog=_examples(
        "edge-quantize inspect digits.onnx",
    )
)
@click.argument("model", type=_EXISTING)
@_JSON
def inspect(model: Path, *, as_json: bool) -> None:
    """Show what is in MODEL, what it costs, and everything that we do not support."""
    found = inspect_model(model)
    if as_json:
        _print_json(msgspec.to_builtins(found))
    else:
        print_inspection(Console(), found)
    if found.problems:
        raise UnsupportedModelError(found.name, found.problems)


def _read_recipe(path: Path | None) -> Recipe:
    if path is None:
        return Recipe()
    text = _read_text(path, RecipeError)
    try:
        return read_recipe(text)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def _read_preprocessing(path: Path | None) -> Preprocessing:
    if path is None:
        return AS_THE_MODEL_TAKES_IT
    try:
        settings = tomllib.loads(_read_text(path, DataError))
        tagged = {"type": settings.pop("kind", None), **settings}
        spec = msgspec.convert(tagged, TensorInput | ImageInput | WindowInput)
        check_preprocessing(spec)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, BundleError) as error:
        raise DataError(f"{path}: {_about_kind(error)}") from error
    return spec


def _about_kind(error: Exception) -> str:
    """Return msgspec's words with our name of the tag, and what it allows."""
    if "`$.type`" in str(error):
        return "kind: allowed are tensor, image, window"
    return str(error)


def _read_text(path: Path, error_type: type[QuantizeError]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise error_type(f"{path}: cannot be read ({error})") from error


def _outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """Return what `run --json` prints, but for its cost."""
    evaluation, facts = outcome.report.evaluation, outcome.report.facts
    metric = evaluation.metrics[0] if evaluation.metrics else None
    return {
        "bundle": str(outcome.bundle),
        "task": evaluation.task.value,
        "metric": metric
        and {"name": metric.name, "float": metric.float_value, "int8": metric.int8_value},
        "metrics": {
            entry.name: {"float": entry.float_value, "int8": entry.int8_value}
            for entry in evaluation.metrics
        },
        "groups": {
            name: {"name": entry.name, "float": entry.float_value, "int8": entry.int8_value}
            for name, entry in evaluation.groups.items()
        },
        "samples": evaluation.samples,
        "sqnr_db": evaluation.sqnr_db,
        "logits_sqnr_db": evaluation.logits_sqnr_db,
        "agreement": evaluation.agreement,
        "changed_predictions": evaluation.changed_predictions,
        "files": {"onnx_bytes": facts.onnx_bytes, "tflite_bytes": facts.tflite_bytes},
        "parity": {
            name: {
                "max_lsb": parity.max_lsb,
                "differing_share": parity.differing_share,
                "changed_predictions": parity.changed_predictions,
                "operation_max_lsb": parity.operation_max_lsb,
                "samples": parity.samples,
            }
            for name, parity in outcome.report.parity.items()
        },
    }


def _comparison_facts(found: Comparison) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(found)
    return {key: value for key, value in facts.items() if key != "max_lsb" or value is not None}


def _check_drop(outcome: Outcome, allowed: float | None) -> None:
    if allowed is None:
        return
    metrics = outcome.report.evaluation.metrics
    if not metrics:
        raise DataError("--max-drop: the labels allow no metric (AUC needs both 0 and 1)")
    if metrics[0].drop > allowed:
        click.echo(
            f"error: {metrics[0].name} is worse by {metrics[0].drop:.3f}, allowed is {allowed:g}",
            err=True,
        )
        sys.exit(EXIT_DROP)


def _print_json(facts: dict[str, Any]) -> None:
    click.echo(json.dumps(facts, indent=1))


def _peak_rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
