"""What a worker is told at its start; apart from the worker, so that the supervisor stays small."""

from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from edge_runtime.config import PipelineConfig
from edge_runtime.link import FromWorker, ToWorker


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told at its start; pickled to it.

    Attributes:
        pipeline: Its own table of the configuration.
        bundle: Directory of the bundle, as `edge_runtime.models.store.find_bundle` returns it.
        boot: Names this start of the daemon in every payload.
        first_sequences: Next number of each topic below the device's root; 0 where absent.
        heartbeat_s: From one Heartbeat to the next.
    """

    pipeline: PipelineConfig
    bundle: Path
    boot: str
    first_sequences: Mapping[str, int]
    heartbeat_s: float = 1.0


def start_worker(settings: WorkerSettings, connection: "Connection[FromWorker, ToWorker]") -> None:
    """Load the worker and run it; the target of a spawned process.

    The supervisor names this function and never loads numpy, engines or sources itself.
    """
    from edge_runtime.worker import run_worker  # noqa: PLC0415 - see above

    run_worker(settings, connection)
