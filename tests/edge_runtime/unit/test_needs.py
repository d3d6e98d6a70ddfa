"""A configuration asks for the devices, files and addresses that its sources use, no others."""

from pathlib import Path

import pytest

from edge_runtime.config.loading import decode_config
from edge_runtime.unit.needs import Needs, needs_of


def needs(source: str, mqtt: str = "", model: str = "person") -> Needs:
    return needs_of(
        decode_config(f"""
[device]
id = "porch-pi"
[mqtt]
{mqtt}
[[pipeline]]
name = "door"
model = "{model}"
source = {{ {source} }}
""")
    )


SYNTHETIC = 'kind = "synthetic"'


def test_a_camera_needs_its_device_and_group() -> None:
    found = needs('kind = "camera", device = "/dev/video0"')

    assert found.devices == ("char-video4linux rw",)
    assert found.groups == ("video",)


@pytest.mark.parametrize("kind", ["files", "video"])
def test_a_recording_needs_its_file(kind: str) -> None:
    found = needs(f'kind = "{kind}", path = "/srv/frames"')

    assert found.files == (Path("/srv/frames"),)
    assert found.devices == ()


def test_a_microcontroller_needs_its_port_and_group() -> None:
    found = needs('kind = "microcontroller", port = "/dev/ttyACM0"')

    assert "char-ttyACM rw" in found.devices
    assert found.groups == ("dialout",)


def test_an_engines_library_is_read() -> None:
    found = needs(SYNTHETIC, model='person"\nlibrary = "/opt/models/person.so')

    assert found.files == (Path("/opt/models/person.so"),)


def test_a_bundle_given_by_path_is_read() -> None:
    assert needs(SYNTHETIC, model="/srv/models/person").files == (Path("/srv/models/person"),)


def test_the_models_of_stages_are_read_too() -> None:
    stage = SYNTHETIC + '}\nstage = [{ name = "s", model = "/srv/models/face" }]\n#'

    assert needs(stage).files == (Path("/srv/models/face"),)


@pytest.mark.parametrize(
    ("mqtt", "addresses"),
    [
        ("", ("localhost",)),
        ('host = "localhost"', ("localhost",)),
        ('host = "127.0.0.1"', ("localhost",)),
        ('host = "192.168.1.10"', ("192.168.1.10",)),
        ('host = "fd00::7"', ("fd00::7",)),
        ('host = "broker.local"', None),
    ],
)
def test_only_an_address_can_be_held_to(mqtt: str, addresses: tuple[str, ...] | None) -> None:
    assert needs(SYNTHETIC, mqtt).addresses == addresses


@pytest.mark.parametrize("place", ['url = "rtsp://10.0.0.7/1"', 'gstreamer = "x ! appsink"'])
def test_a_stream_may_be_anywhere(place: str) -> None:
    assert needs(f'kind = "camera", {place}', 'host = "192.168.1.10"').addresses is None


def test_what_a_unit_handed_over_is_not_handed_over_again() -> None:
    mqtt = 'username = "u"\npassword_file = "/run/credentials/edge.service/password"'

    assert needs(SYNTHETIC, mqtt).credentials == ()


@pytest.mark.parametrize(
    ("source", "device", "groups"),
    [
        ('kind = "picamera"', "char-media rw", ("video",)),
        ('kind = "serial", port = "/dev/ttyACM0"', "char-ttyACM rw", ("dialout",)),
        ('kind = "i2c", chip = "bme280"', "char-i2c rw", ("i2c",)),
        ('kind = "iio", device = "bme680"', "char-iio r", ()),
        ('kind = "microphone"', "char-alsa rw", ("audio",)),
        (
            'kind = "modbus", port = "/dev/ttyUSB0", registers = [{ name = "a", address = 0 }]',
            "char-ttyUSB rw",
            ("dialout",),
        ),
    ],
)
def test_a_sensor_needs_its_device_and_group(
    source: str, device: str, groups: tuple[str, ...]
) -> None:
    found = needs(source)

    assert device in found.devices
    assert found.groups == groups
    assert found.writes_sysfs == ("iio" in source)
    assert found.addresses is not None


@pytest.mark.parametrize(
    "source",
    [
        'kind = "http", url = "http://10.0.0.7/a.jpg"',
        'kind = "mqtt", host = "10.0.0.7", topic = "t"',
        'kind = "modbus", host = "10.0.0.7", registers = [{ name = "a", address = 0 }]',
    ],
)
def test_a_source_on_the_network_may_be_anywhere(source: str) -> None:
    found = needs(source, 'host = "192.168.1.10"')

    assert found.addresses is None
    assert found.devices == ()


def test_sound_files_are_read() -> None:
    assert needs('kind = "wav", path = "/srv/sounds"').files == (Path("/srv/sounds"),)


@pytest.mark.parametrize(
    ("tables", "devices", "groups", "compiles"),
    [
        ("", (), (), False),
        ('engine = "onnx"\naccelerator = "xnnpack"', (), (), False),
        ('engine = "openvino"', (), (), True),
        ('engine = "hailo"', (), (), True),
        (
            'engine = "openvino"\naccelerator = "gpu"',
            ("char-drm rw", "char-accel rw"), ("render",), True,
        ),
        (
            'engine = "tflite"\naccelerator = "edgetpu"',
            ("char-apex rw", "char-usb_device rw"), ("plugdev",), False,
        ),
        (
            'engine = "onnx"\naccelerator = "cuda"',
            ("char-nvidia* rw", "char-nvhost* rw", "char-nvmap rw"), ("video", "render"), True,
        ),
        ('engine = "onnx"\naccelerator = "qnn"', (), (), True),
    ],
)  # fmt: skip
def test_an_engine_needs_its_accelerator(
    tables: str, devices: tuple[str, ...], groups: tuple[str, ...], compiles: bool
) -> None:
    found = needs(SYNTHETIC, model=f'person"\n{tables}\n#"')

    assert (found.devices, found.groups, found.compiles) == (devices, groups, compiles)


def test_public_keys_are_read() -> None:
    found = needs_of(
        decode_config(f"""
models_key_file = "/etc/edge-runtime/models.pub"
[device]
id = "porch-pi"
[commands]
fleet_key_file = "/etc/edge-runtime/fleet.pub"
[[pipeline]]
name = "door"
model = "person"
source = {{ {SYNTHETIC} }}
""")
    )

    assert found.files == (
        Path("/etc/edge-runtime/fleet.pub"), Path("/etc/edge-runtime/models.pub"),
    )  # fmt: skip
