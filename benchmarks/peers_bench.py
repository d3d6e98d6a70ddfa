"""The daemon beside other ways from a camera to MQTT: the same camera, model file and broker.

python benchmarks/peers_bench.py [--seconds 20] [--json FILE] [--inference-python PYTHON]

A camera on loopback goes dark and bright; measured is the time from the first frame of a change
until a message tells of it, at 5 frames a second and at twice what the model alone could infer.
Times are of a shared machine: compare within one run, quote ratios.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from brightness_net import LABELS, Cost, write_net, write_samples
from mjpeg_camera import MjpegCamera
from runtime_bench import (
    bare_inference_ms,
    cpu_seconds,
    family,
    free_port,
    listens,
    resident_mb,
    start_mosquitto,
    wait_for,
)

COST = Cost(side=192, channels=32, layers=4)
SLOW_FPS = 5.0
HERE = Path(__file__).parent
QUICK_RECIPE = """\
range_methods = ["min_max"]
weight_rounding = "nearest"
bias_correction = false
equalize_strength = 0.0
search_samples = 0
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What one runner showed at one rate of the camera.

    Attributes:
        age_ms: Median and worst time from a change's first frame to the message that tells of it.
        changes: So many were told of.
        cpu_percent: Of one core, all processes together.
    """

    runner: str
    camera_fps: float
    first_s: float
    age_ms: tuple[float, float]
    changes: int
    messages_hz: float
    cpu_percent: float
    resident_mb: float


class Ear:
    """Notes when which label came."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[float, str]] = []
        self.is_first = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _client, _data, message: self._take(message)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("peer/pred", 0), ("edge/v1/+/+/p/+/pred", 0)])
        self._client.loop_start()

    def close(self) -> None:
        """Stop listening."""
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, message: mqtt.MQTTMessage) -> None:
        now, said = time.monotonic(), msgspec.json.decode(message.payload)
        label = said["results"][0]["label"] if "results" in said else said["label"]
        self.heard.append((now, label))
        self.is_first.set()


