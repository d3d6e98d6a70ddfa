"""What a worker is told at its start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.config.structs import PipelineConfig


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told at its start; pickled to it.

    Attributes:
        pipeline: Its own table of the configuration.
        bundle: Directory of the bundle, as `edge_runtime.models.store.find_bundle` returns it.
        boot: Names this start of the daemon in every payload.
        first_sequences: Next number of each topic below the device's root; 0 where absent.
        heartbeat_s: From one Heartbeat to the next.
        further: Bundles of `pipeline.further_models`, in their order.
        recordings: Where the flight recorder writes.
        model_key: File of the key that bundles have to be signed with.
    """

    pipeline: PipelineConfig
    bundle: Path
    boot: str
    first_sequences: Mapping[str, int]
    heartbeat_s: float = 1.0
    further: tuple[Path, ...] = ()
    recordings: Path | None = None
    model_key: Path | None = None
