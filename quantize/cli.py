"""edge-quantize: arguments in, tables or one JSON object out, exit code."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

from edge_runtime._version import __version__
from edge_runtime.command_edge import EXIT_INTERRUPTED
from edge_runtime.errors import EdgeRuntimeError
from quantize.budget import Budget
from quantize.calibrate.cache import merge_caches
from quantize.calibrate.labels import read_class_names
from quantize.calibrate.open_data import DataSettings
from quantize.compare.comparison import compare_models
from quantize.console.facts import comparison_facts, outcome_facts
from quantize.console.option_types import FiniteFloat, Percent
from quantize.console.progress import Progress, peak_rss_bytes
from quantize.console.settings_files import (
    read_decoder,
    read_preprocessing,
    read_recipe_file,
    value_range,
)
from quantize.console.tables import print_comparison, print_inspection, print_outcome
from quantize.errors import DataError, QuantizeError, UnsupportedModelError
from quantize.executors import Kernels
from quantize.inspection import inspect_model
from quantize.job import Job
from quantize.job_integers import calibrate_part
from quantize.parallel import read_workers
from quantize.pipeline import Outcome, run_job
from quantize.report.task import Task

EXIT_OUR_ERROR = 1
EXIT_BUDGET = 3


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
        except KeyboardInterrupt:  # click would say "Aborted!" and exit with 1
            click.echo("edge-quantize: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)


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
            help='What the device does to an image, to rows or to sound: kind = "image", width, …',
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


_CACHE = click.option(
    "--calibration-cache",
    type=_EXISTING,
    metavar="DIR",
    help="Keep what samples showed there, shard by shard: an interrupted run goes on.",
)


@main.command(
    epilog=_examples(
        "edge-quantize run kws.onnx --calibrate calib.npz --evaluate eval.npz --out models",
        "edge-quantize run cats.tflite --calibrate images/ --preprocess image.toml --out models",
        "edge-quantize run kws.onnx --no-data --input-range -2 2 --out models",
        "edge-quantize run pump.onnx --calibrate rows.csv --task anomaly --out models",
        "edge-quantize run yolo.onnx --calibrate images/ --preprocess image.toml \\",
        "    --decoder yolo.toml --labels names.txt --out models",
        "edge-quantize run kws.onnx --calibrate calib.npz --evaluate eval.npz --out models"
        " --max-drop 0.5 --max-flips 1% --time-limit 600",
    )
)
@click.argument("model", type=_EXISTING)
@click.option(
    "--calibrate",
    type=_EXISTING,
    metavar="DATA",
    help="Samples that the ranges are learned from, 32 or more: .npz, .csv or a folder.",
)
@click.option(
    "--no-data",
    is_flag=True,
    help="There are none: ranges from batch normalizations and propagation, far less exact.",
)
@click.option(
    "--input-range",
    type=(FiniteFloat(), FiniteFloat()),
    metavar="LOW HIGH",
    help="With --no-data: what every input value lies in.  [default: of --preprocess, else 0 1]",
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
    type=FiniteFloat(),
    metavar="T",
    help="Score that is an anomaly.  [default: 99th percentile of the calibration data]",
)
@click.option(
    "--max-drop",
    type=FiniteFloat(min=0.0),
    metavar="D",
    help="Search for integers whose metric is worse by no more: points of accuracy, AUC or mAP,"
    " percent of RMSE. The best are written all the same where none are; exit code 3 says so.",
)
@click.option(
    "--max-flips",
    type=Percent(),
    metavar="P%",
    help="Likewise: of the predictions no more may change. Needs no labels.",
)
@click.option(
    "--time-limit",
    type=FiniteFloat(min=0.0),
    metavar="SECONDS",
    help="Begin no further candidate of a search after that; there is always a model.",
)
@click.option(
    "--parallel",
    default="1",
    metavar="N|dask://HOST:PORT",
    help="Threads that rank layers in a search, or a Dask cluster; the result is the same.",
)
@click.option(
    "--decoder",
    type=_EXISTING,
    metavar="FILE.toml",
    help='What the outputs of a detector, a segmentation or a pose mean: kind = "yolov8", heads, …'
    " Labels are those of --labels; the metric is the SQNR, with --boxes mAP.",
)
@click.option(
    "--boxes",
    type=_EXISTING,
    metavar="FILE.jsonl",
    help="True boxes of the images measured on, a JSON object a line: size, boxes, classes, file.",
)
@click.option("--out", required=True, type=_EXISTING, metavar="DIR", help="Where bundles are kept.")
@_CACHE
@click.option("--no-page", is_flag=True, help="Leave report.html out of the bundle.")
@_data_options
@_JSON
def run(**options: Any) -> None:
    """Quantize MODEL and write DIR/NAME/VERSION with the int8 files and what was measured."""
    started = time.perf_counter()
    preprocessing = read_preprocessing(options["preprocess"])
    _check_data_options(options)
    job = Job(
        model=options["model"],
        calibrate=options["calibrate"],
        input_range=options["input_range"] or value_range(preprocessing),
        evaluate=options["evaluate"],
        out=options["out"],
        name=options["name"],
        version=options["version"],
        force=options["force"],
        recipe=read_recipe_file(options["recipe"]),
        task=Task(options["task"]) if options["task"] else None,
        labels=options["labels"],
        preprocessing=preprocessing,
        decoder=read_decoder(options["decoder"]),
        boxes=options["boxes"],
        target_column=options["target_column"],
        threshold=options["threshold"],
        budget=_budget(options),
        workers=read_workers(options["parallel"]),
        cache=options["calibration_cache"],
        page=not options["no_page"],
    )
    with Progress(Console(stderr=True)) as progress:
        outcome = run_job(job, progress.watch, progress.note)
    if options["as_json"]:
        cost = {
            "wall_s": round(time.perf_counter() - started, 3),
            "stages_s": progress.seconds(),
            "peak_rss_bytes": peak_rss_bytes(),
            "stages_peak_rss_bytes": progress.peaks_rss_bytes(),
        }
        _print_json(outcome_facts(outcome) | cost)
    else:
        print_outcome(Console(), outcome)
    _check_search(outcome, options["max_drop"])


@main.command(
    epilog=_examples(
        "edge-quantize compare digits.onnx models/digits/1/model.tflite --data test.npz",
        "edge-quantize compare a.tflite b.tflite --data test.npz --json",
        "edge-quantize compare model.tflite firmware/digits --data test.npz",
    )
)
@click.argument("model_a", type=_EXISTING)
@click.argument("model_b", type=_EXISTING)
@click.option("--data", required=True, type=_EXISTING, metavar="DATA", help="Samples to run.")
@click.option(
    "--kernels",
    type=click.Choice([kernels.value for kernels in Kernels]),
    default=Kernels.DEFAULT.value,
    show_default=True,
    help="LiteRT's, for int8 TFLite: what devices run, or what microcontrollers agree with.",
)
@_data_options
@_JSON
def compare(**options: Any) -> None:
    """Tell how MODEL_B differs from MODEL_A.

    A model is a float or int8 .onnx or .tflite file, or a directory that `edge-firmware export`
    wrote, whose C is built for this machine and run. Compared are the outputs, the logits and the
    predictions, end to end; where names agree also every layer, and every operation on equal
    inputs.
    """
    settings = DataSettings(
        preprocessing=read_preprocessing(options["preprocess"]),
        target_column=options["target_column"],
        class_names=read_class_names(options["labels"]) if options["labels"] else (),
    )
    with Progress(Console(stderr=True)) as progress:
        found = compare_models(
            (options["model_a"], options["model_b"]),
            options["data"],
            settings,
            progress.watch,
            kernels=Kernels(options["kernels"]),
        )
    if options["as_json"]:
        _print_json(comparison_facts(found))
    else:
        print_comparison(Console(), found)


@main.command(
    epilog=_examples(
        "edge-quantize calibrate cats.onnx --calibrate cats.npz --calibration-cache a --part 1/2",
    )
)
@click.argument("model", type=_EXISTING)
@click.option("--calibrate", required=True, type=_EXISTING, metavar="DATA", help="As in run.")
@click.option("--recipe", type=_EXISTING, metavar="R.toml", help="The same as in run.")
@click.option("--part", default="1/1", show_default=True, metavar="I/N", help="Which part is ours.")
@_CACHE
@_data_options
def calibrate(**options: Any) -> None:
    """Do a part of MODEL's calibration, on this machine; `run` goes on from the merged parts.

    With equalization there are two rounds: all parts of the first are needed for the second.
    """
    if options["calibration_cache"] is None:
        raise click.UsageError("--calibration-cache is needed: it is what this command makes")
    job = Job(
        model=options["model"],
        calibrate=options["calibrate"],
        out=Path(),
        recipe=read_recipe_file(options["recipe"]),
        labels=options["labels"],
        preprocessing=read_preprocessing(options["preprocess"]),
        target_column=options["target_column"],
        cache=options["calibration_cache"],
    )
    with Progress(Console(stderr=True)) as progress:
        missing = calibrate_part(job, _part(options["part"]), progress.watch)
    click.echo("the calibration is whole" if missing is None else f"our part is done; {missing}")


@main.command(
    "merge-caches",
    epilog=_examples("edge-quantize merge-caches laptop-cache server-cache --into all"),
)
@click.argument("sources", nargs=-1, required=True, type=_EXISTING)
@click.option("--into", required=True, type=_EXISTING, metavar="DIR", help="Where all goes.")
def merge(sources: tuple[Path, ...], into: Path) -> None:
    """Put calibration shards of several runs or machines together; nothing is overwritten."""
    click.echo(f"{merge_caches(sources, into)} new shards in {into}")


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


def _check_data_options(options: dict[str, Any]) -> None:
    if (options["calibrate"] is None) is not options["no_data"]:
        raise click.UsageError("give --calibrate DATA, or --no-data where there is none")
    if options["input_range"] is not None:
        low, high = options["input_range"]
        if not options["no_data"]:
            raise click.UsageError("--input-range is for --no-data: data shows its own range")
        if low >= high:
            raise click.UsageError(f"--input-range: {low:g} {high:g}, allowed is LOW below HIGH")


def _part(text: str) -> tuple[int, int]:
    """Return I/N as numbers from 0."""
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise click.UsageError(f"--part: {text!r}, allowed is I/N with I from 1 to N")
    return int(index) - 1, int(count)


def _budget(options: dict[str, Any]) -> Budget:
    budget = Budget(options["max_drop"], options["max_flips"], options["time_limit"])
    if budget.time_limit_s is not None and not budget.is_limited:
        raise click.UsageError("--time-limit is of a search; give --max-drop or --max-flips")
    return budget


def _check_search(outcome: Outcome, max_drop: float | None) -> None:
    """Exit with 3 where the model is not within the budget."""
    search = outcome.report.search
    if search is None:
        return
    if max_drop is not None and not outcome.report.evaluation.metrics:
        raise DataError("--max-drop: the labels allow no metric (AUC needs both 0 and 1)")
    if search.reason is not None:
        click.echo(f"error: {search.reason}", err=True)
        sys.exit(EXIT_BUDGET)


def _print_json(facts: dict[str, Any]) -> None:
    click.echo(json.dumps(facts, indent=1))
