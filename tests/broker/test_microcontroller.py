"""A microcontroller on QEMU, by serial, through the whole daemon: its predictions are audited."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_runtime.payloads import ParityPart
from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.bundles import brightness_bundle
from tests.edge_runtime.engines.native import build_native
from tests.firmware.serial.board import build_firmware, running

pytestmark = [pytest.mark.broker, pytest.mark.qemu, pytest.mark.gcc, pytest.mark.tflite]

CONFIG = """
models_dir = "models"
[device]
id = "pi-1"
site = "test"
[mqtt]
host = "127.0.0.1"
port = {port}
[health]
interval_s = 1
[[pipeline]]
name = "board"
model = "brightness"
{engine}
publish = {{ predictions = "all", max_rate_hz = 0 }}
[pipeline.source]
kind = "microcontroller"
port = "{serial}"
"""
Start = Callable[[str, str], DaemonProcess]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brightness_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def library(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_native(bundle, tmp_path_factory.mktemp("native"))


@pytest.fixture
def start(tmp_path: Path, broker: Mosquitto) -> Iterator[Start]:
    daemon = DaemonProcess(tmp_path / "daemon", broker.port)  # brings the same bundle

    def make(serial: str, engine: str) -> DaemonProcess:
        text = CONFIG.format(port=broker.port, serial=serial, engine=engine)
        daemon.config.write_text(text)
        return daemon.start().wait_ready()

    yield make
    daemon.close()


def _audited(listener: Listener, least: int) -> dict[str, object]:
    """Return the first prediction after so many audits."""

    def find() -> dict[str, object] | None:
        heard = [json.loads(hit.payload) for hit in listener.on("/pred")]
        return next((p for p in heard if p["parity"]["audited"] >= least), None)

    eventually(lambda: find() is not None, f"{least} audits", 30)
    found = find()
    assert found is not None
    return found


def _parity_in_health(listener: Listener) -> ParityPart | None:
    (board,) = decode_health(listener.wait_for("/health")[-1].payload).pipelines
    return board.parity


def test_the_same_c_on_this_host_finds_no_difference(
    bundle: Path, library: Path, tmp_path: Path, listener: Listener, start: Start
) -> None:
    with running(build_firmware(bundle, tmp_path / "firmware")) as serial:
        start(serial, f'engine = "native"\nlibrary = "{library}"')
        prediction = _audited(listener, 10)
        eventually(lambda: _parity_in_health(listener) is not None, "parity in health", 10)

    parity = prediction["parity"]
    assert isinstance(parity, dict)
    assert parity | {"audited": 0} == {
        "audited": 0, "differing": 0, "max_lsb": 0, "bound_lsb": 0, "engine": "c-native",
    }  # fmt: skip
    assert prediction["model"]["backend"] == "microcontroller"  # type: ignore[index]
    assert prediction["results"]
    assert prediction["label"].startswith("seq ")  # type: ignore[attr-defined]
    told = _parity_in_health(listener)
    assert told is not None
    assert (told.differing, told.engine) == (0, "c-native")
    assert not listener.on("/alert")


def test_a_board_that_computes_otherwise_is_an_alert(
    bundle: Path, library: Path, tmp_path: Path, listener: Listener, start: Start
) -> None:
    image = build_firmware(bundle, tmp_path / "firmware", "-DFLIP=4")
    with running(image) as serial:
        start(serial, f'engine = "native"\nlibrary = "{library}"')
        prediction = _audited(listener, 4)
        alert = json.loads(listener.wait_for("/alert", 1)[0].payload)

    parity = prediction["parity"]
    assert isinstance(parity, dict)
    assert parity["differing"] == parity["audited"]
    assert parity["max_lsb"] == 4
    assert (alert["kind"], alert["pipeline"]) == ("parity_lost", "board")
    assert "differ by up to 4 codes from c-native, allowed are 0" in alert["text"]


def test_another_engine_audits_within_its_stated_bound(
    bundle: Path, tmp_path: Path, listener: Listener, start: Start
) -> None:
    with running(build_firmware(bundle, tmp_path / "firmware")) as serial:
        start(serial, 'engine = "tflite"')
        parity = _audited(listener, 4)["parity"]

    assert isinstance(parity, dict)
    assert parity["max_lsb"] <= parity["bound_lsb"] == 1
    assert parity["engine"] == "litert-cpu"
