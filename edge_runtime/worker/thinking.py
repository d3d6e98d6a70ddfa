"""The part of a worker between a frame and its messages, which a replay makes as well."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_runtime.config.sources import MicrocontrollerConfig
from edge_runtime.config.structs import PipelineConfig
from edge_runtime.link import Parity
from edge_runtime.pipeline import Model, Observe
from edge_runtime.recorder.record import Memory
from edge_runtime.recorder.tape import Outside
from edge_runtime.remote_inference import AuditedEngine, remote_manifest
from edge_runtime.worker.chain import Chain
from edge_runtime.worker.chain_assembly import make_chain
from edge_runtime.worker.models import Models
from edge_runtime.worker.publisher import Origin, Publisher, StageOrigin
from edge_runtime.worker.settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class Thinking:
    """What turns frames into messages, and all that is remembered from one to the next."""

    chain: Chain
    publisher: Publisher

    def memory(self) -> Memory:
        """Return what is remembered now, as a copy."""
        return Memory(self.chain.state(), self.publisher.state())

    def restore(self, memory: Memory) -> None:
        """Remember what another one of the same configuration did."""
        self.chain.restore(memory.chain)
        self.publisher.restore(memory.publisher)


def make_thinking(
    settings: WorkerSettings, models: Models, outside: Outside, observe: Observe
) -> Thinking:
    """Return it, nothing remembered.

    Raises:
        ConfigError: The configuration asks for what one of the models cannot do.
    """
    chain = make_chain(
        settings.pipeline, models.timed_by(outside.stage_clock), _first_number(settings)
    )
    origin = _origin(settings, models)
    publisher = Publisher(
        settings.pipeline.publish, origin, settings.first_sequences, outside.edges
    )
    return Thinking(replace(chain, observe=observe), publisher)


def audited(models: Models, config: PipelineConfig) -> tuple[Models, Callable[[], Parity | None]]:
    """Let a microcontroller infer where it is the source; the pipeline's engine audits then."""
    if not isinstance(config.source, MicrocontrollerConfig):
        return models, lambda: None
    own = models.own
    manifest = own.model.manifest
    engine = AuditedEngine(manifest, own.model.engine)
    # Its output stands where the input of the bundle's model did: there is nothing to compare.
    remote = replace(own, model=Model(remote_manifest(manifest), engine), known=None)
    return replace(models, own=remote), engine.parity


def _first_number(settings: WorkerSettings) -> int:
    """Return a number that no object of an earlier worker has: each has begun an event."""
    return settings.first_sequences.get(f"p/{settings.pipeline.name}/event", 0) + 1


def _origin(settings: WorkerSettings, models: Models) -> Origin:
    config = settings.pipeline
    stages = models.further[len(models.further) - len(config.stage) :]
    return Origin(
        pipeline=config.name,
        boot=settings.boot,
        model=models.own.part,
        unit=models.own.unit,
        stages={
            stage.name: StageOrigin(opened.part, opened.unit)
            for stage, opened in zip(config.stage, stages, strict=True)
        },
        max_misses=None if config.track is None else config.track.max_misses,
    )
