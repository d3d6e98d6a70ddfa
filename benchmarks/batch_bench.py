"""What a shared call saves: of bare inference, and of a whole worker. Prints two tables.

    python benchmarks/batch_bench.py [--models DIR] [--frames 10000]

The official int8 files of MLPerf Tiny as our ONNX files, each answer checked to be the same bytes
in every batch; then the digits network in a worker, its source as fast as frames are taken.
The best of several rounds, each over all sizes, for the machine is shared.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.runtime_bench import quantized
from edge_runtime.config.sources import SyntheticConfig
from edge_runtime.config.structs import PipelineConfig, PublishConfig
from edge_runtime.engines.batches import Tensors, run_all
from edge_runtime.engines.onnx_engine import OnnxEngine
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.link import Heartbeat, Outgoing, Ready, SourceState, Stop
from edge_runtime.worker.process import run_worker
from edge_runtime.worker.settings import WorkerSettings
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.ir.graph import IntGraph
from quantize.load.open import open_model

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models" / "mlperf_tiny"
NAMES = ("ad_fcae", "kws_dscnn", "ic_resnet8", "vww_mbv1_025")
SIZES = (1, 2, 4, 8, 16, 32)
SAMPLES, RUNS = 64, 40
WORKER_RUNS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--frames", type=int, default=10_000, help="of the worker")
    arguments = parser.parse_args()
    print(f"| µs a sample, in calls of | {' | '.join(map(str, SIZES))} |")
    print(f"|---{'|---' * len(SIZES)}|")
    for name in NAMES:
        for threads in (1, 2):
            cells = bare(arguments.models / f"{name}_int8_official.tflite", threads)
            print(f"| {name}, {threads} thread{'s'[: threads - 1]} | {' | '.join(cells)} |")
    print("\n| batch | frames/s | mean frames a call | infer p50 ms |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        bundle = quantized(Path(folder))
        frames = arguments.frames
        rounds = [[worker(bundle, b, frames) for b in SIZES] for _ in range(WORKER_RUNS)]
    for batch, runs in zip(SIZES, zip(*rounds, strict=True), strict=True):
        print(f"| {batch} | {' | '.join(max(runs)[1])} |")


def bare(path: Path, threads: int) -> list[str]:
    """Return the microseconds of a sample for each size of a call."""
    graph = open_model(path).content
    assert isinstance(graph, IntGraph)
    engine = OnnxEngine(emit_qdq_onnx(graph), EngineSettings(threads))
    ((name, shape),) = engine.inputs.items()
    values = np.random.default_rng(1).normal(0, 3, (SAMPLES, *shape[1:])).astype(np.float32)
    samples = [{name: values[at : at + 1]} for at in range(SAMPLES)]
    alone = run_all(engine, samples, 1)
    for size in SIZES:
        for one, other in zip(alone, run_all(engine, samples, size), strict=True):
            assert all(one[output].tobytes() == other[output].tobytes() for output in one)
    rounds = [[_seconds(engine, samples, size) for size in SIZES] for _ in range(RUNS)]
    return [f"{min(times) / SAMPLES * 1e6:.0f}" for times in zip(*rounds, strict=True)]


def _seconds(engine: OnnxEngine, samples: Sequence[Tensors], size: int) -> float:
    started = time.perf_counter()
    run_all(engine, samples, size)
    return time.perf_counter() - started


def worker(bundle: Path, batch: int, frames: int) -> tuple[float, list[str]]:
    """Return a worker's frames a second, and the cells of its row."""
    source = SyntheticConfig(rate_hz=0, frames=frames, width=8, height=8, pattern="noise")
    publish = PublishConfig(predictions="all", max_rate_hz=0, events=False)
    pipeline = PipelineConfig(
        name="digits", model="digits", source=source, publish=publish,
        engine="onnx", threads=1, batch=batch,
    )  # fmt: skip
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    settings = WorkerSettings(pipeline, bundle, "bench", {})
    process = context.Process(target=run_worker, args=(settings, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        return _row(ours, frames)
    finally:
        process.join()


def _row(pipe: "Connection[Any, Any]", frames: int) -> tuple[float, list[str]]:
    shares, started, infers = [], 0.0, []
    while True:
        record = pipe.recv()
        match record:
            case Ready():
                started = time.perf_counter()
            case Outgoing():
                shares.append(_batch_of(record.message.payload))
                seconds = time.perf_counter() - started
            case Heartbeat(source=SourceState.FINISHED):
                break
            case Heartbeat() if record.infer is not None:
                infers.append(record.infer.p50_ms)
    pipe.send(Stop())
    rate = frames / seconds
    mean = len(shares) / sum(1 / share for share in shares)
    infer_ms = sorted(infers)[len(infers) // 2]
    return rate, [f"{rate:.0f}", f"{mean:.1f}", f"{infer_ms:.2f}"]


def _batch_of(payload: bytes) -> int:
    _, found, rest = payload.partition(b'"batch":')
    return int(rest[: rest.index(b"}")]) if found else 1


if __name__ == "__main__":
    main()
