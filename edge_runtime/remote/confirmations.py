"""The word of a consumer that it holds what it got, for the outbox's strict mode."""

from typing import Annotated

import msgspec

from edge_runtime.mqtt.outbox.unconfirmed import Confirmation
from edge_runtime.remote.commands import MAX_COMMAND_BYTES, CommandError


class _Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    topic: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    boot: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    upto: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


def decode_confirmation(payload: bytes) -> Confirmation:
    """Return what a payload of `ack` confirms: a topic below the root, a boot, a number.

    Raises:
        CommandError: Too long, not JSON, an unknown key, a value out of range.
    """
    if len(payload) > MAX_COMMAND_BYTES:
        raise CommandError(f"ack: {len(payload)} bytes, allowed are {MAX_COMMAND_BYTES}")
    try:
        word = msgspec.json.decode(payload, type=_Word)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"ack: {error}") from error
    return Confirmation(word.topic, word.boot, word.upto)
