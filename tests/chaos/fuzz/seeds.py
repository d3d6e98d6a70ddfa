"""Where the mutations begin: good payloads, and the bad ones that have broken decoders before."""

COMMANDS = (
    b"{}",
    b"",
    b'{"pipeline": "door", "value": 0.5, "id": "a"}',
    b"[" * 4000,
    b'{"a":' * 800 + b"1" + b"}" * 800,
    b'{"value": NaN}',
    b'{"pipeline":"door","value":1e999}',
    b'{"pipeline":"door","value":' + b"9" * 4000 + b"}",
    b'{"pipeline":"door","pipeline":"yard","value":1}',
    b'{"pipeline":"\\ud800","value":1}',
    b'{"pipeline":"\xff\xfe","value":1}',
    b'{"pipeline":"door","value":1,"__class__":"x"}',
    b"\x9f\xff\xbf\x00",
    b"\x00" * 64,
    b" " * 5000,
)
WISHES = (
    b'{"version": 7, "health_interval_s": 10, "pipelines": {"door": {"paused": false}}}',
    b'{"version": 1, "pipelines": {"door": {"threshold": 0.7}}}',
    *COMMANDS,
)
CONFIRMATIONS = (b'{"topic": "p/door/event", "boot": "b3f1", "upto": 41}', *COMMANDS)
LINES = (
    b"1.0,2.0\n3.5,-4e3\n",
    b'{"a": 1, "b": {"c": 2.5}}\n',
    b"1,2*1D0F\r\n",
    b"nan,inf\n",
    b"\xff" * 300 + b"\n",
    b"," * 500 + b"\n",
    b'{"a": 1' + b"0" * 400 + b"}\n",
)
CONFIGURATION = (
    b"""[device]
id = "pi-1"
site = "home"
[mqtt]
host = "broker"
port = 1883
keep_alive_s = 30
[outbox]
max_loss_window_s = 0.2
[[pipeline]]
name = "door"
model = "m@1"
publish = { predictions = "all", keep = "all" }
[pipeline.source]
kind = "serial"
port = "/dev/ttyUSB0"
""",
    b'[device]\nid="a"\n[[pipeline]]\nname="d"\nmodel="m"\nsource={kind="synthetic",rate_hz=1e9}\n',
    b"a = [" * 500,
    b"[" * 1000,
    b'a = "\\uD800"\n',
    b"a = " + b"9" * 5000,
    b"a.b.c.d = 1\na.b = 2\n",
)


def images() -> tuple[bytes, ...]:
    """Return small pictures of every form that is read."""
    import cv2  # noqa: PLC0415 - the camera's extra
    import numpy as np  # noqa: PLC0415

    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    suffixes = (".png", ".jpg", ".bmp", ".ppm")
    return tuple(cv2.imencode(suffix, picture)[1].tobytes() for suffix in suffixes)
