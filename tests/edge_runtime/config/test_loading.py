"""Configuration: what is taken, and one clear line for what is not."""

import os
import re
from pathlib import Path

import pytest

from edge_runtime.config.loading import (
    decode_config,
    load_config,
    models_directory,
    read_environment,
    read_secret,
)
from edge_runtime.config.sensors import MqttSourceConfig
from edge_runtime.config.sources import CameraConfig, CsvConfig, FilesConfig
from edge_runtime.config.structs import MqttConfig
from edge_runtime.config.values import TlsConfig
from edge_runtime.errors import ConfigError

DOCUMENTED = """
[device]
id = "porch-pi"
site = "home"

[mqtt]
host = "broker.local"
port = 8883
tls = { ca = "/etc/edge-runtime/ca.pem", cert = "c.pem", key = "k.pem" }
username = "porch-pi"
password_file = "/run/credentials/mqtt"
home_assistant = true

[health]
interval_s = 30

[[pipeline]]
name = "door"
model = "person-detect"
engine = "onnx"
max_age_ms = 500
publish = { predictions = "changes", events = true, max_rate_hz = 2 }
[pipeline.source]
kind = "camera"
device = "/dev/video0"
width = 1280
height = 720
fps = 10
"""


def test_the_documented_file_is_taken() -> None:
    config = decode_config(DOCUMENTED)

    pipeline = config.pipeline[0]
    assert config.device.id == "porch-pi"
    assert config.mqtt.tls == TlsConfig(ca="/etc/edge-runtime/ca.pem", cert="c.pem", key="k.pem")
    assert isinstance(pipeline.source, CameraConfig)
    assert (pipeline.source.device, pipeline.source.fps) == ("/dev/video0", 10.0)
    assert pipeline.max_age_ms == 500.0
    assert pipeline.publish.max_rate_hz == 2.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width", "widht", r"pipeline\[0\]\.source: unknown key 'widht'; did you mean 'width'\?"),
        ("[health]", "[heath]", r"top level: unknown key 'heath'; did you mean 'health'\?"),
        ("ca =", "zz =", r"mqtt.tls: unknown key 'zz'; known are ca, cert, key"),
        ("max_rate_hz", "max_rate", r"publish: unknown key 'max_rate'; did you mean 'max_rate_hz'"),
        ('"camera"', '"cam"', r"source\.kind: invalid value 'cam' \(allowed: files, video, camera"),
        ('kind = "camera"', "", "source: object missing required field `kind`"),
        ('"porch-pi"', '"Porch Pi"', r"device\.id: expected `str` matching regex"),
        ("port = 8883", "port = 0", r"mqtt\.port: expected `int` >= 1"),
        ("1280", "99999", r"source\.width: expected `int` <= 16384"),
        ("1280", '"wide"', r"source\.width: expected `int"),
        ("500", "-1", r"max_age_ms: expected `float` > 0"),
        ('"onnx"', '"t/pu"', r"pipeline\[0\]\.engine: expected `str` matching"),
        ('"door"', '"front/door"', r"pipeline\[0\]\.name: expected `str` matching"),
        ('username = "porch-pi"', "", "password_file without username"),
        (', key = "k.pem"', "", "mqtt.tls: cert and key belong together"),
        ('device = "/dev/video0"', "", "exactly one of device, url, url_file and gstreamer"),
        ("[[pipeline]]", "[pipeline]", "pipeline: expected `array`, got `object`"),
        ("[device]", "[device", "not TOML"),
        ("500", "9" * 5000, "not TOML: Exceeds the limit"),
        ("500", "[" * 5000, "not TOML: maximum recursion depth"),
        ("events = true", 'events = false, keep = "all"', 'keep = "all" needs events = true'),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(old: str, new: str, message: str) -> None:
    assert old in DOCUMENTED

    with pytest.raises(ConfigError) as caught:
        decode_config(DOCUMENTED.replace(old, new, 1))

    text = str(caught.value)
    assert "\n" not in text
    assert re.search(message, text)


