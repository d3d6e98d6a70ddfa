"""`check` tells everything that is wrong at once, and `models` what lies on the device."""

import os
from pathlib import Path

import pytest

from edge_runtime.config.loading import Environment
from edge_runtime.diagnosis.check import check_file
from edge_runtime.diagnosis.doctor import examine
from edge_runtime.diagnosis.findings import Finding, Level, as_json, as_text, has_errors
from edge_runtime.models.inventory import inventory, inventory_json, inventory_text, verify
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

GOOD = """
models_dir = "models"
[device]
id = "pi-1"
[[pipeline]]
name = "door"
model = "brightness"
[pipeline.source]
kind = "synthetic"
"""
BAD = """
models_dir = "models"
[device]
id = "pi-1"
[mqtt]
host = "127.0.0.1"
port = 1
username = "u"
password_file = "password"
[[pipeline]]
name = "door"
model = "brightness"
[pipeline.source]
kind = "camera"
device = "/dev/video-not-there"
[[pipeline]]
name = "yard"
model = "nobody"
[pipeline.source]
kind = "files"
path = "no-such-folder"
[[pipeline]]
name = "pump"
model = "brightness@9"
[pipeline.source]
kind = "csv"
path = "no-such-file.csv"
rate_hz = 1
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "state", None, None, None)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    brightness_bundle(tmp_path / "models")
    return tmp_path


def errors(findings: list[Finding]) -> list[str]:
    return [f"{f.where}: {f.what}" for f in findings if f.level is Level.ERROR]


def test_a_good_configuration_has_no_errors(place: Path, environment: Environment) -> None:
    (place / "c.toml").write_text(GOOD)

    findings = check_file(place / "c.toml", environment)

    assert errors(findings) == []
    assert any("files unchanged" in finding.what for finding in findings)
    assert any("embedded broker" in finding.what for finding in findings)


def test_all_that_is_wrong_is_told_at_once(place: Path, environment: Environment) -> None:
    (place / "c.toml").write_text(BAD)
    (place / "password").write_text("secret\n")
    (place / "password").chmod(0o644)

    text = "\n".join(errors(check_file(place / "c.toml", environment)))

    for part in (
        "video-not-there is not there", "no bundle in", "no-such-folder: no such directory",
        "no version 9", "no-such-file.csv: no such file", "mode 0644", "unreachable",
    ):  # fmt: skip
        assert part in text
    assert "secret" not in text


def test_an_unreadable_configuration_is_one_finding(
    tmp_path: Path, environment: Environment
) -> None:
    (tmp_path / "c.toml").write_text('[device]\nid = "pi"\nsiet = "x"\n')

    (finding,) = check_file(tmp_path / "c.toml", environment)

    assert finding.level is Level.ERROR
    assert "siet" in finding.what


def test_a_changed_model_file_is_found(place: Path, environment: Environment) -> None:
    (place / "c.toml").write_text(GOOD)
    (model,) = (place / "models").rglob("model.onnx")
    model.write_bytes(model.read_bytes()[:-1] + b"\0")

    assert any("SHA-256" in text for text in errors(check_file(place / "c.toml", environment)))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('kind = "files"\npath = "empty"', "empty: no file ends in"),
        ('kind = "csv"\npath = "rows.csv"\nrate_hz = 1', "takes images, not samples"),
        ('kind = "video"\npath = "rows.csv"', "not a video that OpenCV reads"),
    ],
)
def test_a_recording_that_would_not_open_is_found(
    place: Path, environment: Environment, source: str, message: str
) -> None:
    (place / "empty").mkdir()
    (place / "rows.csv").write_text("a,b\n1,2\n")
    (place / "c.toml").write_text(GOOD.replace('kind = "synthetic"', source))

    (error,) = errors(check_file(place / "c.toml", environment))

    assert error.startswith("pipeline door: ")
    assert message in error


@pytest.mark.ort
@pytest.mark.tflite
@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (
            'engine = "onnx"\naccelerator = "armnn"',
            "accelerator armnn is not here, engine onnx find",
        ),
        ('engine = "native"\nlibrary = "gone/door.so"', "gone/door.so: no such file"),
        ('engine = "vulkan"', "engine 'vulkan', allowed are auto, tflite, onnx, openvino, native"),
    ],
)
def test_an_engine_that_would_not_start_is_found(
    place: Path, environment: Environment, engine: str, message: str
) -> None:
    (place / "c.toml").write_text(GOOD.replace('name = "door"', f'name = "door"\n{engine}'))

    (error,) = errors(check_file(place / "c.toml", environment))

    assert error.startswith("pipeline door: ")
    assert message in error


@pytest.mark.tflite
def test_an_accelerator_that_is_here_is_no_finding(place: Path, environment: Environment) -> None:
    engine = 'name = "door"\nengine = "tflite"\naccelerator = "xnnpack"'
    (place / "c.toml").write_text(GOOD.replace('name = "door"', engine))

    assert errors(check_file(place / "c.toml", environment)) == []


@pytest.mark.parametrize(
    ("port", "message"), [("no-such-port", "no-such-port is not there"), (None, None)]
)
def test_the_port_of_a_microcontroller_is_looked_for(
    place: Path, environment: Environment, port: str | None, message: str | None
) -> None:
    master, slave = os.openpty()
    source = f'kind = "microcontroller"\nport = "{port or os.ttyname(slave)}"'
    (place / "c.toml").write_text(GOOD.replace('kind = "synthetic"', source))

    found = errors(check_file(place / "c.toml", environment))

    os.close(slave)
    os.close(master)
    assert [message in text for text in found] == ([True] if message else [])


def test_a_table_without_the_models_columns_is_found(place: Path, environment: Environment) -> None:
    sum_bundle(place / "models")
    (place / "rows.csv").write_text("a,c\n1,2\n")
    text = GOOD.replace("brightness", "total")
    source = 'kind = "csv"\npath = "rows.csv"\nrate_hz = 1'
    (place / "c.toml").write_text(text.replace('kind = "synthetic"', source))

    (error,) = errors(check_file(place / "c.toml", environment))

    assert "rows.csv: no column b; there are a, c" in error


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[[pipeline.gate]]\nkind = "model"\nmodel = "absent"', "no bundle in"),
        ('[[pipeline.stage]]\nname = "s"\nmodel = "brightness"', "stage s: model brightness finds"),
        ("[pipeline.track]", "track: model brightness finds no objects"),
    ],
)
def test_models_that_do_not_suit_each_other_are_found(
    place: Path, environment: Environment, table: str, message: str
) -> None:
    (place / "c.toml").write_text(f"{GOOD}\n{table}\n")

    (error,) = errors(check_file(place / "c.toml", environment))

    assert message in error


def test_a_missing_secret_is_found(place: Path, environment: Environment) -> None:
    (place / "c.toml").write_text(BAD)

    text = "\n".join(errors(check_file(place / "c.toml", environment)))

    assert "password: the secret cannot be read" in text


def test_what_a_hot_device_would_run_is_looked_at(place: Path, environment: Environment) -> None:
    sum_bundle(place / "models")
    more = '[governor]\nzone = "npu"\n'
    for small, message in (("nobody", "small_model: "), ("total", "does not say what brightness")):
        text = GOOD.replace(
            'model = "brightness"', f'model = "brightness"\nsmall_model = "{small}"'
        )
        (place / "c.toml").write_text(text + more)
        (error,) = errors(check_file(place / "c.toml", environment))
        assert message in error


def test_watching_for_what_cannot_be_seen_is_a_warning(
    place: Path, environment: Environment
) -> None:
    text = GOOD + '[pipeline.drift]\n[governor]\nhot_celsius = 75\nzone = "npu"\n'
    (place / "c.toml").write_text(text)

    warned = [f.what for f in check_file(place / "c.toml", environment) if f.level is Level.WARNING]

    assert any("no calibration histograms" in what for what in warned)
    assert any("no zone 'npu'" in what for what in warned)
    assert any("no pipeline has a small_model" in what for what in warned)


def test_a_batch_for_an_engine_that_takes_one_sample_is_a_warning(
    place: Path, environment: Environment
) -> None:
    said = {}
    for engine in ("tflite", "onnx"):
        tables = f'model = "brightness"\nbatch = 8\nengine = "{engine}"'
        (place / "c.toml").write_text(GOOD.replace('model = "brightness"', tables))
        findings = check_file(place / "c.toml", environment)
        said[engine] = [f.what for f in findings if "batch =" in f.what]

    assert said == {"tflite": ["batch = 8: engine tflite takes one frame at a time"], "onnx": []}


def test_findings_are_printed_for_people_and_programs() -> None:
    findings = [Finding(Level.ERROR, "mqtt", "down", "start it"), Finding(Level.OK, "a", "b")]

    assert as_text(findings) == "error    mqtt: down\n         → start it\nok       a: b"
    assert as_json(findings).startswith('{"findings":[{"level":"error","where":"mqtt"')
    assert has_errors(findings)
    assert not has_errors(findings[1:])


def test_the_bundles_are_listed_and_verified(place: Path) -> None:
    models = place / "models"
    (models / "broken" / "2").mkdir(parents=True)
    (models / "broken" / "2" / "manifest.json").write_text("{}")

    entries = inventory(models)
    findings = verify(models, None)

    assert [(e.name, e.version, e.problem is None) for e in entries] == [
        ("brightness", 1, True), ("broken", 2, False),
    ]  # fmt: skip
    assert "brightness@1  classification" in inventory_text(entries)
    assert '"name":"broken"' in inventory_json(entries)
    assert [finding.level for finding in findings] == [Level.OK, Level.ERROR]
    assert [f.level for f in verify(models, "brightness@1")] == [Level.OK]


def test_no_bundles_is_no_error(tmp_path: Path) -> None:
    assert inventory_text(inventory(tmp_path / "nothing")) == "no bundles"
    assert not has_errors(verify(tmp_path, None))


def test_the_doctor_looks_at_this_machine(environment: Environment) -> None:
    findings = examine(environment)

    assert {"machine", "clock", "disk", "memory", "systemd"} <= {f.where for f in findings}
    assert any(f.where == "engine native" and "exported C" in f.what for f in findings)


def test_the_doctor_tells_what_hampers_a_board(tmp_path: Path, environment: Environment) -> None:
    board = tmp_path / "root"
    throttled = board / "sys/devices/platform/soc/soc:firmware/get_throttled"
    throttled.parent.mkdir(parents=True)
    throttled.write_text("50000\n")
    camera = board / "sys/class/video4linux/video0"
    camera.mkdir(parents=True)
    (camera / "name").write_text("UVC Camera\n")
    model = board / "proc/device-tree/model"
    model.parent.mkdir(parents=True)
    model.write_text("Raspberry Pi 4 Model B\0")

    findings = {finding.where: finding for finding in examine(environment, board)}

    assert "Raspberry Pi 4" in findings["machine"].what
    assert findings["/dev/video0"].what == "UVC Camera"
    assert "under_voltage" in findings["throttling"].what
    assert findings["memory"].level is Level.WARNING


def test_the_doctor_lists_ports_buses_and_sensors(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    (root / "dev").mkdir(parents=True)
    for name in ("ttyUSB0", "ttyACM1", "i2c-1"):
        (root / "dev" / name).touch()
    for number, name in enumerate(("bme680", "lis3dh")):
        device = root / f"sys/bus/iio/devices/iio:device{number}"
        device.mkdir(parents=True)
        (device / "name").write_text(name + "\n")
    (root / "sys/bus/iio/devices/iio:device1/buffer").mkdir()

    findings = {finding.where: finding for finding in examine(environment, root)}
    monkeypatch.setattr("os.access", lambda *_: False)
    theirs = {finding.where: finding for finding in examine(environment, root)}

    assert findings["/dev/ttyUSB0"].what == "serial port"
    assert findings["/dev/i2c-1"].what == "I2C bus"
    assert findings["/dev/iio:device0"].what == "IIO bme680, no buffer: cannot be a source"
    assert findings["/dev/iio:device1"].what == "IIO lis3dh, buffered"
    assert "`dialout`" in theirs["/dev/ttyACM1"].remedy
    assert "`i2c`" in theirs["/dev/i2c-1"].remedy
