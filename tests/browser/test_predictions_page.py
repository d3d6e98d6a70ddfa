"""The page of `edge-runtime serve` in a real browser: it lists the models without a complaint."""

import subprocess
from pathlib import Path

import pytest

from tests.edge_runtime.bundles import brightness_bundle, sum_bundle
from tests.edge_runtime.http.test_server import Served

pytestmark = [pytest.mark.browser, pytest.mark.ort]


def test_it_lists_the_models_without_a_complaint(tmp_path: Path) -> None:
    bundles = (brightness_bundle(tmp_path), sum_bundle(tmp_path))
    with Served(tmp_path, *map(str, bundles)) as served:
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += [f"--user-data-dir={tmp_path}/profile", "--enable-logging=stderr"]
        command += ["--virtual-time-budget=5000", "--dump-dom", served.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "<option>brightness</option><option>total</option>" in done.stdout
    assert "classification, version 1, input 1\u00d74" in done.stdout
    # Inline styles and scripts without the nonce, and anything from elsewhere, would be told here.
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