def test_contradictions_are_all_said_at_once() -> None:
    text = DOCUMENTED.replace('cert = "c.pem", ', "") + DOCUMENTED[DOCUMENTED.index("[[pipe") :]

    with pytest.raises(ConfigError, match=r"cert and key.*; pipeline: name 'door' is used twice"):
        decode_config(text)


@pytest.mark.parametrize(
    "source",
    ['kind = "csv"\npath = "x"', 'kind = "csv"\npath = "x"\nrate_hz = 1\ntimestamp_column = "t"'],
)
def test_rows_have_one_pace(source: str) -> None:
    text = DOCUMENTED[: DOCUMENTED.index("kind =")] + source

    with pytest.raises(ConfigError, match="exactly one of timestamp_column and rate_hz"):
        decode_config(text)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    start = DOCUMENTED[: DOCUMENTED.index("kind =")]
    start = start.replace('"person-detect"', '"bundles/person/1"')
    path.write_text(
        'models_dir = "models"\n' + start + 'kind = "files"\npath = "images"\n', encoding="utf-8"
    )

    config = load_config(path)

    pipeline = config.pipeline[0]
    assert isinstance(pipeline.source, FilesConfig)
    assert pipeline.source.path == str(tmp_path / "images")
    assert pipeline.model == str(tmp_path / "bundles/person/1")
    assert config.models_dir == str(tmp_path / "models")
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca == "/etc/edge-runtime/ca.pem"
    assert config.mqtt.tls.cert == str(tmp_path / "c.pem")


