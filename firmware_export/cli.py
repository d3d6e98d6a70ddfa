"""The command line of the exporter: arguments in, exit code out."""

import sys
from pathlib import Path

import click
import msgspec

from edge_runtime._version import __version__
from firmware_export.boards import Selection, select_target, target_records
from firmware_export.budget import Budget, parse_budget, shortfall
from firmware_export.errors import BudgetExceededError, BudgetSyntaxError, FirmwareExportError
from firmware_export.export import Export, export_model, export_model_data, export_weights
from firmware_export.model_file import load_model
from firmware_export.output import check_destination, write_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.package.kinds import PACKAGES
from firmware_export.record import encode_record
from firmware_export.tables import export_table, layers_table, targets_table, verify_table
from firmware_export.verify import verify_export
from quantize.errors import QuantizeError

DEFAULT_TARGET = "cortex-m4"
DEFAULT_VECTORS = 4
OVER_BUDGET_EXIT_CODE = 3
MAX_VECTORS = 1000

_PATH = click.Path(path_type=Path)


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


_TARGET = _Target()


def main() -> None:
    """Run the command line; our own errors become one line and exit code 1."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
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
@click.option("--json", "as_json", is_flag=True, help="Print report.json instead of a table.")
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
    as_json: bool,
) -> None:
    """Write the C of MODEL (int8 .tflite, QDQ .onnx or a bundle) into a directory.

    Example: edge-firmware export model.tflite --target cortex-m4 --out firmware/model
    """
    check_destination(out)
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
        )
    write_directory(out, made.files)
    _print_export(made, as_json=as_json)
    click.echo(f"{out}: {len(made.files)} files", err=True)


@cli.command()
@click.argument("model", type=_PATH)
@click.option("--target", type=_TARGET, default=DEFAULT_TARGET, show_default=True)
@click.option("--budget", type=_Budget(), help="Such as flash=256k,ram=64k; a board has its own.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def report(*, model: Path, target: Selection, budget: Budget | None, as_json: bool) -> None:
    """Print what MODEL will cost: products, flash, RAM, layer by layer; nothing is written.

    Where it costs more than the budget, the offenders are listed and the exit code is 3.

    Example: edge-firmware report model.tflite --target cortex-m4
    """
    made = export_model(load_model(model), target.target, package=cmake_files, vectors=1)
    _print_export(made, as_json=as_json)
    if not as_json:
        click.echo("\n" + layers_table(made.record.layers))
    if lines := shortfall(made.record, budget or _budget_of(target)):
        head = f"{model}: over budget for {target.name}"
        raise BudgetExceededError("\n".join((head, *lines)))


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
