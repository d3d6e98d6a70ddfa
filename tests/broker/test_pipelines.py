"""Several pipelines of one daemon, each with more than one model, as a subscriber sees them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import pytest

from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.blobs import Square, blob_bundle, paint
from tests.edge_runtime.bundles import brightness_bundle

pytestmark = [pytest.mark.broker, pytest.mark.ort, pytest.mark.tflite]

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
FRAMES = 40
PIPELINES = """
[[pipeline]]
name = "yard"
model = "blobs"
engine = "onnx"
publish = { predictions = "all", max_rate_hz = 0, update_s = 0.2 }
[pipeline.source]
kind = "files"
path = "frames"
fps = 40
[[pipeline.zone]]
name = "west"
box = [0.0, 0.0, 0.5, 1.0]
[pipeline.track]
min_hits = 2
max_misses = 3
[[pipeline.stage]]
name = "tone"
model = "brightness"
margin = 0.0

[[pipeline]]
name = "quiet"
model = "blobs"
engine = "tflite"
roi = [0.0, 0.0, 1.0, 0.9]
publish = { predictions = "all", max_rate_hz = 0 }
source = { kind = "files", path = "still" }
[[pipeline.gate]]
kind = "motion"
hold_s = 0.0
refresh_s = 0.0
"""


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto, listener: Listener) -> Iterator[DaemonProcess]:
    """A daemon that has played both recordings; the listener was there before it."""
    folder = tmp_path / "daemon"
    for name in ("frames", "still", "models"):
        (folder / name).mkdir(parents=True)
    brightness_bundle(folder / "models")
    blob_bundle(folder / "models")
    for number in range(FRAMES):
        moving = [Square("red", 2 * number, 0, 32), Square("green", 96, 64, 32)]
        frame = moving if number < 30 else moving[1:]
        cv2.imwrite(str(folder / "frames" / f"{number:03}.png"), paint(frame, (128, 96)))
        cv2.imwrite(str(folder / "still" / f"{number:03}.png"), paint(moving[1:], (128, 96)))
    daemon = DaemonProcess(
        folder, broker.port, pipelines=(), more=PIPELINES, mqtt="home_assistant = true",
        engine="onnx",
    ).start()  # fmt: skip
    try:
        yield daemon.wait_ready()
    finally:
        daemon.close()


def bodies(listener: Listener, topic: str) -> list[dict[str, Any]]:
    return [json.loads(heard.payload) for heard in listener.on(topic)]


def test_two_pipelines_with_three_models_from_frame_to_broker(
    broker: Mosquitto, listener: Listener, daemon: DaemonProcess
) -> None:
    for name in ("yard", "quiet"):
        eventually(
            lambda name=name: listener.texts(f"{name}/source")[-1:] == ["finished"],
            f"{name} finished; {daemon.log()[-1500:]}", 60,
        )  # fmt: skip
    seen = len(listener.on("/health"))
    health = decode_health(listener.wait_for("/health", seen + 1)[-1].payload)
    assert daemon.stop() == 0

    yard, quiet = health.pipelines
    for pipeline in health.pipelines:
        settled = pipeline.inferred + pipeline.in_flight + sum(pipeline.dropped.values())
        assert pipeline.captured == FRAMES == settled
    assert quiet.dropped["gate"] == FRAMES - 1
    assert yard.inferred == FRAMES
    assert [m.name for m in (yard.model, *yard.further_models) if m] == ["blobs", "brightness"]
    assert yard.model.engine == "onnx"
    assert quiet.model.engine == "tflite"

    events = bodies(listener, "yard/event")
    red = [e for e in events if e["what"] == "red"]
    assert [e["change"] for e in red if e["change"] != "update"] == ["start", "end"]
    assert len({e["track"] for e in red}) == 1
    zones = [tuple(e.get("zones", ())) for e in red]
    assert zones[0] == ("west",)
    assert zones[-1] == ()  # it walked out of the west half
    assert [e["what"] for e in events if e["change"] == "end"] == ["red"]
    assert [e["seq"] for e in events] == list(range(len(events)))
    for message in bodies(listener, "yard/pred"):
        (tone,) = message["stages"]
        assert tone["model"]["name"] == "brightness"
        for part in tone["parts"]:
            wanted = {"red": "dark", "green": "bright"}[message["results"][part["of"]]["label"]]
            assert part["results"][0]["label"] == wanted
    assert len(bodies(listener, "quiet/pred")) == 1


def test_every_payload_is_what_its_schema_says(
    broker: Mosquitto, listener: Listener, daemon: DaemonProcess
) -> None:
    eventually(lambda: len(listener.on("yard/pred")) > 5, daemon.log()[-1500:], 60)
    daemon.stop()

    for topic, name in (("pred", "pred"), ("event", "event"), ("state", "state")):
        schema = json.loads((SCHEMAS / f"edge.{name}.1.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        found = bodies(listener, f"yard/{topic}")
        assert found
        for body in found:
            validator.validate(body)
            broken = body | {"kind": "nonsense"}
            assert not validator.is_valid(broken)


def test_home_assistant_is_told_of_objects(
    broker: Mosquitto, listener: Listener, daemon: DaemonProcess
) -> None:
    heard = listener.wait_for("homeassistant/device/pi-1/config")[-1]

    components = json.loads(heard.payload)["components"]
    assert components["yard_present"]["device_class"] == "occupancy"
    assert components["yard_count0"]["name"] == "yard red count"


def test_a_decoder_for_other_shapes_is_named_in_health_and_its_neighbour_goes_on(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    models = tmp_path / "daemon" / "models"
    models.mkdir(parents=True)
    brightness_bundle(models)
    bundle = blob_bundle(models)
    facts = json.loads((bundle / "manifest.json").read_text())
    facts["outputs"][1]["shape"] = [1, 25, 25, 3]
    (bundle / "manifest.json").write_text(json.dumps(facts))
    table = '[[pipeline]]\nname = "bad"\nmodel = "blobs"\nsource = { kind = "synthetic" }\n'

    daemon = DaemonProcess(tmp_path / "daemon", broker.port, pipelines=("door",), more=table)
    try:
        daemon.start().wait_ready()
        seen = len(listener.wait_for("door/event", 5))
        listener.wait_for("/health")
        eventually(
            lambda: b'"worker":"failed"' in listener.newest("/health").payload, "the verdict", 60
        )
        health = decode_health(listener.newest("/health").payload)
        listener.wait_for("door/event", seen + 20)
    finally:
        daemon.close()

    door, bad = health.pipelines
    assert (door.worker, bad.worker) == ("running", "failed")
    assert bad.why is not None
    assert "output 'sizes': shape (1, 25, 25, 3)" in bad.why
    assert health.status == "degraded"
