"""T5 and M2: what a daemon starts with that breaks off at every start, or finds no signature."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.host.starts import NONE_AFTER, PREVIOUS_AFTER
from edge_runtime.models.signature import sign_bundle
from edge_runtime.supervisor.health import Health, decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.remote.keys import key_files

pytestmark = pytest.mark.broker


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path / "daemon", broker.port)
    yield process
    process.close()


def newest_health(listener: Listener) -> Health:
    return decode_health(listener.wait_for("/health", 1)[-1].payload)


def break_version(models: Path, version: int) -> None:
    """Make NAME/`version` a copy of version 1 whose model file was changed."""
    place = models / "brightness" / str(version)
    if version != 1:
        shutil.copytree(models / "brightness" / "1", place)
        manifest = json.loads((place / "manifest.json").read_text())
        (place / "manifest.json").write_text(json.dumps({**manifest, "version": version}))
    model = place / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\0")


def fail_to_start(daemon: DaemonProcess, times: int) -> None:
    for _ in range(times):
        started = daemon.start()
        assert started.process is not None
        assert started.process.wait(60) == 1, started.log()


def test_t5_after_three_broken_starts_the_previous_model_runs(
    daemon: DaemonProcess, listener: Listener
) -> None:
    break_version(daemon.config.parent / "models", 2)
    fail_to_start(daemon, PREVIOUS_AFTER)

    daemon.start().wait_ready()

    event = json.loads(listener.wait_for("/event", 1)[0].payload)
    # The starts that broke off spoke of themselves, too.
    eventually(lambda: "safe_mode" in str(newest_health(listener).reasons), "what is held back")
    health = newest_health(listener)
    assert event["model"]["version"] == 1
    assert health.status == "degraded"
    assert health.reasons == ("safe_mode: previous_models after 3 starts that broke off",)


def test_t5_after_six_broken_starts_health_alone_is_said(
    daemon: DaemonProcess, listener: Listener
) -> None:
    break_version(daemon.config.parent / "models", 1)
    fail_to_start(daemon, NONE_AFTER)

    daemon.start().wait_ready()

    eventually(lambda: not newest_health(listener).pipelines, "health without a pipeline")
    assert newest_health(listener).status == "degraded"
    assert "no_models after 6 starts" in newest_health(listener).reasons[0]
    eventually(lambda: '"safe_mode"' in "".join(listener.texts("/alert")), "the alert")
    assert daemon.stop() == 0
    fail_to_start(daemon, 1)  # a stop in good order gives the models another chance


def test_m2_a_newer_bundle_that_is_not_signed_is_told_and_the_signed_one_runs(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    private, public = key_files(tmp_path)
    process = DaemonProcess(tmp_path / "daemon", broker.port)
    text = process.config.read_text()
    process.config.write_text(f'models_key_file = "{public}"\n{text}')
    versions = process.config.parent / "models" / "brightness"
    sign_bundle(versions / "1", private)
    shutil.copytree(versions / "1", versions / "2")
    manifest = versions / "2" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"version": 1,', b'"version": 2,'))
    try:
        process.start().wait_ready()
        listener.wait_for("door/event", 5)
        alert = json.loads(listener.wait_for("/alert")[0].payload)
        eventually(lambda: newest_health(listener).pipelines[0].model, "health with the model")
        health = newest_health(listener)
    finally:
        process.close()

    assert (alert["kind"], alert["pipeline"]) == ("model_refused", "door")
    assert alert["text"] == "not signed: brightness@2"
    assert health.pipelines[0].model.version == 1
    assert health.status == "degraded"
