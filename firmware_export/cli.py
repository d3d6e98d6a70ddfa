"""The command line of the exporter: arguments in, exit code out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from edge_runtime._version import __version__
from edge_runtime.command_edge import EXIT_INTERRUPTED
from firmware_export.bands import Bands
from firmware_export.boards import Selection, select_target, target_records
from firmware_export.budget import (
    Budget,
    cut_lines,
    is_short_of_ram,
    parse_budget,
    parse_size,
    shortfall,
)
from firmware_export.cuts import Wish, WithinRam, best_cuts, chosen_bands, parse_patches
from firmware_export.errors import (
    BandsError,
    BudgetExceededError,
    BudgetSyntaxError,
    FirmwareExportError,
)
from firmware_export.export import Export, export_model, export_model_data, export_weights
from firmware_export.model_file import Model, load_model
from firmware_export.output import check_destination, write_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.package.kinds import PACKAGES
from firmware_export.program import Memory
from firmware_export.record import encode_record
from firmware_export.tables import export_table, layers_table, targets_table, verify_table
from firmware_export.target import Target
from firmware_export.variant import Optimize, Rounding, Variant
from firmware_export.verify import verify_export, with_measured_layers
from quantize.errors import QuantizeError

DEFAULT_TARGET = "cortex-m4"
DEFAULT_VECTORS = 4
OVER_BUDGET_EXIT_CODE = 3
MAX_VECTORS = 1000

_PATH = click.Path(path_type=Path)
Command = TypeVar("Command", bound=Callable[..., None])


class _Target(click.ParamType):
    """The name of a core or a board."""

    name = "target"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Selection:
        """Return what the name means."""
        if isinstance(value, Selection):
            return value
        try:
            return select_target(str(value))
        except FirmwareExportError as error:
            self.fail(str(error), param, ctx)


class _Budget(click.ParamType):
    """Bytes of flash and RAM."""

    name = "budget"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Budget:
        """Return what the text says."""
        if isinstance(value, Budget):
            return value
        try:
            return parse_budget(str(value))
        except BudgetSyntaxError as error:
            self.fail(str(error), param, ctx)


class _Size(click.ParamType):
    """A number of bytes."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return what the text says."""
        if isinstance(value, int):
            return value
        try:
            return parse_size(str(value))
        except BudgetSyntaxError as error:
            self.fail(str(error), param, ctx)


class _Patches(click.ParamType):
    """How the first layers are cut."""

    name = "auto|bands[/operations]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Wish:
        """Return what the text says."""
        if isinstance(value, Wish):
            return value
        try:
            return parse_patches(str(value))
        except BandsError as error:
            self.fail(str(error), param, ctx)


_TARGET = _Target()
_SIZE = _Size()


def _memory_options(command: Command) -> Command:
    """Add the options that say how a model is fitted into a chip's memories."""
    for option in (
        click.option(
            "--external-from",
            type=_SIZE,
            help="Tables of at least this size go to EDGE_EXTERNAL_SECTION, such as 4k.",
        ),
        click.option(
            "--max-ram",
            type=_SIZE,
            help="Cut the first layers into bands of rows only where more is needed, such as 32k.",
        ),
        click.option(
            "--patches",
            type=_Patches(),
            help="Compute the first layers in bands of rows: 4 (bands), 4/6 (of the first 6 "
            "operations) or auto (at most 10 % more products).",
        ),
    ):
        command = option(command)
    return command


_OPTIMIZE = click.option(
    "--optimize",
    type=click.Choice([*Optimize]),
    default=Optimize.BALANCED,
    show_default=True,
    help="Speed: a kernel of its own for each layer. Size: compiled with -Os.",
)
_ROUNDING = click.option(
    "--rounding",
    type=click.Choice([*Rounding]),
    default=Rounding.DOUBLE,
    show_default=True,
    help="Of factors; single gives other numbers, those of CMSIS-NN when built so.",
)


