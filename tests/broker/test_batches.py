"""A recording in batches, from its file to a subscriber, beside the same recording one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.bundles import sum_bundle

pytestmark = [pytest.mark.broker, pytest.mark.ort, pytest.mark.tflite]

ROWS = 1000
TABLE = """
[[pipeline]]
name = "{name}"
model = "total"
engine = "onnx"
threads = 1
batch = {batch}
publish = {{ predictions = "off", keep = "all" }}
source = {{ kind = "csv", path = "rows.csv", rate_hz = 0 }}
"""


def samples(listener: Listener, name: str) -> list[dict[str, Any]]:
    events = (json.loads(heard.payload) for heard in listener.on(f"{name}/event"))
    return [event for event in events if event["change"] == "sample"]


def said(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["seq"], event["frame"], event["kind"], event["results"]


def test_a_fast_recording_goes_in_batches_and_says_what_it_says_one_by_one(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    directory = tmp_path / "daemon"
    (directory / "models").mkdir(parents=True)
    sum_bundle(directory / "models", length=2, step=1)
    lines = ["nan,1" if n % 100 == 50 else f"{n % 13},{n % 5}" for n in range(ROWS)]
    (directory / "rows.csv").write_text("a,b\n" + "\n".join(lines) + "\n")
    more = TABLE.format(name="many", batch=8) + TABLE.format(name="one", batch=1)

    daemon = DaemonProcess(directory, broker.port, pipelines=(), more=more)
    try:
        daemon.start().wait_ready()
        for name in ("many", "one"):
            eventually(
                lambda name=name: listener.texts(f"{name}/source")[-1:] == ["finished"],
                f"{name} finished; {daemon.log()[-1500:]}", 60,
            )  # fmt: skip
        seen = len(listener.on("/health"))
        health = decode_health(listener.wait_for("/health", seen + 2)[-1].payload)
        count = health.pipelines[0].inferred
        for name in ("many", "one"):
            eventually(lambda name=name: len(samples(listener, name)) == count, f"{name} heard", 60)
        assert daemon.stop() == 0
    finally:
        daemon.close()

    for pipeline in health.pipelines:
        dropped = {reason: n for reason, n in pipeline.dropped.items() if n}
        assert set(dropped) == {"invalid"}
        assert pipeline.captured == pipeline.inferred + dropped["invalid"]
        assert pipeline.in_flight == 0
    many, one = samples(listener, "many"), samples(listener, "one")
    assert [*map(said, many)] == [*map(said, one)]
    assert [event["seq"] for event in many] == list(range(len(many)))
    assert len(many) > ROWS / 2
    together = [event["ms"].get("batch", 1) for event in many]
    assert max(together) > 1
    assert max(together) <= 8
    assert all("batch" not in event["ms"] for event in one)
