"""A short run over every decoder; `make fuzz` is the long one."""

import pytest

from tests.chaos.fuzz.fuzz import fuzz
from tests.chaos.fuzz.targets import Target, targets
from tests.chaos.settings import SEED

CASES = 3000
SECONDS = 1.0


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> tuple[Target, ...]:
    return targets(tmp_path_factory.mktemp("fuzz"))


def test_n9_no_bytes_break_a_decoder(every: tuple[Target, ...]) -> None:
    verdicts = [fuzz(target, cases=CASES, seconds=SECONDS, seed=SEED) for target in every]

    assert [v.crashes for v in verdicts if not v.is_good] == []
    assert all(v.cases > 20 for v in verdicts)
    assert sum(v.read for v in verdicts) > 0


def test_a_decoder_that_breaks_is_found() -> None:
    verdict = fuzz(Target("broken", (b"\x01\x02",), lambda data: 1 / data[0]), cases=2000,
                   seconds=10.0, seed=SEED)  # fmt: skip

    assert not verdict.is_good
    assert {why.split(":")[0] for why, _ in verdict.crashes} <= {"ZeroDivisionError", "IndexError"}
