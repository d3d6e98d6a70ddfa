"""The commands `edge-runtime enrol` and `edge-runtime fleet`."""

from pathlib import Path

import click

from edge_runtime.config.loading import load_config
from edge_runtime.enrolment.authority import CERTIFICATE_NAME, Authority
from edge_runtime.enrolment.broker_rules import ACCESS_RULES, broker_settings
from edge_runtime.enrolment.pem import read, write_new
from edge_runtime.enrolment.request import signing_request

DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False),
    default=Path("fleet"), show_default=True, help="Where the authority's key stands.",
)  # fmt: skip
DAYS = click.option(
    "--days", type=click.IntRange(1, 3650), default=730, show_default=True, help="Until it expires."
)


@click.command(epilog="\b\nExample:\n  edge-runtime enrol /etc/edge-runtime/porch.toml > porch.csr")
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
def enrol(config: Path) -> None:
    """Make the key that CONFIG names, where it is missing; print what the fleet has to sign."""
    click.echo(signing_request(load_config(config)), nl=False)


@click.group(
    epilog="""\b
Examples:
  edge-runtime fleet init --name home
  edge-runtime fleet sign porch.csr --device porch-pi > porch.pem
  edge-runtime fleet broker broker.local --out mosquitto
"""
)
def fleet() -> None:
    """Be the authority of a fleet; on a machine that is no device."""


@fleet.command("init", epilog="\b\nExample:\n  edge-runtime fleet init --name home")
@click.option("--name", required=True, help="The fleet's name, for people.")
@DIRECTORY
def init(name: str, directory: Path) -> None:
    """Make the authority's key and certificate."""
    Authority.create(directory, name)
    click.echo(f"{directory}/{CERTIFICATE_NAME}: goes to every device and broker (mqtt.tls.ca)")


@fleet.command("sign", epilog="\b\nExample:\n  edge-runtime fleet sign p.csr --device p > p.pem")
@click.argument("request", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--device", required=True, help="Who asks; another name in REQUEST is refused.")
@DAYS
@DIRECTORY
def sign(request: Path, device: str, days: int, directory: Path) -> None:
    """Sign a device's REQUEST; the certificate goes to stdout (mqtt.tls.cert)."""
    authority = Authority.open(directory)
    click.echo(authority.sign_device(read(request), device, days), nl=False)


@fleet.command("broker", epilog="\b\nExample:\n  edge-runtime fleet broker broker.local --out m")
@click.argument("host")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--port", type=click.IntRange(1, 65_535), default=8883, show_default=True)
@DAYS
@DIRECTORY
def broker(host: str, out: Path, port: int, days: int, directory: Path) -> None:
    """Make HOST's certificate, and mosquitto's configuration and access rules, in --out."""
    authority = Authority.open(directory)
    place = out.absolute()
    place.mkdir(parents=True, exist_ok=True)
    key, certificate, rules = place / "broker.key", place / "broker.pem", place / "acl"
    write_new(certificate, authority.issue_broker(host, key, days), mode=0o644)
    write_new(rules, ACCESS_RULES.encode(), mode=0o644)
    ca = (directory / CERTIFICATE_NAME).absolute()
    write_new(
        place / "mosquitto.conf",
        broker_settings(port, ca, certificate, key, rules).encode(),
        mode=0o644,
    )
    click.echo(f"mosquitto -c {place}/mosquitto.conf")
