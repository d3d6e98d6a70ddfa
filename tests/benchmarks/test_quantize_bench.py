import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHARED

BENCH = ROOT / "benchmarks" / "quantize_bench.py"


def _bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCH, *map(str, arguments)],
        capture_output=True,
        check=True,
        text=True,
        timeout=200,
    )


def test_without_the_reference_models_it_says_so(tmp_path: Path) -> None:
    done = _bench("--shared", tmp_path, "--only", "hello")

    assert "The reference models are not beside this checkout" in done.stdout
    assert "| hello_world |" not in done.stdout


@pytest.mark.shared_assets
@pytest.mark.tflite
@pytest.mark.ort
def test_a_row_stands_beside_the_peers_of_the_same_run(tmp_path: Path) -> None:
    done = _bench("--shared", SHARED, "--only", "hello", "--json", tmp_path / "rows.json")

    (row,) = json.loads((tmp_path / "rows.json").read_text())
    assert row["case"]["title"] == "hello_world"
    assert row["ours"]["sqnr_db"] > 32
    assert row["peers"]["ORT minmax"]["sqnr_db"] > 30
    assert row["peers"]["ORT percentile"]["sqnr_db"] > 30
    has_ai_edge = importlib.util.find_spec("ai_edge_quantizer") is not None
    assert done.stdout.count("| hello_world |") == 10 + has_ai_edge
