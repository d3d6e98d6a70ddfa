"""A configuration for every kind of unit, each with a pipeline whose input needs no hardware."""

from dataclasses import dataclass

FRAMES = 20
_HEAD = """
models_dir = "{models}"
[device]
id = "{name}"
site = "deploy"
[mqtt]
host = "127.0.0.1"
port = {port}
will_delay_s = 0
{mqtt}
[health]
interval_s = 2
[[pipeline]]
name = "door"
model = "brightness"
engine = "onnx"
publish = {{ keep = "all" }}
source = {{ kind = "synthetic", pattern = "moving", rate_hz = 0, frames = {frames} }}
[[pipeline]]
name = "scale"
model = "total"
engine = "tflite"
publish = {{ keep = "all" }}
source = {{ kind = "synthetic", pattern = "noise", rate_hz = 0, frames = {frames} }}
"""
_DEVICE = """
[[pipeline]]
name = "device"
model = "{model}"
source = {{ {source} }}
"""
_FIELDS = 'fields = { a = "temperature_celsius", b = "humidity_percent" }'


@dataclass(frozen=True)
class Variant:
    """A kind of unit.

    Attributes:
        source: Of a further pipeline; its device is granted, but not there.
        limit: The greatest exposure allowed, by systemd-analyze security.
        mqtt: More lines of that table.
        models: Where the bundles are.
    """

    name: str
    source: str = ""
    model: str = "total"
    limit: float = 1.3
    mqtt: str = ""
    models: str = "/srv/models"

    def config(self, port: int, models: str | None = None) -> str:
        text = _HEAD.format(
            models=models or self.models, name=self.name, port=port, mqtt=self.mqtt, frames=FRAMES
        )
        return text + (_DEVICE.format(model=self.model, source=self.source) if self.source else "")


VARIANTS = (
    Variant("plain"),
    Variant("camera", 'kind = "camera", device = "/dev/video0"', "brightness", 1.5),
    Variant("serial", 'kind = "serial", port = "/dev/ttyACM0"', limit=1.5),
    Variant("i2c", f'kind = "i2c", chip = "bme280", {_FIELDS}', limit=1.5),
    Variant("iio", 'kind = "iio", device = "iio:device0"', limit=1.5),
    Variant("microphone", 'kind = "microphone"', limit=1.5),
    Variant("home", models="/home/pi/models"),
    Variant("secret", mqtt='username = "pi"\npassword_file = "/etc/edge-runtime/password"'),
)
