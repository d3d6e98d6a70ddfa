import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_export.boards import BoardRecord
from firmware_export.cli import main
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from tests.firmware_export.int_graphs import EVERY_OPERATION, residual_graph

HOST = ("--target", "host")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "Front door.tflite"
    path.write_bytes(emit_tflite(residual_graph()))
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["edge-firmware", *map(str, arguments)])
    try:
        main()
    except SystemExit as leaving:
        return leaving.code
    return 0


def test_ctrl_c_is_one_line(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firmware_export.cli.load_model", interrupt)

    assert run(monkeypatch, "export", model, "--out", tmp_path / "out") == 130
    assert capsys.readouterr().err.strip() == "edge-firmware: interrupted"


def test_a_model_is_exported_and_verified(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"

    assert run(monkeypatch, "export", model, *HOST, "--out", out, "--json") == 0
    exported = json.loads(capsys.readouterr().out)
    assert run(monkeypatch, "verify", out, "--json") == 0
    verified = json.loads(capsys.readouterr().out)

    assert exported["prefix"] == "front_door"
    assert (out / "front_door.c").is_file()
    assert exported == json.loads((out / "report.json").read_text())
    keys = {"target", "macs", "flash_bytes", "ram_bytes", "arena_bytes", "stack_bytes", "layers"}
    assert keys <= exported.keys()
    assert keys | {"vectors", "differing_bytes", "instructions", "profile"} <= verified.keys()
    assert (verified["vectors"], verified["differing_bytes"]) == (4, 0)


def test_a_report_writes_nothing(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = sorted(tmp_path.iterdir())

    assert run(monkeypatch, "report", model, *HOST) == 0

    assert "multiply-accumulates  87,584" in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == before


def test_a_second_export_replaces_the_first(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    assert run(monkeypatch, "export", model, *HOST, "--out", out, "--prefix", "first") == 0
    assert run(monkeypatch, "export", model, *HOST, "--out", out, "--weights-only") == 0

    assert not (out / "first.c").exists()
    assert (out / "front_door_weights.c").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "nowhere.tflite", "--out", "out"), "nowhere.tflite: No such file"),
        (("export", "MODEL", "--out", "out", "--prefix", "int"), "prefix 'int': expected"),
        (("export", "MODEL", "--out", "."), "exists and is no export of ours"),
        (("verify", "nowhere"), "report.json: No such file"),
        (("report", "."), "no manifest.json"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_1(
    arguments: tuple[str, ...],
    message: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())

    code = run(monkeypatch, *(str(model) if word == "MODEL" else word for word in arguments))

    error = capsys.readouterr().err
    assert code == 1
    assert error.startswith("edge-firmware: ")
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_truncated_model_is_refused(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model.write_bytes(model.read_bytes()[:900])

    assert run(monkeypatch, "export", model, "--out", tmp_path / "out") == 1

    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_differing_bytes_are_exit_code_1(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    run(monkeypatch, "export", model, *HOST, "--out", out, "--prefix", "net")
    source = (out / "net.c").read_text()
    (out / "net.c").write_text(source.replace(".diff_min = -124", ".diff_min = 0"))

    assert run(monkeypatch, "verify", out) == 1

    assert "bytes differ from the golden vectors, the first at index 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("export", "m"), ("verify",), ("export", "m", "--target", "z80"), ("bake",)]
)
def test_wrong_usage_is_exit_code_2(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_help_shows_an_example_of_every_command() -> None:
    for command in ("export", "report", "targets", "verify"):
        done = subprocess.run(
            [sys.executable, "-m", "firmware_export", command, "--help"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert f"Example: edge-firmware {command}" in " ".join(done.stdout.split())


def test_a_net_of_one_operation_survives_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.tflite").write_bytes(emit_tflite(EVERY_OPERATION["two_headed"]))

    assert run(monkeypatch, "export", tmp_path / "m.tflite", *HOST, "--out", tmp_path / "o") == 0
    assert run(monkeypatch, "verify", tmp_path / "o") == 0


def test_both_files_of_one_model_give_the_same_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = residual_graph()
    (tmp_path / "m.tflite").write_bytes(emit_tflite(graph))
    (tmp_path / "m.onnx").write_bytes(emit_qdq_onnx(graph))
    for suffix in ("tflite", "onnx"):
        out = ("--out", tmp_path / suffix, "--prefix", "net")
        assert run(monkeypatch, "export", tmp_path / f"m.{suffix}", *HOST, *out) == 0

    texts = [(tmp_path / suffix / "net.c").read_text() for suffix in ("tflite", "onnx")]
    first, second = (text.split("\n", 1) for text in texts)
    assert first[0] != second[0]  # the hash of the file it was made from
    assert first[1] == second[1]


@pytest.mark.qemu
def test_the_layers_of_a_run_are_printed(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "export", model, "--out", tmp_path / "out", "--vectors", "1")

    assert run(monkeypatch, "verify", tmp_path / "out", "--layers") == 0

    printed = capsys.readouterr().out
    assert "differing bytes   0" in printed
    assert len([line for line in printed.splitlines() if "Conv2D" in line]) == 3


def test_a_model_over_its_budget_is_exit_code_3(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", model, *HOST, "--budget", "flash=1m,ram=1m") == 0
    capsys.readouterr()

    assert run(monkeypatch, "report", model, *HOST, "--budget", "flash=1k,ram=512") == 3

    error = capsys.readouterr().err
    assert "over budget for host" in error
    assert "alive at the peak: c1" in error
    assert "more than the budget of 512" in error


def test_a_board_brings_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = BoardRecord(
        about="", core="host", flash_bytes=2048, ram_bytes=1024, source="", checked=""
    )
    monkeypatch.setattr("firmware_export.boards.boards", lambda: {"tiny": small})
    (tmp_path / "m.tflite").write_bytes(emit_tflite(residual_graph()))

    assert run(monkeypatch, "report", tmp_path / "m.tflite", "--target", "tiny") == 3

    assert "over budget for tiny" in capsys.readouterr().err


@pytest.mark.parametrize("budget", ["64k", "flash=many"])
def test_a_budget_that_is_none_is_exit_code_2(
    budget: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "report", model, *HOST, "--budget", budget) == 2


def test_the_targets_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "targets") == 0
    assert "nrf52840               cortex-m4        1,024k   256k" in capsys.readouterr().out
    assert run(monkeypatch, "targets", "--json") == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}

    assert listed["esp32-c3"]["core"] == "rv32imc"
    assert listed["cortex-m4"]["flash_bytes"] is None


def test_a_core_without_emulator_is_exported_and_not_verified(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"

    assert run(monkeypatch, "export", model, "--target", "esp32-s3", "--out", out) == 0
    assert "nothing is linked for xtensa-lx7" in capsys.readouterr().out
    assert run(monkeypatch, "verify", out) == 1
    assert "xtensa-lx7: no emulator" in capsys.readouterr().err


def test_the_model_is_exported_as_data(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    assert run(monkeypatch, "export", model, *HOST, "--as", "model-data", "--out", out) == 0

    assert (out / "front_door_op_resolver.h").is_file()
    assert run(monkeypatch, "verify", out) == 1


@pytest.mark.qemu
def test_a_report_counts_the_instructions_of_each_layer(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("report", model, "--target", "cortex-m4", "--measure", "--json")

    assert run(monkeypatch, *arguments) == 0

    layers = json.loads(capsys.readouterr().out)["layers"]
    assert all(layer["instructions"] > 0 for layer in layers if layer["macs"])


def test_the_modes_and_the_rounding_stand_in_the_source(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = ("--optimize", "speed", "--rounding", "single", "--prefix", "net")

    assert run(monkeypatch, "export", model, *HOST, "--out", tmp_path / "out", *modes) == 0

    source = (tmp_path / "out" / "net.c").read_text()
    assert "#define EDGE_OPTIMIZE_SPEED" in source
    assert "#define EDGE_SINGLE_ROUNDING 1" in source
    assert json.loads((tmp_path / "out" / "report.json").read_text())["profile"] == "single"


def test_bands_and_external_tables_are_exported_and_verified(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    wanted = ("--patches", "3/4", "--external-from", "500", "--json")

    assert run(monkeypatch, "export", model, *HOST, "--out", out, *wanted) == 0
    exported = json.loads(capsys.readouterr().out)
    assert run(monkeypatch, "verify", out) == 0

    bands = {"operations": 4, "bands": 3, "macs_whole": 87_584, "arena_bytes_whole": 1184}
    assert exported["bands"] == bands
    assert exported["macs"] > 87_584
    assert exported["external_bytes"] == 2 * 576


def test_a_report_says_what_bands_cost(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", model, *HOST, "--patches", "auto", "--external-from=500") == 0
    assert run(monkeypatch, "report", model, *HOST, "--max-ram", "64k", "--json") == 0

    printed = capsys.readouterr().out
    assert "of which external" in printed
    assert '"bands": null' in printed  # it fits as it is


def test_a_model_short_of_ram_is_told_of_bands(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "report", model, *HOST, "--budget", "ram=900") == 3

    assert "--patches" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--patches", "2", "--max-ram", "4k"), 2, "--patches and --max-ram"),
        (("--patches", "many"), 2, "patches 'many': expected auto"),
        (("--max-ram", "4 kB"), 2, "size '4 kB'"),
        (("--max-ram", "600"), 1, "is the least that bands come to"),
        (("--patches", "9/4"), 1, "9 bands of 8 rows"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_one_line(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "report", model, *HOST, *arguments) == code

    assert message in capsys.readouterr().err
