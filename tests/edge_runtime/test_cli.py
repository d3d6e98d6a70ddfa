"""The command line: help with examples, one line for our errors, the right exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.cli import EXIT_BUG, main
from tests.edge_runtime.bundles import brightness_bundle
from tests.edge_runtime.diagnosis.test_check import GOOD


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["edge-runtime", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("run",),
        ("check",),
        ("doctor",),
        ("unit",),
        ("sign",),
        ("status",),
        ("enrol",),
        ("fleet",),
        ("serve",),
        ("models", "verify"),
    ],
)
def test_every_help_shows_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    code, out, _ = call(monkeypatch, capsys, *command, "--help")

    assert code == 0
    assert "Example" in out


def test_check_prints_one_json_object_and_exits_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    brightness_bundle(tmp_path / "models")
    (tmp_path / "c.toml").write_text(GOOD)

    code, out, _ = call(monkeypatch, capsys, "check", str(tmp_path / "c.toml"), "--json")

    assert code == 0
    assert set(json.loads(out)["findings"][0]) == {"level", "where", "what", "remedy"}


def test_check_exits_1_where_anything_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = call(monkeypatch, capsys, "check", str(tmp_path / "nothing.toml"))

    assert code == 1
    assert "No such file" in out


def test_doctor_and_models_answer_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, out, _ = call(monkeypatch, capsys, "doctor", "--json")
    assert json.loads(out)["findings"]

    code, out, _ = call(
        monkeypatch, capsys, "models", "list", "--json", "--models-dir", str(tmp_path)
    )
    assert (code, json.loads(out)) == (0, {"models": []})

    code, out, _ = call(monkeypatch, capsys, "models", "verify", "--models-dir", str(tmp_path))
    assert code == 0

    code, _, err = call(monkeypatch, capsys, "models", "verify", "a@1", "--models-dir", ".")
    assert (code, err.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("fly",),
        ("run", "c.toml", "--log-level", "loud"),
        ("run", "c.toml", "--log-level", "notset"),
    ],
)
def test_wrong_usage_exits_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert call(monkeypatch, capsys, *arguments)[0] == 2


def test_a_bug_exits_70_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("edge_runtime.diagnosis.doctor.examine", broken)

    code, _, err = call(monkeypatch, capsys, "doctor")

    assert code == EXIT_BUG
    assert "RuntimeError: a bug" in err


def run(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STATE_DIRECTORY": str(state), "ORT_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        [sys.executable, "-m", "edge_runtime", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip


def test_run_says_in_one_line_what_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[device]\nid = "PI"\n')

    outcome = run("run", str(tmp_path / "c.toml"), state=tmp_path / "state")

    assert outcome.returncode == 1
    assert outcome.stderr.count("\n") == 1
    assert outcome.stderr.startswith("edge-runtime: ")


def test_without_a_broker_the_embedded_one_carries_a_run_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    brightness_bundle(tmp_path / "models")
    text = GOOD + "rate_hz = 50\nframes = 20\n"
    (tmp_path / "c.toml").write_text(text)

    outcome = run("run", str(tmp_path / "c.toml"), "--until-finished", state=tmp_path / "state")

    assert outcome.returncode == 0, outcome.stderr
    assert "embedded broker on 127.0.0.1:" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_unit_prints_nothing_but_the_unit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "porch.toml"
    path.write_text(GOOD)

    code, out, err = call(monkeypatch, capsys, "unit", str(path))

    assert (code, err) == (0, "")
    assert out.startswith("# Made by")
    assert f"-m edge_runtime run {path}\n" in out
