"""The command `edge-runtime serve`."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edge_runtime.config.vision import ModelConfig
from edge_runtime.host.stop_signals import hold_back_signals
from edge_runtime.http.app import MAX_BODY_BYTES, make_app
from edge_runtime.http.guard import read_token
from edge_runtime.http.house import house_of
from edge_runtime.http.served import Places, Served, serve_bundle
from edge_runtime.http.server import Server, address_of
from edge_runtime.http.traffic import Traffic
from edge_runtime.models.signature import read_model_key
from edge_runtime.models.store import find_bundle

_MIB = 1 << 20
_LOG_FORMAT = "%(levelname)s %(message)s"
_log = logging.getLogger("edge_runtime.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's, by the names that `--help` explains."""

    bundles: tuple[str, ...]
    bind: str
    models_dir: Path
    engine: str
    accelerator: str | None
    library: str | None
    threads: int | None
    copies: int
    waiting: int
    patience_s: float
    max_body_mib: int
    token_file: Path | None
    models_key: Path | None
    drain_s: float
    log_level: str


@click.command(
    epilog="""\b
Examples:
  edge-runtime serve ./models/door
  edge-runtime serve door@3 scale --models-dir ./models --bind 0.0.0.0:8080 --token-file token
  curl -F image=@cat.jpg http://127.0.0.1:8080/models/door/predictions
"""
)
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--bind", default="127.0.0.1:8080", show_default=True, help="HOST:PORT; port 0: any.")
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default="/models",
    show_default=True,
    help="Where NAME/VERSION/ are.",
)
@click.option("--engine", default="auto", show_default=True, help="As in a pipeline's table.")
@click.option("--accelerator", help="Of the engine; one that is missing is an error.")
@click.option("--library", help="What the accelerator needs; for native the model itself.")
@click.option("--threads", type=click.IntRange(1, 256), help="Of an engine; default: cores - 1.")
@click.option(
    "--copies",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Of each model: requests that are computed at once.",
)
@click.option(
    "--waiting",
    type=click.IntRange(0, 1024),
    default=16,
    show_default=True,
    help="Requests that may wait for a model; more are refused with 503.",
)
@click.option(
    "--patience-s",
    type=click.FloatRange(0.01, 600),
    default=5.0,
    show_default=True,
    help="The longest that one waits.",
)
@click.option(
    "--max-body-mib",
    type=click.IntRange(1, 1024),
    default=MAX_BODY_BYTES // _MIB,
    show_default=True,
    help="Of a request's body.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Requests must bear this token, but for probes, metrics and the page.",
)
@click.option(
    "--drain-s",
    type=click.FloatRange(0, 600),
    default=0.0,
    show_default=True,
    help="After SIGTERM: not ready, but still answering.",
)
@click.option(
    "--models-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ed25519 public key (PEM) that bundles have to be signed with.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def serve(**options: Any) -> None:
    """Answer requests for predictions of each BUNDLE (NAME, NAME@VERSION or a path) over HTTP."""
    hold_back_signals()  # before the models: an early SIGTERM stops in good order, too
    run_server(Options(**options))


def run_server(options: Options) -> None:
    """Open the models, listen, and answer until a signal asks to stop.

    Raises:
        BundleError: A bundle that is not there, or not whole.
        EngineError: No engine for it, or the engine refuses it.
        ConfigError: The address, the token's file, or a name that is given twice.
    """
    logging.basicConfig(level=options.log_level.upper(), stream=sys.stderr, format=_LOG_FORMAT)
    address = address_of(options.bind)
    token = None if options.token_file is None else read_token(options.token_file)
    house = house_of(_opened(options))
    traffic = Traffic()
    app = make_app(house, traffic, token, options.max_body_mib * _MIB)
    threads = len(options.bundles) * (options.copies + options.waiting)
    server = Server(app, address, threads, options.max_body_mib * _MIB)
    _log.info("listening on %s: %s", server.address.url, ", ".join(house.models))
    server.run(traffic, options.drain_s)


def _opened(options: Options) -> Iterator[Served]:
    places = Places(options.copies, options.waiting, options.patience_s)
    key = None if options.models_key is None else read_model_key(options.models_key)
    for name in options.bundles:
        config = ModelConfig(
            model=name,
            engine=options.engine,
            accelerator=options.accelerator,
            library=options.library,
            threads=options.threads,
        )
        yield serve_bundle(find_bundle(name, options.models_dir, key), config, places, key)
