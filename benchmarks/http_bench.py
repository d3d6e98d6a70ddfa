"""Requests per second and latency of `edge-runtime serve`, beside bare inference: prints a table.

    python benchmarks/http_bench.py [--seconds 5]

The digits network, so that what is measured is the way to it: HTTP, a JPEG of 224 x 224 to decode
and shrink, JSON. Clients are threads of this process, each with a connection; both share the cores.
"Added" is the median less that of bare inference; who is refused comes again after 50 ms.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.runtime_bench import bare_inference_ms, quantized  # noqa: E402

CLIENTS = (1, 2, 8, 32)
SIDE = 224


@dataclass
class Seen:
    """What the clients of one run saw: milliseconds of answers, and how many were refused."""

    milliseconds: list[float] = field(default_factory=list)
    refused: int = 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="of each row")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        bundle = quantized(Path(folder))
        bare_ms = bare_inference_ms(bundle)
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_runtime", "serve", str(bundle), "--bind=127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            port, name = _listening(process)
            print(f"bare inference: {bare_ms:.2f} ms\n")
            print("| clients | answered/s | p50 ms | p99 ms | added ms | refused |")
            print("|---|---|---|---|---|---|")
            for clients in CLIENTS:
                _row(clients, _run(port, name, clients, seconds), seconds, bare_ms)
        finally:
            process.terminate()
            process.wait()


def _listening(process: "subprocess.Popen[str]") -> tuple[int, str]:
    assert process.stderr is not None
    for line in process.stderr:
        if "listening on " in line:
            address, _, name = line.partition("listening on ")[2].strip().partition(": ")
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return int(address.rpartition(":")[2]), name
    raise RuntimeError("the server did not start")


def _row(clients: int, seen: Seen, seconds: float, bare_ms: float) -> None:
    times = sorted(seen.milliseconds)
    median = statistics.median(times)
    print(
        f"| {clients} | {len(times) / seconds:.0f} | {median:.2f} | "
        f"{times[int(len(times) * 0.99)]:.2f} | {median - bare_ms:.2f} | {seen.refused} |"
    )


def _run(port: int, name: str, clients: int, seconds: float) -> Seen:
    """Ask with all clients for some seconds; each sends its next request after the answer."""
    seen, until = Seen(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(port, name, until, seen)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _client(port: int, name: str, until: float, seen: Seen) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    body = cv2.imencode(".jpg", pixels)[1].tobytes()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < until:
        begun = time.perf_counter()
        connection.request(
            "POST", f"/models/{name}/predictions", body, {"Content-Type": "image/jpeg"}
        )
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            assert json.loads(text)["results"]
            seen.milliseconds.append((time.perf_counter() - begun) * 1e3)
        else:
            seen.refused += 1
            time.sleep(0.05)
    connection.close()


if __name__ == "__main__":
    main()