def main() -> None:
    """Run the command line; our own errors become one line and exit code 1."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:  # Ctrl-C
        click.echo("edge-firmware: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BudgetExceededError as error:
        click.echo(f"edge-firmware: {error}", err=True)
        sys.exit(OVER_BUDGET_EXIT_CODE)
    except (FirmwareExportError, QuantizeError) as error:
        click.echo(f"edge-firmware: {error}", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-firmware")
def cli() -> None:
    """Export int8 models as C99 that computes the same integers on a microcontroller."""


@cli.command()
@click.argument("model", type=_PATH)
@click.option("--target", type=_TARGET, default=DEFAULT_TARGET, show_default=True)
@click.option("--out", type=_PATH, required=True, help="Directory to write; ours is replaced.")
@click.option("--package", type=click.Choice(list(PACKAGES)), default="cmake", show_default=True)
@click.option(
    "--as",
    "form",
    type=click.Choice(["c", "model-data"]),
    default="c",
    show_default=True,
    help="C, or the TFLite file as an array for TFLite Micro.",
)
@click.option("--weights-only", is_flag=True, help="Only documented arrays, for other kernels.")
@click.option("--prefix", help="Of every C name and file; default: the model's name.")
@click.option(
    "--vectors",
    type=click.IntRange(1, MAX_VECTORS),
    default=DEFAULT_VECTORS,
    show_default=True,
    help="Golden vectors in the self-test.",
)
@_OPTIMIZE
@_ROUNDING
@click.option("--json", "as_json", is_flag=True, help="Print report.json instead of a table.")
@_memory_options
def export(  # noqa: PLR0913  # one parameter an option
    *,
    model: Path,
    target: Selection,
    out: Path,
    package: str,
    form: str,
    weights_only: bool,
    prefix: str | None,
    vectors: int,
    optimize: str,
    rounding: str,
    as_json: bool,
    patches: Wish | None,
    max_ram: int | None,
    external_from: int | None,
) -> None:
    """Write the C of MODEL (int8 .tflite, QDQ .onnx or a bundle) into a directory.

    Example: edge-firmware export model.tflite --target cortex-m4 --out firmware/model

    First six operations in four bands: edge-firmware export model.tflite --patches 4/6 --out tiny
    """
    check_destination(out)
    wish = _wish(patches, max_ram)
    loaded, core = load_model(model), target.target
    if form == "model-data":
        made = export_model_data(loaded, core, prefix=prefix)
    elif weights_only:
        made = export_weights(loaded, core, prefix=prefix)
    else:
        kind = PACKAGES[package]
        made = export_model(
            loaded,
            core,
            package=kind.files,
            vectors=vectors,
            prefix=prefix,
            folder=kind.folder,
            memory=Memory(_bands(loaded, core, wish), external_from),
            variant=Variant(Optimize(optimize), Rounding(rounding)),
        )
    write_directory(out, made.files)
    _print_export(made, as_json=as_json)
    click.echo(f"{out}: {len(made.files)} files", err=True)


@cli.command()
@click.argument("model", type=_PATH)
@click.option("--target", type=_TARGET, default=DEFAULT_TARGET, show_default=True)
@click.option("--budget", type=_Budget(), help="Such as flash=256k,ram=64k; a board has its own.")
@click.option("--measure", is_flag=True, help="Run it, too, and count each layer's instructions.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_memory_options
def report(  # noqa: PLR0913  # one parameter an option
    *,
    model: Path,
    target: Selection,
    budget: Budget | None,
    measure: bool,
    as_json: bool,
    patches: Wish | None,
    max_ram: int | None,
    external_from: int | None,
) -> None:
    """Print what MODEL will cost: products, flash, RAM, layer by layer; nothing is written.

    Where it costs more than the budget, the offenders and what would make it fit are listed, and
    the exit code is 3.

    Example: edge-firmware report model.tflite --target rp2040 --budget flash=256k,ram=32k
    """
    loaded, core = load_model(model), target.target
    memory = Memory(_bands(loaded, core, _wish(patches, max_ram)), external_from)
    made = export_model(loaded, core, package=cmake_files, vectors=1, memory=memory)
    if measure:
        made = with_measured_layers(made)
    _print_export(made, as_json=as_json)
    if not as_json:
        click.echo("\n" + layers_table(made.record.layers))
    allowed = budget or _budget_of(target)
    if lines := shortfall(made.record, allowed):
        if is_short_of_ram(made.record, allowed) and made.record.bands is None:
            lines += cut_lines(made.record, allowed, best_cuts(loaded.graph, core))
        head = f"{model}: over budget for {target.name}"
        raise BudgetExceededError("\n".join((head, *lines)))


def _wish(patches: Wish | None, max_ram: int | None) -> Wish | None:
    if patches is not None and max_ram is not None:
        raise click.UsageError("--patches and --max-ram: either says how the layers are cut")
    return patches if max_ram is None else WithinRam(max_ram)


def _bands(model: Model, target: Target, wish: Wish | None) -> Bands | None:
    return None if wish is None else chosen_bands(model.graph, target, wish)


def _budget_of(target: Selection) -> Budget:
    board = target.board
    return Budget(board.flash_bytes, board.ram_bytes) if board else Budget()


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def targets(*, as_json: bool) -> None:
    """List the cores and boards that --target knows.

    Example: edge-firmware targets
    """
    records = target_records()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(records), indent=2).decode())
    else:
        click.echo(targets_table(records))


@cli.command()
@click.argument("directory", type=_PATH)
@click.option("--target", type=_TARGET, help="Another core than the one it was exported for.")
@click.option("--layers", is_flag=True, help="Print the instructions of every layer, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(*, directory: Path, target: Selection | None, layers: bool, as_json: bool) -> None:
    """Build DIRECTORY, run it on QEMU, compare with the golden vectors; exit 1 if bytes differ.

    Example: edge-firmware verify firmware/model
    """
    result = verify_export(directory, target.target.name if target else None)
    click.echo(encode_record(result).decode().rstrip() if as_json else verify_table(result))
    if layers and not as_json:
        click.echo("\n" + layers_table(result.layers))
    if result.differing_bytes:
        raise FirmwareExportError(
            f"{directory}: {result.differing_bytes} bytes differ from the golden vectors, "
            f"the first at index {result.first_difference}"
        )


def _print_export(made: Export, *, as_json: bool) -> None:
    if as_json:
        click.echo(encode_record(made.record).decode().rstrip())
    else:
        click.echo(export_table(made.record))
