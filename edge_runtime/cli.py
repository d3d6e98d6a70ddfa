"""The command `edge-runtime`: arguments in, exit code out; everything heavy is imported when used.

Exit codes: 0 stopped on request or nothing wrong, 1 our error in one line, 2 usage, 70 a bug, 75 a
command asked for a restart.
"""

import importlib
import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from edge_runtime._version import __version__
from edge_runtime.errors import ConfigError, EdgeRuntimeError
from edge_runtime.host.stop_signals import hold_back_signals

if TYPE_CHECKING:
    from edge_runtime.diagnosis.findings import Finding

EXIT_ERROR = 1
EXIT_BUG = 70
CONFIG = click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
_OF_EXTRAS = {
    "enrol": ("edge_runtime.enrolment.commands", "signing"),
    "fleet": ("edge_runtime.enrolment.commands", "signing"),
    "image": ("edge_runtime.image.commands", "signing"),
    "serve": ("edge_runtime.http.commands", "http"),
}
_LOG_FORMAT = "%(levelname)s %(threadName)s %(name)s: %(message)s"


class _Commands(click.Group):
    """The commands below, and those of extras, which are loaded when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names."""
        return sorted([*super().list_commands(ctx), *_OF_EXTRAS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name.

        Raises:
            ConfigError: The extra that it needs is not installed.
        """
        if cmd_name not in _OF_EXTRAS:
            return super().get_command(ctx, cmd_name)
        module, extra = _OF_EXTRAS[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), cmd_name)
        except ModuleNotFoundError as error:
            remedy = f"pip install 'edge-runtime[{extra}]'"
            raise ConfigError(f"{cmd_name} needs {error.name}: {remedy}") from error
        return command


@click.group(
    cls=_Commands,
    epilog="""\b
Examples:
  edge-runtime check porch.toml
  edge-runtime run porch.toml
  edge-runtime models verify --models-dir /var/lib/edge-runtime/models
""",
)
@click.version_option(__version__, prog_name="edge-runtime")
def cli() -> None:
    """Run models on a device and publish what they say over MQTT."""


@cli.command(
    epilog="""\b
Examples:
  edge-runtime run porch.toml
  edge-runtime run replay.toml --until-finished
"""
)
@CONFIG
@click.option("--until-finished", is_flag=True, help="End when all sources have and all is sent.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def run(config: Path, *, until_finished: bool, log_level: str) -> None:
    """Run the pipelines of CONFIG until stopped by SIGTERM or Ctrl-C."""
    hold_back_signals()  # before the slow imports: an early SIGTERM stops in good order, too
    from edge_runtime.run import run_daemon  # noqa: PLC0415 - workers import this module too

    logging.basicConfig(level=log_level.upper(), format=_LOG_FORMAT, stream=sys.stderr)
    click.get_current_context().exit(run_daemon(config, until_finished=until_finished))


@cli.command(epilog="\b\nExample:\n  edge-runtime check porch.toml --json")
@CONFIG
@JSON
def check(config: Path, *, as_json: bool) -> None:
    """Look at everything that can be wrong with CONFIG; exit 1 where anything is."""
    from edge_runtime.config.loading import read_environment  # noqa: PLC0415
    from edge_runtime.diagnosis.check import check_file  # noqa: PLC0415

    _tell(check_file(config, read_environment()), as_json=as_json)


@cli.command(epilog="\b\nExample:\n  edge-runtime doctor porch.toml")
@click.argument("config", required=False, type=click.Path(path_type=Path, dir_okay=False))
@JSON
def doctor(config: Path | None, *, as_json: bool) -> None:
    """Look at this machine: engines, cameras, clock, disk, memory, temperature, and CONFIG."""
    from edge_runtime.config.loading import read_environment  # noqa: PLC0415
    from edge_runtime.diagnosis.check import check_file  # noqa: PLC0415
    from edge_runtime.diagnosis.doctor import examine  # noqa: PLC0415

    environment = read_environment()
    findings = examine(environment)
    if config is not None:
        findings += check_file(config, environment)
    _tell(findings, as_json=as_json)


@cli.command(epilog="\b\nExample:\n  RUNTIME_DIRECTORY=/run/edge edge-runtime status")
def status() -> None:
    """Say whether the daemon that writes to $RUNTIME_DIRECTORY lives; exit 1 where it does not."""
    from edge_runtime.config.loading import read_environment  # noqa: PLC0415
    from edge_runtime.supervisor.pulse import read_pulse  # noqa: PLC0415

    click.echo(read_pulse(read_environment().runtime_directory).status)


@cli.command(
    epilog="""\b
Example:
  edge-runtime unit /etc/edge-runtime/porch.toml > /etc/systemd/system/edge-runtime-porch.service
"""
)
@CONFIG
def unit(config: Path) -> None:
    """Write the hardened systemd unit for exactly CONFIG to stdout."""
    from edge_runtime.config.loading import load_config  # noqa: PLC0415
    from edge_runtime.unit.service import this_program, unit_text  # noqa: PLC0415

    click.echo(unit_text(load_config(config), config.absolute(), this_program()), nl=False)


@cli.command(
    epilog="""\b
Example:
  edge-runtime sign pause '{"pipeline": "door"}' --key fleet.key --issuer ops --device porch-pi \\
    | mosquitto_pub -h broker -t edge/v1/home/porch-pi/cmd/pause -q 1 -s
"""
)
@click.argument("verb")
@click.argument("payload", default="{}")
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Ed25519 private key, PEM, without a password.",
)
@click.option("--issuer", required=True, help="Who signs; counters are kept for each.")
@click.option("--device", required=True, help="The only device that may act on it.")
@click.option(
    "--valid-s",
    type=click.FloatRange(min=1, max=604_800),
    default=60.0,
    show_default=True,
    help="Seconds until it expires.",
)
def sign(verb: str, payload: str, key: Path, issuer: str, device: str, valid_s: float) -> None:
    """Sign a command (VERB), or a wish (VERB cfg/desired), for a device with a fleet key.

    The counter is the time of signing in milliseconds.
    """
    from edge_runtime.remote.signing import Terms, signed_command  # noqa: PLC0415

    click.echo(signed_command(verb, payload, key, Terms(issuer, device, valid_s)), nl=False)


@cli.command(
    epilog="""\b
Example:
  edge-runtime replay /var/lib/edge-runtime/recordings/door/000017 --config porch.toml
"""
)
@click.argument("recording", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Names the pipeline's model and settings; its source is not opened.",
)
def replay(recording: Path, config: Path) -> None:
    """Send RECORDING's frames through the pipeline again and compare the messages.

    Writes each message to stdout, one JSON object a line. Exit 0 where all are the same, byte by
    byte; 1 with the first difference.
    """
    from edge_runtime.recorder.command import replay_recording  # noqa: PLC0415

    click.get_current_context().exit(replay_recording(recording, config))


@cli.group(epilog="\b\nExample:\n  edge-runtime models list --models-dir ./models")
def models() -> None:
    """Look at the bundles on this device."""


MODELS_DIR = click.option(
    "--models-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where NAME/VERSION/ are; `models` in the state directory where absent.",
)


@models.command("list", epilog="\b\nExample:\n  edge-runtime models list --json")
@MODELS_DIR
@JSON
def list_models(models_dir: Path | None, *, as_json: bool) -> None:
    """List names, versions and tasks."""
    from edge_runtime.models.inventory import inventory, inventory_json, inventory_text  # noqa: PLC0415

    entries = inventory(_models_directory(models_dir))
    click.echo(inventory_json(entries) if as_json else inventory_text(entries))


@models.command("verify", epilog="\b\nExample:\n  edge-runtime models verify person-detect@3")
@click.argument("model", required=False)
@MODELS_DIR
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ed25519 public key (PEM) that bundles have to be signed with.",
)
@JSON
def verify_models(
    model: str | None, models_dir: Path | None, key: Path | None, *, as_json: bool
) -> None:
    """Check sizes and SHA-256 of MODEL's files, or of every bundle's; exit 1 where any differs."""
    from edge_runtime.models.inventory import verify  # noqa: PLC0415
    from edge_runtime.models.signature import read_model_key  # noqa: PLC0415

    judge = None if key is None else read_model_key(key)
    _tell(verify(_models_directory(models_dir), model, judge), as_json=as_json)


@models.command(
    "sign", epilog="\b\nExample:\n  edge-runtime models sign models/person/3 --key models.key"
)
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Ed25519 private key (PEM); it stays off the devices.",
)
def sign_model(bundle: Path, key: Path) -> None:
    """Sign BUNDLE (NAME/VERSION/), for devices whose configuration has models_key_file."""
    from edge_runtime.models.signature import sign_bundle  # noqa: PLC0415

    click.echo(sign_bundle(bundle, key))


def main() -> NoReturn:
    """Run the command line; turn our errors into one line, and bugs into a traceback."""
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_ERROR)
    except EdgeRuntimeError as error:
        click.echo(f"edge-runtime: {error}", err=True)
        sys.exit(EXIT_ERROR)
    except Exception:  # noqa: BLE001 - the process's edge
        traceback.print_exc()
        sys.exit(EXIT_BUG)


def _models_directory(given: Path | None) -> Path:
    from edge_runtime.config.loading import read_environment  # noqa: PLC0415

    return given if given is not None else read_environment().state_directory / "models"


def _tell(findings: "list[Finding]", *, as_json: bool) -> None:
    from edge_runtime.diagnosis.findings import as_json as to_json  # noqa: PLC0415
    from edge_runtime.diagnosis.findings import as_text, has_errors  # noqa: PLC0415

    click.echo(to_json(findings) if as_json else as_text(findings))
    if has_errors(findings):
        click.get_current_context().exit(EXIT_ERROR)
