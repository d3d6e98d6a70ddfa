import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHARED

BENCH = ROOT / "benchmarks" / "technique_bench.py"


def _bench(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, BENCH, *map(str, arguments)],
        capture_output=True, check=True, text=True, timeout=200, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip
    return done.stdout


def test_without_the_reference_models_it_says_so(tmp_path: Path) -> None:
    assert "nothing measured" in _bench("--shared", tmp_path)


@pytest.mark.shared_assets
@pytest.mark.ort
def test_a_row_holds_what_a_switch_does() -> None:
    rows = _bench("--shared", SHARED, "--only", "no data, propagated").splitlines()[2:]

    assert [row.split(" | ")[0] for row in rows] == ["| ResNet8", "| DS-CNN"]
