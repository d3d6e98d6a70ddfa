"""The daemon's cost: start, latency, CPU and memory, beside bare inference on the same machine.

python benchmarks/runtime_bench.py [--seconds 20] [--json FILE]

Quantizes the tour's digits network, starts a mosquitto on a free loopback port and the daemon on a
synthetic source of 5 frames a second, and reads /proc and the daemon's own health. Times are of a
shared machine: compare within one run, quote ratios.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as mqtt

from edge_runtime.engines.onnx_engine import OnnxEngine
from edge_runtime.engines.protocol import EngineSettings

ROOT = Path(__file__).resolve().parents[1]
TICKS_HZ = os.sysconf("SC_CLK_TCK")
FPS = 5
READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    ours: float
    unit: str
    target: str


class Subscriber:
    """Notes the first prediction and every health report."""

    def __init__(self, port: int) -> None:
        self.first_prediction = threading.Event()
        self.health: list[dict[str, Any]] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _client, _data, message: self._take(message)
        wait_for(lambda: listens(port), "mosquitto")
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("edge/v1/#")
        self._client.loop_start()

    def close(self) -> None:
        """Stop listening."""
        self._client.loop_stop()
        self._client.disconnect()

    def _take(self, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/pred"):
            self.first_prediction.set()
        if message.topic.endswith("/health"):
            self.health.append(msgspec.json.decode(message.payload))


def main() -> None:
    """Measure, print Markdown, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of steady running")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(Path(directory), arguments.seconds)
    print("| what | ours | target |\n|---|---|---|")
    for figure in figures:
        print(f"| {figure.what} | {figure.ours:.3g} {figure.unit} | {figure.target} |")
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def measure(directory: Path, seconds: float) -> list[Figure]:
    """Return the table for both engines."""
    bundle = quantized(directory)
    bare_ms = bare_inference_ms(bundle)
    figures = [Figure("bare inference, ONNX Runtime, p50", bare_ms, "ms", "reference")]
    for engine in ("onnx", "tflite"):
        figures += run_daemon(directory, engine, seconds, bare_ms)
    return figures


def quantized(directory: Path) -> Path:
    """Return the bundle of the digits network, calibrated on noise: only its cost matters here."""
    data = directory / "noise.npz"
    rng = np.random.default_rng(7)
    np.savez(data, x=rng.random((64, 1, 8, 8), np.float32))
    model = ROOT / "examples/digits/digits.onnx"
    preprocess = model.with_name("preprocess.toml")
    command = [sys.executable, "-m", "quantize", "run", str(model), "--calibrate", str(data)]
    command += ["--preprocess", str(preprocess), "--labels", str(model.with_name("labels.txt"))]
    command += ["--task", "classification", "--name", "digits", "--out", str(directory / "models")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return directory / "models/digits/1"


def bare_inference_ms(bundle: Path) -> float:
    """Return the median time of one inference, in this process, with nothing around it."""
    engine = OnnxEngine((bundle / "model.onnx").read_bytes(), EngineSettings(threads=1))
    tensors = {name: np.zeros((1, *shape[1:]), np.float32) for name, shape in engine.inputs.items()}
    times = []
    for _ in range(500):
        start = time.perf_counter()
        engine.run(tensors)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def run_daemon(directory: Path, engine: str, seconds: float, bare_ms: float) -> list[Figure]:
    """Run mosquitto, a subscriber and the daemon; return what they showed."""
    port = free_port()
    broker = start_mosquitto(directory, port)
    subscriber = Subscriber(port)
    try:
        return watch_daemon(directory, engine, subscriber, (port, seconds, bare_ms))
    finally:
        subscriber.close()
        broker.terminate()
        broker.wait()


def start_mosquitto(directory: Path, port: int) -> subprocess.Popen[bytes]:
    """Return a broker without accounts on a loopback port."""
    config = directory / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        sys.exit("runtime_bench: mosquitto is missing; scripts/install-tools installs it")
    return subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)


def watch_daemon(
    directory: Path, engine: str, subscriber: Subscriber, run: tuple[int, float, float]
) -> list[Figure]:
    """Start the daemon, wait for its first prediction, watch it for a while, stop it."""
    port, seconds, bare_ms = run
    config = directory / f"{engine}.toml"
    config.write_text(configuration(engine, port))
    command = [sys.executable, "-m", "edge_runtime", "run", str(config)]
    environment = {**os.environ, "STATE_DIRECTORY": str(directory / f"state-{engine}")}
    started = time.monotonic()
    daemon = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(subscriber.first_prediction.is_set, "the first prediction")
        first_s = time.monotonic() - started
        time.sleep(3)  # let start-up work settle
        before = cpu_seconds(daemon.pid)
        time.sleep(seconds)
        cpu = {pid: cpu_seconds(daemon.pid)[pid] - before[pid] for pid in before}
        memory = {pid: resident_mb(pid) for pid in before}
    finally:
        daemon.terminate()
        daemon.wait()
    pipeline = subscriber.health[-1]["pipelines"][0]
    return figures_of(engine, first_s, (cpu, memory, daemon.pid), pipeline, (seconds, bare_ms))


def figures_of(
    engine: str,
    first_s: float,
    processes: tuple[dict[int, float], dict[int, float], int],
    pipeline: dict[str, Any],
    run: tuple[float, float],
) -> list[Figure]:
    """Return the rows of one engine."""
    cpu, memory, supervisor = processes
    seconds, bare_ms = run
    added = pipeline["age_ms"]["p50"] - pipeline["infer_ms"]["p50"]
    workers = sum(mb for pid, mb in memory.items() if pid != supervisor)
    percent = 100 * sum(cpu.values()) / seconds
    limit = f"<= 2 ms + 3 % of inference ({2 + 0.03 * bare_ms:.2f} ms)"
    return [
        Figure(f"{engine}: start to first prediction", first_s, "s", "<= 3 s"),
        Figure(f"{engine}: added latency, capture to publish, p50", added, "ms", limit),
        Figure(f"{engine}: age, p99", pipeline["age_ms"]["p99"], "ms", "<= 10 ms"),
        Figure(f"{engine}: CPU of a {FPS} fps pipeline", percent, "% of a core", "<= 4 %"),
        Figure(f"{engine}: resident, supervisor", memory[supervisor], "MB", "<= 90 MB"),
        Figure(f"{engine}: resident, worker with engine", workers, "MB", "-"),
    ]


def configuration(engine: str, port: int) -> str:
    """Return a daemon with one synthetic pipeline."""
    return f"""\
models_dir = "models"
[device]
id = "bench-{engine}"
[mqtt]
host = "127.0.0.1"
port = {port}
[health]
interval_s = 2
[[pipeline]]
name = "digits"
model = "digits"
engine = "{engine}"
threads = 1
publish = {{ predictions = "all" }}
[pipeline.source]
kind = "synthetic"
width = 640
height = 480
rate_hz = {FPS}
"""


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir() if children.exists() else ():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> dict[int, float]:
    """Return the processor time of a process and each descendant, in seconds."""
    return {each: _cpu_seconds(each) for each in family(pid)}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_HZ


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def wait_for(is_there: Callable[[], bool], what: str, within_s: float = READY_S) -> None:
    """Wait until something is there, or end with its name."""
    deadline = time.monotonic() + within_s
    while not is_there():
        if time.monotonic() > deadline:
            sys.exit(f"runtime_bench: {what} did not come within {within_s:.0f} s")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Return whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
