"""The stand that the faults of one file share, and the tools that only root has."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.fault import Fault, endure
from tests.chaos.mounts import missing_for_mounts
from tests.chaos.stand import Stand

Endure = Callable[[Fault, float], None]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("stand")) as shared:
        yield shared.start()


@pytest.fixture
def survive(stand: Stand, record_property: Callable[[str, object], None]) -> Endure:
    """Endure a fault on the shared stand, and have the table say what was seen."""

    def run(fault: Fault, lasts_s: float) -> None:
        record_property("observed", endure(stand, fault, lasts_s))

    return run


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A directory to mount something on; skips where that is not possible."""
    missing = missing_for_mounts() if os.geteuid() == 0 else "root"
    if missing is not None:
        pytest.skip(f"needs {missing}")
    place = tmp_path / "disk"
    place.mkdir()
    return place
