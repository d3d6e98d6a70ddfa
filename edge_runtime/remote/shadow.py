"""The state the device is wished to have (`cfg/desired`), and the one it has (`cfg/reported`).

A wish is retained by the broker, so it also reaches a device that was away; it is kept on disk, so
a device that starts without a broker has it, too. A key that a wish leaves out stays as it is, and
is the configuration's again from the next start on.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, TypeAlias

import msgspec

from edge_runtime.host.durable import replace_file
from edge_runtime.mqtt.topics import REPORTED
from edge_runtime.records import Delivery, Message
from edge_runtime.remote.commands import MAX_COMMAND_BYTES, CommandError, Name
from edge_runtime.supervisor.supervised import Supervised

logger = logging.getLogger(__name__)

SCHEMA = "edge.reported/1"
Interval: TypeAlias = Annotated[float, msgspec.Meta(ge=1, le=3600)]
Threshold: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared settings: immutable, unknown keys refused."""


class PipelineWish(_Strict, frozen=True, omit_defaults=True):
    """What a pipeline should be like."""

    paused: bool | None = None
    threshold: Threshold | None = None


class Desired(_Strict, frozen=True, omit_defaults=True):
    """The payload of `cfg/desired`.

    Attributes:
        version: The issuer's own number; comes back in the report.
        health_interval_s: As in the configuration.
    """

    version: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    health_interval_s: Interval | None = None
    pipelines: dict[Name, PipelineWish] = {}


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of `cfg/reported`.

    Attributes:
        version: Of the last wish that was fulfilled; None: none was.
        pipelines: As they are; a threshold of None is the configuration's or the model's own.
        error: Why the last wish that came was refused; None where it was fulfilled.
    """

    schema: str = SCHEMA
    boot: str
    seq: int
    version: int | None
    health_interval_s: float
    pipelines: dict[str, PipelineWish]
    error: str | None


class _Kept(msgspec.Struct, frozen=True):
    """The file: the wish, and the very payload that it came in, to know it again."""

    payload: bytes
    desired: Desired


class Paced(Protocol):
    """What publishes health: the reporter."""

    interval_s: float


@dataclass(frozen=True, slots=True)
class ShadowParts:
    """What a wish can change, and where it is kept."""

    path: Path
    boot: str
    pipelines: Sequence[Supervised]
    reporter: Paced


class Shadow:
    """Used by the supervisor's thread."""

    def __init__(self, parts: ShadowParts) -> None:
        self._parts = parts
        self._kept = _read(parts.path)
        self._error: str | None = None
        self._sequence = 0
        if self._kept is not None:
            self._fulfil_again(self._kept.desired)

    def is_known(self, payload: bytes) -> bool:
        """Return whether this very payload was fulfilled: a broker repeats what it retains."""
        return self._kept is not None and self._kept.payload == payload

    def fulfil(self, payload: bytes, wish: bytes) -> None:
        """Make the device as wished, wholly or not at all.

        Args:
            payload: As it came, in its envelope.
            wish: The same without.

        Raises:
            CommandError: Not such a wish, or one for a pipeline that is not here.
        """
        desired = decode_desired(wish)
        self._check(desired)
        self._apply(desired)
        self._kept = _Kept(payload, desired)
        self._error = None
        try:
            replace_file(self._parts.path, msgspec.json.encode(self._kept))
        except OSError as error:
            logger.warning("%s: %s: the wish is forgotten at a restart", self._parts.path, error)

    def refuse(self, why: str | None) -> None:
        """Report why the last wish that came is not fulfilled; None: it is."""
        self._error = why

    def report(self) -> Message:
        """Return how the device is."""
        reported = Reported(
            boot=self._parts.boot,
            seq=self._sequence,
            version=None if self._kept is None else self._kept.desired.version,
            health_interval_s=self._parts.reporter.interval_s,
            pipelines={
                p.name: PipelineWish(paused=p.is_paused, threshold=p.threshold)
                for p in self._parts.pipelines
            },
            error=self._error,
        )
        self._sequence += 1
        stamps = (("schema", SCHEMA), ("boot", reported.boot), ("seq", str(reported.seq)))
        payload = msgspec.json.encode(reported)
        return Message(REPORTED, payload, Delivery.LATEST, retain=True, properties=stamps)

    def _fulfil_again(self, desired: Desired) -> None:
        """Apply what was kept, as far as the pipelines are still there."""
        here = {pipeline.name for pipeline in self._parts.pipelines}
        wishes = {name: wish for name, wish in desired.pipelines.items() if name in here}
        self._apply(msgspec.structs.replace(desired, pipelines=wishes))

    def _check(self, desired: Desired) -> None:
        known = {pipeline.name for pipeline in self._parts.pipelines}
        for name, wish in desired.pipelines.items():
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise CommandError(f"pipeline {name!r}: unknown, allowed are {allowed}")
            if wish.threshold is not None and not math.isfinite(wish.threshold):
                raise CommandError(f"pipeline {name!r}: threshold {wish.threshold}, not finite")

    def _apply(self, desired: Desired) -> None:
        if desired.health_interval_s is not None:
            self._parts.reporter.interval_s = desired.health_interval_s
        for pipeline in self._parts.pipelines:
            wish = desired.pipelines.get(pipeline.name, PipelineWish())
            if wish.threshold is not None:
                pipeline.set_threshold(wish.threshold)
            if wish.paused is not None and wish.paused != pipeline.is_paused:
                pipeline.pause() if wish.paused else pipeline.resume()


def decode_desired(payload: bytes) -> Desired:
    """Return the wish that a payload holds.

    Raises:
        CommandError: Too long, not JSON, an unknown key, a value out of range.
    """
    if len(payload) > MAX_COMMAND_BYTES:
        raise CommandError(f"cfg/desired: {len(payload)} bytes, allowed are {MAX_COMMAND_BYTES}")
    try:
        return msgspec.json.decode(payload, type=Desired)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(f"cfg/desired: {error}") from error


def _read(path: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        logger.warning("%s: %s: starting as the configuration says", path, error)
        return None
