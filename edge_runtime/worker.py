"""One process per pipeline: holds the source and the model, sends messages to the supervisor."""

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


def run_worker(settings: WorkerSettings, connection: "Connection[FromWorker, ToWorker]") -> None:
    """Run until Stop, the parent's death or a failure; the target of a spawned process.

    Sends one Ready or one Failed first, then Heartbeat, Outgoing and SourceChange as they come.
    Ends the process with exit code 0 after Stop, 1 after Failed.
    """
    raise NotImplementedError
