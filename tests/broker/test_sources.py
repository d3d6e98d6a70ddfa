"""Bad input to the whole daemon: named in health, the other pipelines untouched, healed alone."""

import json
import os
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.supervisor.health import decode_health
from tests.broker.daemon import CONFIG, DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.bundles import sum_bundle
from tests.edge_runtime.sources.test_http_snapshot import Camera, picture, send

pytestmark = pytest.mark.broker

PIPELINES = """
[[pipeline]]
name = "steady"
model = "brightness"
publish = {{ predictions = "all", keep = "all", max_rate_hz = 0 }}
[pipeline.source]
kind = "synthetic"
rate_hz = 20

[[pipeline]]
name = "snap"
model = "brightness"
publish = {{ predictions = "all", keep = "all", max_rate_hz = 0 }}
[pipeline.source]
kind = "http"
url = "http://127.0.0.1:{http_port}/snap.jpg"
interval_s = 0.05
timeout_s = 5
frozen_after = 20

[[pipeline]]
name = "scale"
model = "total"
publish = {{ predictions = "all", keep = "all", max_rate_hz = 0 }}
[pipeline.source]
{scale_source}
"""


@pytest.fixture
def camera() -> Iterator[Camera]:
    made = Camera()
    yield made
    made.close()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[int, str]]:
    ends = os.openpty()
    for end in ends:
        tty.setraw(end)
    yield ends[0], os.ttyname(ends[1])
    for end in ends:
        os.close(end)


@pytest.fixture
def run(tmp_path: Path, broker: Mosquitto) -> Iterator[Callable[..., DaemonProcess]]:
    daemon = DaemonProcess(tmp_path / "daemon", broker.port)

    def start(**values: object) -> DaemonProcess:
        sum_bundle(tmp_path / "daemon" / "models")
        text = CONFIG.format(
            device="pi-1", port=broker.port, window_s=0.0, mqtt="", outbox=""
        ) + PIPELINES.format(**values)
        daemon.config.write_text(text)
        return daemon.start().wait_ready()

    yield start
    daemon.close()


def state(listener: Listener, pipeline: str, wanted: str) -> None:
    eventually(
        lambda: listener.texts(f"{pipeline}/source")[-1:] == [wanted],
        f"{pipeline} {wanted}: {listener.texts('/source')}",
        30,
    )


def speak(listener: Listener, master: int) -> None:
    """Say rows until they are heard: what is said while the port is closed is lost."""
    eventually(
        lambda: (
            os.write(master, b'{"a":1,"b":1}\n')
            and listener.texts("scale/source")[-1:] == ["online"]
        ),
        "scale online",
        30,
    )


def reasons(listener: Listener) -> tuple[str, ...]:
    return decode_health(listener.newest("/health").payload).reasons


def test_s1_s2_s3_s4_each_fault_is_named_healed_and_nobody_elses(
    listener: Listener, run: Callable[..., DaemonProcess], camera: Camera, board: tuple[int, str]
) -> None:
    master, port = board
    daemon = run(http_port=camera.port, scale_source=f'kind = "serial"\nport = "{port}"')
    good = camera.answer
    state(listener, "snap", "online")
    speak(listener, master)

    camera.answer = lambda handler: send(handler, picture(9)[:-30])
    noise = np.random.default_rng(5).integers(128, 256, 4000).astype(np.uint8)
    noise[::97] = ord("\n")
    os.write(master, noise.tobytes() + b"\n")
    state(listener, "snap", "garbled")
    state(listener, "scale", "garbled")
    eventually(lambda: len(reasons(listener)) == 2, "both named in health")
    text = "; ".join(reasons(listener))
    assert "snap: source_lost: garbled: " in text
    assert "cut off" in text
    assert "scale: source_lost: garbled: " in text

    camera.answer = lambda handler: send(handler, picture(50))
    state(listener, "snap", "frozen")
    camera.answer = lambda handler: send(handler, b"", 503)
    state(listener, "snap", "offline")
    camera.answer = good
    returned_s = time.monotonic()
    state(listener, "snap", "online")
    assert time.monotonic() - returned_s < 10  # the pause between two attempts is 6 s at most
    speak(listener, master)
    eventually(lambda: reasons(listener) == (), "healthy again")

    numbers = [int(heard.user["seq"]) for heard in listener.on("steady/event")]
    assert numbers == list(range(len(numbers)))
    assert listener.texts("steady/source")[-1] == "online"
    assert listener.texts("steady/source").count("online") == 1
    health = decode_health(listener.newest("/health").payload)
    for pipeline in health.pipelines:
        settled = pipeline.inferred + pipeline.in_flight + sum(pipeline.dropped.values())
        assert pipeline.captured == settled, pipeline
        assert pipeline.restarts == 0
    alerts = [json.loads(heard.payload) for heard in listener.on("/alert")]
    assert {(a["kind"], a["is_over"]) for a in alerts} == {
        ("source_lost", False), ("source_lost", True),
    }  # fmt: skip
    assert daemon.stop() == 0


@pytest.mark.slow
def test_s2_a_source_that_blocks_for_ever_costs_its_own_worker_only(
    listener: Listener, run: Callable[..., DaemonProcess], camera: Camera, tmp_path: Path
) -> None:
    """A pipe in the place of a recording, whose writer falls silent: the read never returns."""
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"a,b\n1,2\n3,4\n")
    csv = f'kind = "csv"\npath = "{pipe}"\nrate_hz = 0\nretry_max_s = 1\nstall_after_s = 1'
    run(http_port=camera.port, scale_source=csv)
    state(listener, "scale", "stalled")

    eventually(lambda: any("scale: worker_lost" in r for r in reasons(listener)), "killed", 90)
    os.close(writer)
    pipe.unlink()
    pipe.write_text("a,b\n5,6\n", encoding="ascii")
    state(listener, "scale", "finished")

    assert listener.texts("steady/source")[-1] == "online"
    health = decode_health(
        listener.wait_for("/health", len(listener.on("/health")) + 2)[-1].payload
    )
    restarts = {pipeline.name: pipeline.restarts for pipeline in health.pipelines}
    assert restarts["steady"] == restarts["snap"] == 0
    assert restarts["scale"] >= 1
