"""A wanted accelerator that is missing: an alert and a state, and the other pipelines go on."""

import json
from pathlib import Path

import pytest

from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually

pytestmark = [pytest.mark.broker, pytest.mark.ort, pytest.mark.tflite]

PIPELINE = """
[[pipeline]]
name = "fast"
model = "brightness"
engine = "onnx"
accelerator = "cuda"
[pipeline.source]
kind = "synthetic"
"""


def test_the_pipeline_fails_by_name_and_the_other_is_not_touched(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", broker.port, pipelines=("door",))
    daemon.config.write_text(daemon.config.read_text() + PIPELINE)
    try:
        daemon.start().wait_ready()
        alert = json.loads(listener.wait_for("/alert", 1)[0].payload)
        listener.wait_for("door/pred", 5)

        def failed() -> bool:
            pipelines = decode_health(listener.newest("/health").payload).pipelines
            return {p.name: p.worker for p in pipelines} == {"door": "running", "fast": "failed"}

        eventually(failed, "the state in health", 10)
    finally:
        daemon.close()

    assert (alert["kind"], alert["pipeline"]) == ("worker_failed", "fast")
    assert "accelerator cuda is not in the installed ONNX Runtime" in alert["text"]
    assert not listener.on("fast/pred")
