"""Signing a command where the fleet's private key is, away from the devices."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_runtime.errors import ConfigError
from edge_runtime.keys import read_private_key
from edge_runtime.mqtt.topics import DESIRED
from edge_runtime.remote.commands import VERBS, CommandError, decode_command
from edge_runtime.remote.envelope import Statement, seal
from edge_runtime.remote.shadow import decode_desired


@dataclass(frozen=True, slots=True)
class Terms:
    """For whom and for how long a signature holds; `issuer` is whose counter is used up."""

    issuer: str
    device: str
    valid_s: float


def signed_command(
    verb: str, payload: str, key: Path, terms: Terms, wall_s: Callable[[], float] = time.time
) -> str:
    """Return the envelope; what a device would refuse anyway is refused here.

    Raises:
        CommandError: No such verb, a payload that it does not take, a name that is no name.
        ConfigError: The key cannot be used.
    """
    _check(verb, payload.encode())
    now = wall_s()
    statement = Statement(
        issuer=terms.issuer,
        device=terms.device,
        verb=verb,
        counter=int(now * 1000),
        issued_at=now,
        expires_at=now + terms.valid_s,
        command=msgspec.Raw(payload.encode()),
    )
    try:
        msgspec.convert(msgspec.structs.asdict(statement), Statement)
    except msgspec.ValidationError as error:
        raise CommandError(str(error)) from error
    return seal(statement, read_private_key(key)).decode()


def _check(verb: str, payload: bytes) -> None:
    if verb == DESIRED:
        decode_desired(payload)
    elif verb in VERBS:
        decode_command(verb, payload)
    else:
        raise ConfigError(f"{verb!r}: allowed are {', '.join(sorted([*VERBS, DESIRED]))}")
