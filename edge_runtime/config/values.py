"""What the tables of the configuration share: bounded values, and the strictness of a table."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

Name: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
Rate: TypeAlias = Annotated[float, Meta(ge=0, le=100_000)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Pixels: TypeAlias = Annotated[int, Meta(ge=1, le=16_384)]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared settings: immutable, unknown keys refused."""


class TlsConfig(Table, frozen=True):
    """Certificates by file; the system's authorities where `ca` is absent."""

    ca: Text | None = None
    cert: Text | None = None
    key: Text | None = None
