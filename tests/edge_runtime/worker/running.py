"""A real worker process over a real pipe, for tests."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from edge_runtime.config.sources import SourceConfig
from edge_runtime.config.structs import PipelineConfig, PublishConfig
from edge_runtime.link import Heartbeat, Outgoing, SourceState
from edge_runtime.worker.process import run_worker
from edge_runtime.worker.settings import WorkerSettings

DEADLINE_S = 40.0
EVERYTHING = PublishConfig(predictions="all", keep="all", max_rate_hz=0)


@dataclass
class Running:
    """A worker and what it has said so far."""

    process: Any
    pipe: Connection
    heard: list[Any] = field(default_factory=list)

    def until(self, *kinds: type, count: int = 1, **wanted: Any) -> Any:
        """Return the `count`-th record of a kind whose attributes are as wanted."""
        ends = time.monotonic() + DEADLINE_S
        while time.monotonic() < ends:
            assert self.pipe.poll(ends - time.monotonic()), f"silent; heard {self.heard[-5:]}"
            record = self.pipe.recv()
            self.heard.append(record)
            if isinstance(record, kinds) and _matches(record, wanted):
                count -= 1
                if count == 0:
                    return record
        raise AssertionError(f"no {kinds}; heard {self.heard[-5:]}")

    def settled(self) -> Heartbeat:
        """Return the first heartbeat that tells the end of the recording, all frames done."""
        while True:
            beat: Heartbeat = self.until(Heartbeat, source=SourceState.FINISHED)
            if beat.counters.in_flight == 0:
                return beat

    def rest(self) -> list[Any]:
        """Return everything until the worker closes its pipe."""
        while True:
            try:
                assert self.pipe.poll(DEADLINE_S)
                self.heard.append(self.pipe.recv())
            except EOFError:
                return self.heard

    def payloads(self, topic: str) -> list[dict[str, Any]]:
        found = [r.message for r in self.heard if isinstance(r, Outgoing)]
        return [msgspec.json.decode(m.payload) for m in found if m.topic.endswith(topic)]


def _matches(record: Any, wanted: dict[str, Any]) -> bool:
    return all(getattr(record, key) == value for key, value in wanted.items())


@contextmanager
def worker(
    bundle: Path, source: SourceConfig, publish: PublishConfig = EVERYTHING,
    further: tuple[Path, ...] = (), recordings: Path | None = None, **settings: Any,
) -> Iterator[Running]:  # fmt: skip
    pipeline = PipelineConfig(
        name="p1", model="m", source=source, publish=publish, threads=1, **settings
    )
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker_settings = WorkerSettings(
        pipeline, bundle, "b00t", {"p/p1/event": 7}, 0.1, further, recordings
    )
    process = context.Process(target=run_worker, args=(worker_settings, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Running(process, ours)
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


def write_images(folder: Path, levels: list[int]) -> Path:
    folder.mkdir()
    for number, level in enumerate(levels):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.full((2, 2), level, np.uint8))
    return folder


def assert_balanced(beat: Heartbeat) -> None:
    counters = beat.counters
    settled = counters.inferred + sum(counters.dropped.values()) + counters.in_flight
    assert counters.captured == settled
