"""The checker itself: it finds a hole, and takes one that was told for explained."""

import threading
from pathlib import Path

import pytest

from tests.broker.mosquitto import eventually
from tests.chaos import invariants
from tests.chaos.catalogue import CATALOGUE, rows_of
from tests.chaos.invariants import told_gaps, unexplained, violations
from tests.chaos.stand import SETTLE_S, Stand


@pytest.mark.broker
def test_a_hole_is_a_violation_until_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stand(tmp_path, outbox="max_messages = 40", rate_hz=100.0) as stand:
        stand.start()
        stand.link.is_cut = True
        threading.Event().wait(2.0)
        stand.link.heal()
        eventually(lambda: told_gaps(stand), "gaps", SETTLE_S)
        health = stand.settle()

        assert violations(stand, health) == []
        assert sum(len(numbers) for numbers in told_gaps(stand).values()) > 0
        monkeypatch.setattr(invariants, "told_gaps", lambda _stand: {})
        assert sum(len(numbers) for numbers in unexplained(stand).values()) > 0


def test_a_tests_name_says_its_rows() -> None:
    assert rows_of("test_n4_half_open_connection_is_noticed") == ("N4",)
    assert rows_of("test_n2_d3_no_event[3]") == ("N2", "D3")
    assert rows_of("test_nothing_of_it") == ()
    assert set(rows_of("test_s1_s2_s3_s4_each")) < set(CATALOGUE)
