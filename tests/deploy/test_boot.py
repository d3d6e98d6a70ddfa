"""Our own card boots in QEMU and publishes; a kill at any moment loses nothing that was committed.

Not a full power cut: what the guest had handed to its disk stays in the host's cache, and the
host closes the connection, so that the will comes at once. What a flash card does is not tested.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.ledger_consumer import LedgerConsumer
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.broker.test_kill import tally
from tests.deploy.guest import Guest
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

pytestmark = [pytest.mark.boot, pytest.mark.timeout(5400)]

ROOT = Path(__file__).resolve().parents[2]
KILLS = 3
BOOT_DEADLINE_S = 1500.0  # under a minute on an idle machine
FRAMES = 400
PIPELINES = {"brightness": "onnx", "total": "tflite"}  # more would not start in time on a busy host
CONFIG = """
{models}
[device]
id = "{device}"
site = "test"
[mqtt]
host = "{host}"
port = {port}
will_delay_s = 0
reconnect_max_s = 2
[outbox]
max_loss_window_s = 0
"""
PIPELINE = """
[[pipeline]]
name = "{model}-{engine}"
model = "{model}"
engine = "{engine}"
publish = {{ predictions = "off", keep = "all" }}
source = {{ kind = "synthetic", pattern = "noise", seed = 7, {pace} }}
"""


def config_text(device: str, host: str, port: int, pace: str, models: str = "") -> str:
    text = CONFIG.format(device=device, host=host, port=port, models=models)
    for model, engine in PIPELINES.items():
        text += PIPELINE.format(model=model, engine=engine, pace=pace)
    return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("boot")
    for bundle in (brightness_bundle, sum_bundle):
        bundle(directory / "models")
    return directory


@pytest.fixture(scope="module")
def broker(place: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(place)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def package(place: Path) -> Path:
    """The arm64 package of this checkout, or BOOT_TEST_PACKAGE."""
    given = os.environ.get("BOOT_TEST_PACKAGE")
    if given:
        return Path(given)
    command = [sys.executable, "deploy/debian/build_package.py", "--arch=arm64", f"--out={place}"]
    subprocess.run(command, check=True, cwd=ROOT)
    (found,) = place.glob("*_arm64.deb")
    return found


@pytest.fixture(scope="module")
def card(place: Path, broker: Mosquitto, package: Path) -> Path:
    """The image, by the command that a person would give."""
    (place / "device.toml").write_text(config_text("card", "10.0.2.2", broker.port, "rate_hz = 5"))
    base = os.environ.get("BOOT_TEST_BASE", str(place / "base"))
    bundles = [f"--bundle={place}/models/{name}" for name in ("brightness", "total")]
    begun = time.monotonic()
    made = subprocess.run(
        [sys.executable, "-m", "edge_runtime", "image", "build", f"{place}/device.toml",
         f"--package={package}", f"--base={base}", f"--out={place}/sd.img", *bundles],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(made.stdout + made.stderr)
    print(f"image build: {time.monotonic() - begun:.0f} s")
    assert made.returncode == 0
    return place / "sd.img"


def test_a_card_boots_says_what_the_host_says_and_survives_kills(
    place: Path, broker: Mosquitto, card: Path
) -> None:
    listener, ledger = Listener(broker.port, "edge/v1/test/#"), LedgerConsumer(broker.port)
    expected = answers_of_host(place, broker, listener)
    guest = Guest(card, place)
    try:
        wait_online(guest, listener, 1)
        compare(listener, expected)
        committed = kill_and_boot_again(guest, listener, ledger)
    finally:
        guest.kill()
        print(guest.serial()[-3000:])
    left = guest.committed("card")
    account = tally(ledger, committed, left)
    print(f"account: {account}")
    listener.close()
    ledger.close()

    assert account["lost"] == 0, account
    assert account["missing"] == 0, account
    assert account["committed_at_a_kill"] > 0, account


def answers_of_host(place: Path, broker: Mosquitto, listener: Listener) -> dict[str, object]:
    """What this machine says of the first frames, by pipeline and frame."""
    pace = f"rate_hz = 0, frames = {FRAMES}"
    text = config_text("host", "127.0.0.1", broker.port, pace, models='models_dir = "models"')
    (place / "host.toml").write_text(text)
    environment = {**os.environ, "STATE_DIRECTORY": str(place / "host-state")}
    subprocess.run(
        [sys.executable, "-m", "edge_runtime", "run", f"{place}/host.toml", "--until-finished"],
        check=True, env=environment, cwd=ROOT, capture_output=True, timeout=300,
    )  # fmt: skip
    eventually(
        lambda: len(answers(listener, "host")) == len(PIPELINES) * FRAMES, "the host's answers"
    )
    return answers(listener, "host")


def answers(listener: Listener, device: str) -> dict[str, object]:
    """The results by "pipeline frame"; a later boot counts its frames anew and says the same."""
    found = {}
    for heard in listener.on("/event"):
        levels = heard.topic.split("/")
        if levels[3] == device:
            value = json.loads(heard.payload)
            found[f"{levels[5]} {value['frame']}"] = value["results"]
    return found


def compare(listener: Listener, expected: dict[str, object]) -> None:
    """The guest's answers on the same frames, bit for bit."""
    eventually(lambda: len(answers(listener, "card")) >= 200, "200 answers", BOOT_DEADLINE_S)
    said = {key: value for key, value in answers(listener, "card").items() if key in expected}
    differing = {
        key: (value, expected[key]) for key, value in said.items() if value != expected[key]
    }
    by_pipeline = sorted({key.split()[0] for key in said})
    print(f"compared {len(said)} answers of {by_pipeline}: {len(differing)} differ")
    assert len(by_pipeline) == len(PIPELINES)
    assert not differing, dict(list(differing.items())[:4])


def kill_and_boot_again(
    guest: Guest, listener: Listener, ledger: LedgerConsumer
) -> set[tuple[str, int]]:
    """Kill QEMU at random moments; return what the card's outbox held each time."""
    rng, pause = random.Random(7), threading.Event()
    committed: set[tuple[str, int]] = set()
    for number in range(KILLS):
        pause.wait(rng.uniform(0.5, 8.0))
        received = ledger.total("/event")
        guest.kill()
        held = guest.committed("card")
        committed |= held
        print(f"kill {number + 1}: received {received}, {len(held)} on the card not yet confirmed")
        wait_online(guest, listener, number + 2)
        before = ledger.total("/event")
        eventually(lambda b=before: ledger.total("/event") >= b + 40, "events", BOOT_DEADLINE_S)
    return committed


def wait_online(guest: Guest, listener: Listener, times: int) -> None:
    guest.start()
    topic = "test/card/status"

    def is_online() -> bool:
        assert guest.is_running(), guest.serial()[-2000:]
        return listener.texts(topic).count("online") >= times

    eventually(is_online, "online", BOOT_DEADLINE_S)
    print(f"boot {times}: online after {time.monotonic() - guest.started_at:.1f} s")
