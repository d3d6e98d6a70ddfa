"""Commands from the broker: strict in what they accept, always answered.

A command is JSON of at most 4 KiB on `cmd/<verb>`; an empty payload counts as `{}`. The answer goes
to the command's response topic with its correlation data, or to `reply/<verb>`.
"""

import math
from typing import Annotated, TypeAlias

import msgspec

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.records import Delivery, Message

SCHEMA = "edge.reply/1"
MAX_COMMAND_BYTES = 4096
REPLY_EXPIRY_S = 30
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Mark: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]


class CommandError(EdgeRuntimeError, ValueError):
    """A command that is refused, with what is allowed."""


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every command takes.

    Attributes:
        id: Comes back in the answer, for askers without correlation data.
    """

    id: Mark | None = None


class Ping(_Command, frozen=True):
    """Are you there?"""


class PausePipeline(_Command, frozen=True):
    """Drop frames until `resume`; all pipelines where none is named."""

    pipeline: Name | None = None


class ResumePipeline(_Command, frozen=True):
    """Infer again; all pipelines where none is named."""

    pipeline: Name | None = None


class ChangeThreshold(_Command, frozen=True):
    """Decide by another threshold until the daemon is restarted."""

    pipeline: Name
    value: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class WriteDump(_Command, frozen=True):
    """Write the flight recorder's content; of all pipelines where none is named."""

    pipeline: Name | None = None


class Restart(_Command, frozen=True):
    """Stop in good order, for the service manager to start again."""


Command: TypeAlias = Ping | PausePipeline | ResumePipeline | ChangeThreshold | WriteDump | Restart
VERBS: dict[str, type[Command]] = {
    "ping": Ping,
    "pause": PausePipeline,
    "resume": ResumePipeline,
    "threshold": ChangeThreshold,
    "dump": WriteDump,
    "restart": Restart,
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of an answer.

    Attributes:
        result: What was done, one line; None where it was refused.
        error: Why it was refused; None where it was done.
        duration_ms: From the command's arrival to the answer.
    """

    schema: str = SCHEMA
    verb: str
    id: str | None
    ok: bool
    result: str | None
    error: str | None
    duration_ms: float


def decode_command(verb: str, payload: bytes) -> Command:
    """Return the command that a payload holds.

    Raises:
        CommandError: Unknown verb, too long, not JSON, an unknown key, a value out of range.
    """
    kind = VERBS.get(verb)
    if kind is None:
        raise CommandError(f"cmd/{verb[:64]}: unknown, allowed are {', '.join(sorted(VERBS))}")
    if len(payload) > MAX_COMMAND_BYTES:
        raise CommandError(f"cmd/{verb}: {len(payload)} bytes, allowed are {MAX_COMMAND_BYTES}")
    try:
        command = msgspec.json.decode(payload or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"cmd/{verb}: {error}") from error
    if isinstance(command, ChangeThreshold) and not math.isfinite(command.value):
        raise CommandError(f"cmd/{verb}: value {command.value}, allowed are finite numbers")
    return command


def answer_message(answer: Answer) -> Message:
    """Return the answer as a message; the session puts the topic to it."""
    payload = msgspec.json.encode(answer)
    properties = (("schema", SCHEMA),)
    return Message("", payload, Delivery.ALL, expiry_s=REPLY_EXPIRY_S, properties=properties)
