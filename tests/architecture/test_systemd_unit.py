"""The unit is well formed, and exposes little, as systemd itself judges."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_runtime.config.credentials import credential_files
from edge_runtime.config.loading import decode_config

DIRECTORY = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
ANALYZE = shutil.which("systemd-analyze")
EXPOSURE_SENSOR, EXPOSURE_CAMERA, EXPOSURE_IIO = 15, 15, 18  # tenths; a bare unit has 96

EXPOSURES = [
    ("", EXPOSURE_SENSOR),
    ("camera.conf", EXPOSURE_CAMERA),
    ("pi-camera.conf", EXPOSURE_CAMERA),
    ("sensor.conf", EXPOSURE_CAMERA),
    ("accelerator.conf", EXPOSURE_CAMERA),
    ("secrets.conf", EXPOSURE_SENSOR),
    ("iio.conf", EXPOSURE_IIO),
]

pytestmark = pytest.mark.systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as an instance, with a program that exists here."""
    text = (DIRECTORY / "edge-runtime@.service").read_text(encoding="utf-8")
    path = tmp_path / "edge-runtime@porch.service"
    path.write_text(text.replace("/opt/edge-runtime/bin/edge-runtime", "/bin/true"))
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)


def test_systemd_verifies_the_unit(unit: Path) -> None:
    outcome = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))

    complaints = [line for line in outcome.stderr.splitlines() if unit.name in line]
    assert complaints == []
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize(("drop_in", "limit"), EXPOSURES)
def test_the_exposure_stays_low(unit: Path, drop_in: str, limit: int) -> None:
    if drop_in:
        text = (DIRECTORY / drop_in).read_text(encoding="utf-8")
        unit.write_text(unit.read_text() + text)

    outcome = analyze("security", "--offline=yes", f"--threshold={limit}", str(unit))

    assert outcome.returncode == 0, outcome.stdout[-1500:] + outcome.stderr


def test_onnx_runtimes_system_calls_stay_allowed(unit: Path) -> None:
    text = unit.read_text()

    assert "~@resources" not in text
    assert "~@privileged @resources" not in text


def test_every_drop_in_is_judged() -> None:
    judged = {name for name, _ in EXPOSURES if name}

    assert judged == {path.name for path in DIRECTORY.glob("*.conf")}


def test_the_secrets_have_the_names_that_the_daemon_looks_for() -> None:
    text = (DIRECTORY / "secrets.conf").read_text(encoding="utf-8")
    config = decode_config(
        '[device]\nid = "p"\n[mqtt]\nhost = "b"\nusername = "u"\npassword_file = "/p"\n'
        'tls = { ca = "/a", cert = "/c", key = "/k" }\n'
        '[[pipeline]]\nname = "door"\nmodel = "m"\nsource = { kind = "camera", url_file = "/u" }'
    )

    named = re.findall(r"^#?LoadCredential=([^:]+):", text, re.MULTILINE)

    assert set(named) == set(credential_files(config))