def test_an_unreadable_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match=r"latin\.toml: not UTF-8 \(byte 5\)"):
        load_config(tmp_path / "latin.toml")
    (tmp_path / "bad.toml").write_text(DOCUMENTED.replace("1280", "0"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.toml: pipeline\[0\]\.source\.width"):
        load_config(tmp_path / "bad.toml")


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: larger than"):
        load_config(Path("/dev/zero"))


def test_the_port_follows_tls() -> None:
    assert MqttConfig().effective_port == 1883
    assert MqttConfig(tls=TlsConfig()).effective_port == 8883
    assert MqttConfig(port=99).effective_port == 99


def test_the_environment_is_systemds_or_the_users() -> None:
    outside = read_environment({"HOME": "/home/u"})
    inside = read_environment(
        {
            "STATE_DIRECTORY": "/var/lib/edge-runtime:/var/lib/other",
            "NOTIFY_SOCKET": "@n",
            "WATCHDOG_USEC": "30000000",
            "WATCHDOG_PID": str(os.getpid()),
            "CREDENTIALS_DIRECTORY": "/run/c",
        }
    )

    assert outside.state_directory == Path("/home/u/.local/state/edge-runtime")
    assert (outside.notify_socket, outside.watchdog_usec) == (None, None)
    assert inside.state_directory == Path("/var/lib/edge-runtime")
    assert (inside.notify_socket, inside.watchdog_usec) == ("@n", 30_000_000)
    assert inside.credentials_directory == Path("/run/c")
    others = read_environment({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"})
    assert others.watchdog_usec is None
    config = decode_config(DOCUMENTED)
    assert models_directory(config, inside) == Path("/var/lib/edge-runtime/models")


@pytest.mark.parametrize(("content", "secret"), [("a b\n", "a b"), ("x", "x"), ("y\r\n", "y")])
def test_a_secret_is_one_line(tmp_path: Path, content: str, secret: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode())

    assert read_secret(path) == secret


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"x" * 5000, b"\xff"])
def test_what_is_no_secret_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_secret(path)

    assert "x" * 10 not in str(caught.value)


def test_defaults_of_a_sensor_file() -> None:
    text = '[device]\nid = "a"\n[[pipeline]]\nname = "p"\nmodel = "m"\n'
    config = decode_config(text + '[pipeline.source]\nkind = "csv"\npath = "x"\nrate_hz = 0\n')

    assert isinstance(config.pipeline[0].source, CsvConfig)
    assert config.mqtt.host is None


VISION = """
[device]
id = "pi"
[[pipeline]]
name = "yard"
model = "./yolo"
source = { kind = "synthetic" }
roi = [0.0, 0.2, 1.0, 1.0]
labels = ["person", "car"]
only_in_zones = true
[[pipeline.zone]]
name = "drive"
polygon = [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0], [0.1, 1.0]]
[[pipeline.gate]]
kind = "motion"
[[pipeline.gate]]
kind = "model"
model = "models/cheap"
[pipeline.track]
min_hits = 2
[[pipeline.stage]]
name = "kind"
model = "cars@3"
labels = ["car"]
[[pipeline.stage]]
name = "plate"
model = "./plates"
of = "kind"
"""


def test_a_pipeline_may_have_regions_gates_tracks_and_stages(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(VISION)

    (pipeline,) = load_config(tmp_path / "config.toml").pipeline

    assert [table.model for table in pipeline.models] == [
        str(tmp_path / "yolo"), str(tmp_path / "models/cheap"), "cars@3", str(tmp_path / "plates"),
    ]  # fmt: skip
    assert pipeline.further_models == pipeline.models[1:]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("roi = [0.0, 0.2, 1.0, 1.0]", "roi = [0.5, 0.2, 0.5, 1.0]",
         r"pipeline\[0\].roi: \[0.5, 0.2, 0.5, 1.0\] is empty, the order is left, top, right"),
        ("roi = [0.0, 0.2, 1.0, 1.0]", "roi = [0.0, 0.2, 1.0, 1.5]", r"pipeline\[0\].roi\[3\]: "),
        ("polygon =", "box = [0.0, 0.0, 1.0, 1.0]\npolygon =",
         r"pipeline\[0\].zone\[0\]: exactly one of box and polygon is needed"),
        ('name = "drive"\npolygon', 'name = "drive"\nbox = [1.0, 0.0, 0.5, 1.0]\n#',
         r"pipeline\[0\].zone\[0\].box: \[1.0, 0.0, 0.5, 1.0\] is empty"),
        ('[[pipeline.gate]]\nkind = "motion"',
         '[[pipeline.zone]]\nname = "drive"\nbox = [0.0, 0.0, 1.0, 1.0]',
         r"pipeline\[0\].zone: name 'drive' is used twice"),
        ('of = "kind"', 'of = "kindd"', r"stage\[1\]: of 'kindd', earlier stages are kind"),
        ('of = "kind"', 'of = "kind"\non = "frame"', r'stage\[1\]: of needs on = "objects"'),
        ('name = "plate"', 'name = "kind"', "stage: name 'kind' is used twice"),
        ("min_hits = 2", "min_hit = 2", "track: unknown key 'min_hit'; did you mean 'min_hits'"),
        ('kind = "motion"', 'kind = "motions"', r"gate\[0\].kind: .* \(allowed: motion, model\)"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_in_a_pipeline_is_named(old: str, new: str, message: str) -> None:
    assert old in VISION

    with pytest.raises(ConfigError, match=message):
        decode_config(VISION.replace(old, new))


def test_zones_that_are_asked_for_have_to_be_there() -> None:
    text = '[device]\nid = "pi"\n[[pipeline]]\nname = "a"\nmodel = "m"\nonly_in_zones = true\n'

    with pytest.raises(ConfigError, match="only_in_zones needs a zone"):
        decode_config(text + 'source = { kind = "synthetic" }\n')


def test_a_batch_is_bounded_and_not_for_a_microcontroller() -> None:
    text = '[device]\nid = "pi"\n[[pipeline]]\nname = "a"\nmodel = "m"\nbatch = {}\n'
    text += "[pipeline.source]\n"
    synthetic, board = 'kind = "synthetic"', 'kind = "microcontroller"\nport = "/dev/ttyACM0"'

    assert decode_config(text.format(64) + synthetic).pipeline[0].batch == 64
    assert decode_config(text.format(1) + board).pipeline[0].batch == 1
    for batch, message in ((0, ">= 1"), (65, "<= 64")):
        with pytest.raises(ConfigError, match=rf"pipeline\[0\]\.batch: expected `int` {message}"):
            decode_config(text.format(batch) + synthetic)
    with pytest.raises(
        ConfigError, match=r'batch: 8, allowed is 1 where source.kind = "microcontroller"'
    ):
        decode_config(text.format(8) + board)


REGISTER = '[[pipeline.source.registers]]\nname = "a"\naddress = 1\n'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('kind = "http"', "exactly one of url and url_file is needed"),
        ('kind = "http"\nurl = "http://x"\nurl_file = "y"', "exactly one of url and url_file"),
        (f'kind = "modbus"\n{REGISTER}', r"exactly one of host \(TCP\) and port \(serial line\)"),
        ('kind = "modbus"\nhost = "x"', "missing required field `registers`"),
        (f'kind = "modbus"\nhost = "x"\n{REGISTER}tabel = "coils"', "did you mean 'table'"),
        (f'kind = "modbus"\nhost = "x"\n{REGISTER}type = "int8"', r"registers\[0\]\.type: invalid"),
        ('kind = "mqtt"\nhost = "x"\ntopic = "t"\npassword_file = "p"', "without username"),
        ('kind = "serial"\nport = "x"\nheader = ["a"]', 'header belongs to format = "csv"'),
        ('kind = "i2c"\nchip = "bme180"', "invalid enum value 'bme180'"),
        ('kind = "i2c"\nchip = "bme280"\nrate_hz = 0', "rate_hz: expected `float` > 0"),
        ('kind = "microphone"\nrate_hz = 8', "rate_hz: expected `int` >= 1000"),
    ],
)
def test_a_sensor_that_is_described_wrongly_is_said(source: str, message: str) -> None:
    text = DOCUMENTED[: DOCUMENTED.index("kind =")] + source

    with pytest.raises(ConfigError, match=message):
        decode_config(text)


def test_the_files_that_a_source_names_start_at_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    lines = 'kind = "mqtt"\nhost = "x"\ntopic = "t"\nusername = "u"\npassword_file = "secret"\n'
    start = DOCUMENTED[: DOCUMENTED.index("kind =")]
    path.write_text(start + lines + 'tls = { ca = "ca.pem" }\n', encoding="utf-8")

    source = load_config(path).pipeline[0].source

    assert isinstance(source, MqttSourceConfig)
    assert source.password_file == str(tmp_path / "secret")
    assert source.tls == TlsConfig(ca=str(tmp_path / "ca.pem"))
    assert source.effective_port == 8883
    assert MqttSourceConfig(host="x", topic="t").effective_port == 1883


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("hot_celsius = 60", r"cool_celsius 70 is not below hot_celsius 60"),
        ("ladder = [{ max_fps = 5, duty = 0.5 }]", r"ladder\[0\]: exactly one of max_fps, model"),
        ("ladder = [{}]", r"ladder\[0\]: exactly one of"),
    ],
)
def test_a_governor_that_contradicts_itself_is_refused(table: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        decode_config(f"{DOCUMENTED}\n[governor]\n{table}\n")


def test_a_small_model_by_path_starts_at_the_files_directory(tmp_path: Path) -> None:
    text = DOCUMENTED.replace('engine = "onnx"', 'engine = "onnx"\nsmall_model = "./tiny/1"')
    (tmp_path / "c.toml").write_text(text)

    assert load_config(tmp_path / "c.toml").pipeline[0].small_model == str(tmp_path / "tiny/1")
