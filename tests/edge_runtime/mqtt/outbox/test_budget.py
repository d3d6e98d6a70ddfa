"""A budget of writes fills with time, and what the kernel counts is what is spent."""

import os
from pathlib import Path

import pytest

from edge_runtime.mqtt.outbox.budget import DAY_S, WriteBudget, written_bytes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_is_spent_and_fills_again() -> None:
    clock = Clock()
    budget = WriteBudget(DAY_S * 10, clock)  # 10 bytes a second, 36,000 saved up

    budget.spend(36_010)
    assert budget.is_spent()
    clock.now = 2.0
    assert not budget.is_spent()


def test_no_more_than_an_hour_is_saved_up() -> None:
    clock = Clock()
    budget = WriteBudget(DAY_S * 10, clock)
    clock.now = 10 * DAY_S

    budget.spend(36_000)

    assert budget.is_spent()


def test_the_kernel_counts_what_we_write(tmp_path: Path) -> None:
    before = written_bytes()
    with (tmp_path / "x").open("wb") as file:
        file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    if written_bytes() == 0:
        pytest.skip("this kernel, or this file system, does not account writes")

    assert written_bytes() - before >= 1 << 20


def test_where_nothing_is_told_nothing_was_written(tmp_path: Path) -> None:
    (tmp_path / "io").write_text("rchar: 5\n")

    assert written_bytes(tmp_path / "io") == 0
    assert written_bytes(tmp_path / "missing") == 0
