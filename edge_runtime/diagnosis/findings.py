"""What `check` and `doctor` find: one line each, with what to do about it."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How bad a finding is; only errors make the exit code 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        where: The key, file or device.
        what: What was found.
        remedy: What to do, "" where there is nothing to do.
    """

    level: Level
    where: str
    what: str
    remedy: str = ""


def has_errors(findings: Sequence[Finding]) -> bool:
    """Return whether anything would keep the daemon from working."""
    return any(finding.level is Level.ERROR for finding in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """Return `{"findings": [...]}`."""
    return msgspec.json.encode({"findings": list(findings)}).decode()


def as_text(findings: Sequence[Finding]) -> str:
    """Return one line a finding, and its remedy below it."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.level.value:<8} {finding.where}: {finding.what}")
        if finding.remedy:
            lines.append(f"{'':<8} → {finding.remedy}")
    return "\n".join(lines)
