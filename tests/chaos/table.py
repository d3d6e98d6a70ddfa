"""A pytest plugin that ends a run with the table fault, expected, observed; a line for each row.

A test shows a row by its name (`test_n4_...`), wherever it lies, and says what it saw by
`record_property("observed", ...)`.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from _pytest.terminal import TerminalReporter

from tests.chaos.catalogue import CATALOGUE, rows_of

_KEY = pytest.StashKey["Observations"]()


@dataclass
class Observation:
    """What the tests of one row came to."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def text(self) -> str:
        parts = [*self.seen]
        if self.failed:
            parts.append(f"VIOLATED: {', '.join(self.failed)}")
        parts += [f"skipped: {why}" for why in dict.fromkeys(self.skipped)]
        return f"{self.passed} passed" + "".join(f"; {part}" for part in parts)


class Observations:
    def __init__(self) -> None:
        self.rows: dict[str, Observation] = defaultdict(Observation)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        for row in rows_of(name):
            self._note(self.rows[row], name, report)

    def _note(self, row: Observation, name: str, report: pytest.TestReport) -> None:
        if report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
            row.skipped.append(str(why).removeprefix("Skipped: "))
        elif report.failed:
            row.failed.append(name)
        elif report.when == "call":
            row.passed += 1
            row.seen += [str(text) for key, text in report.user_properties if key == "observed"]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_KEY] = Observations()
    config.pluginmanager.register(config.stash[_KEY])


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[_KEY].rows
    write = terminalreporter.write_line
    write("")
    write("| row | fault | expected | observed |")
    write("|---|---|---|---|")
    for name, row in CATALOGUE.items():
        observed = rows[name].text() if name in rows else "not run"
        write(f"| {name} | {row.fault} | {row.expected} | {observed} |")
    violations = sum(len(row.failed) for row in rows.values())
    write("")
    write(f"violations: {violations}")
