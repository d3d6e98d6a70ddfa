"""The page in a real browser: no complaint in its console, and nothing sticks out on a phone."""

import re
import subprocess
from pathlib import Path

import pytest

from quantize.budget import Budget
from quantize.job import Job
from quantize.pipeline import run_job
from quantize.recipe import Recipe
from tests.quantize.cases import save_classifier, save_classifier_data

pytestmark = [pytest.mark.browser, pytest.mark.tflite, pytest.mark.ort]

DEADLINE_S = 60
MEASURE = """<script>parent.postMessage(
[innerWidth, document.documentElement.scrollWidth].join(), "*")</script>"""
# A window is at least 500 pixels wide in Chromium, a frame may be as narrow as a phone.
FRAME = """<!doctype html><p id="wide"></p><script>
addEventListener("message", event => { document.getElementById("wide").textContent = event.data })
</script><iframe src="measured.html" width="WIDTH" height="800" style="border: 0"></iframe>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    model, data = save_classifier(folder), save_classifier_data(folder)
    job = Job(
        model=model,
        calibrate=data,
        out=folder / "out",
        recipe=Recipe(prune_weights=0.3, search_samples=0),
        budget=Budget(max_drop=0.0, max_flips=-1.0),  # met by nothing: the list is whole
    )
    return run_job(job, lambda *_: None).bundle / "report.html"


def _browse(page: Path) -> tuple[str, list[str]]:
    """Return the document as the browser understood it, and what it said in its console."""
    profile = page.parent / "profile"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
    command += ["--no-first-run", f"--user-data-dir={profile}", "--window-size=1400,900"]
    command += [
        "--enable-logging=stderr",
        "--virtual-time-budget=2000",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_it_renders_its_headings_without_a_complaint(page: Path) -> None:
    document, console = _browse(page)

    assert console == []
    headings = re.findall(r"<h[12][^>]*>([^<]*)</h[12]>", document)
    assert headings[0] == "tiny-net: int8 beside float"
    assert {"Summary", "Changed predictions", "Error by layer", "Ranges"} <= set(headings)
    assert {"Search", "Pruning"} <= set(headings)


def test_its_policy_lets_no_script_run_and_the_console_says_so(page: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled.html"
    script = "<script>document.title = 'it ran'</script>"
    spoiled.write_text(page.read_text().replace("</body>", script + "</body>"))

    document, console = _browse(spoiled)

    assert "<title>tiny-net" in document
    assert "Content Security Policy" in console[0]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page: Path, tmp_path: Path, width: int) -> None:
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    (tmp_path / "measured.html").write_text(text.replace("</body>", MEASURE + "</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)))

    document, console = _browse(frame)

    assert console == []
    inner, whole = map(int, re.findall(r'<p id="wide">(\d+),(\d+)</p>', document)[0])
    assert whole <= inner == width