def main() -> None:
    """Measure, print Markdown, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of steady running, each")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    parser.add_argument(
        "--inference-python", type=Path,
        help="Python of an environment with Roboflow's inference==0.50.5 and paho-mqtt (1.3 GB)",
    )  # fmt: skip
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        rows, bare_ms = measure(Path(directory), arguments.seconds, arguments.inference_python)
    print(f"Bare inference of the model, p50: {bare_ms:.2f} ms\n")
    print(table(rows))
    if arguments.json:
        found = {"bare_inference_ms": bare_ms, "rows": rows}
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


def measure(
    directory: Path, seconds: float, inference_python: Path | None
) -> tuple[list[Row], float]:
    """Return a row for every runner and rate, and the time of bare inference in milliseconds."""
    bundle = quantized(directory)
    bare_ms = bare_inference_ms(bundle)
    port = free_port()
    broker = start_mosquitto(directory, port)
    wait_for(lambda: listens(port), "mosquitto")
    model = str(bundle / "model.onnx")
    runners: dict[str, Callable[[str], list[str]]] = {
        "edge-runtime": lambda url: daemon_command(directory, port, url),
        "naive loop": lambda url: peer_command(sys.executable, "naive", model, url, port),
    }
    if inference_python is not None:
        python = str(inference_python)
        runners["Roboflow inference"] = lambda url: peer_command(
            python, "inference", model, url, port
        )
    try:
        rows = [
            run(name, command, rate_hz, seconds, port)
            for rate_hz in (SLOW_FPS, round(2000 / bare_ms, 1))
            for name, command in runners.items()
        ]
    finally:
        broker.terminate()
        broker.wait()
    return rows, bare_ms


def run(
    name: str, command: Callable[[str], list[str]], rate_hz: float, seconds: float, port: int
) -> Row:
    """Start a runner on a camera of its own, watch it for a while, end it."""
    camera, ear = MjpegCamera(rate_hz), Ear(port)
    started_s = time.monotonic()
    process = subprocess.Popen(command(camera.url), env=quiet(), stderr=subprocess.DEVNULL)
    try:
        wait_for(ear.is_first.is_set, f"{name}: the first message", 90.0)
        first_s = time.monotonic() - started_s
        time.sleep(3)  # let start-up work settle
        begin_s, before = time.monotonic(), cpu_seconds(process.pid)
        time.sleep(seconds)
        lasted_s, after = time.monotonic() - begin_s, cpu_seconds(process.pid)
        memory = sum(resident_mb(pid) for pid in family(process.pid))
    finally:
        process.terminate()
        process.wait()
        camera.close()
        ear.close()
    end_s = begin_s + lasted_s
    ages = reactions(camera.changes, ear.heard, begin_s, end_s)
    return Row(
        runner=name,
        camera_fps=rate_hz,
        first_s=first_s,
        age_ms=(statistics.median(ages), max(ages)) if ages else (float("nan"), float("nan")),
        changes=len(ages),
        messages_hz=sum(begin_s <= at_s <= end_s for at_s, _ in ear.heard) / lasted_s,
        cpu_percent=100 * (sum(after.values()) - sum(before.values())) / lasted_s,
        resident_mb=memory,
    )


def reactions(
    shown: list[tuple[float, str]], heard: list[tuple[float, str]], begin_s: float, end_s: float
) -> list[float]:
    """Return the milliseconds from each change within the time to the message that tells of it.

    The camera begins dark and nothing is shorter than a second, so the first turn of the messages
    tells of the first change, and so on, however far a runner lags behind.
    """
    turns = [now[0] for before, now in itertools.pairwise(heard) if before[1] != now[1]]
    told = [(at_s, turn_s) for (at_s, _), turn_s in zip(shown, turns, strict=False)]
    if any(turn_s < at_s for at_s, turn_s in told):
        sys.exit("peers_bench: a message tells of a change that was not shown yet: one was lost")
    return [1000 * (turn_s - at_s) for at_s, turn_s in told if begin_s <= turn_s <= end_s]


def quantized(directory: Path) -> Path:
    """Return the bundle of the brightness network."""
    rng = np.random.default_rng(7)
    model, data = directory / "brightness.onnx", directory / "samples.npz"
    write_net(model, COST, rng)
    write_samples(data, COST, rng)
    labels, preprocess = directory / "labels.txt", directory / "preprocess.toml"
    labels.write_text("".join(f"{label}\n" for label in LABELS))
    scale = "mean = [0.0, 0.0, 0.0]\nstd = [255.0, 255.0, 255.0]\n"
    preprocess.write_text(
        f'kind = "image"\nwidth = {COST.side}\nheight = {COST.side}\ncolour = "rgb"\n{scale}'
    )
    command = [sys.executable, "-m", "quantize", "run", str(model), "--calibrate", str(data)]
    recipe = directory / "recipe.toml"
    recipe.write_text(QUICK_RECIPE)
    command += ["--preprocess", str(preprocess), "--labels", str(labels), "--no-page"]
    command += ["--recipe", str(recipe)]
    command += ["--task", "classification", "--name", "light", "--out", str(directory / "models")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return directory / "models/light/1"


def daemon_command(directory: Path, port: int, url: str) -> list[str]:
    """Return the daemon's command; it has what a user would write, and as many threads as peers."""
    config = directory / "light.toml"
    config.write_text(f"""\
models_dir = "models"
[device]
id = "bench-light"
[mqtt]
host = "127.0.0.1"
port = {port}
[[pipeline]]
name = "light"
model = "light"
threads = {os.cpu_count()}
publish = {{ predictions = "all", max_rate_hz = 0 }}
[pipeline.source]
kind = "camera"
url = "{url}"
""")
    return [sys.executable, "-m", "edge_runtime", "run", str(config)]


def peer_command(python: str, peer: str, model: str, url: str, port: int) -> list[str]:
    """Return the command of a peer."""
    return [python, str(HERE / f"{peer}_peer.py"), model, url, str(port)]


def quiet() -> dict[str, str]:
    """Return an environment without telemetry, and a state directory of its own."""
    state = tempfile.mkdtemp(prefix="bench-state-")
    off = {"ORT_DISABLE_TELEMETRY": "1", "TELEMETRY_OPT_OUT": "True", "STATE_DIRECTORY": state}
    return {**os.environ, **off}


def table(rows: list[Row]) -> str:
    """Return Markdown with each figure and its ratio to ours at the same rate."""
    heads = (
        "camera", "runner", "change to message, p50", "worst", "changes", "messages/s",
        "CPU of a core", "resident", "first message",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        ours = next(r for r in rows if r.camera_fps == row.camera_fps)
        cells = (
            f"{row.camera_fps:g} fps",
            row.runner,
            f"{row.age_ms[0]:.0f} ms, {ratio(row.age_ms[0], ours.age_ms[0])}",
            f"{row.age_ms[1]:.0f} ms",
            str(row.changes),
            f"{row.messages_hz:.1f}",
            f"{row.cpu_percent:.0f} %, {ratio(row.cpu_percent, ours.cpu_percent)}",
            f"{row.resident_mb:.0f} MB, {ratio(row.resident_mb, ours.resident_mb)}",
            f"{row.first_s:.1f} s, {ratio(row.first_s, ours.first_s)}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio(theirs: float, ours: float) -> str:
    """Return how many times ours it is."""
    return f"x{theirs / ours:.2f}" if ours else "-"


if __name__ == "__main__":
    main()
