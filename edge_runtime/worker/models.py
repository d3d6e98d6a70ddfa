"""Opens the models of a pipeline: each bundle checked, loaded and tested on its own engine."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.config.vision import ModelConfig, StageConfig
from edge_runtime.decoders.decode import first_threshold
from edge_runtime.decoders.specs import RegressionDecoder
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import (
    choose_engine,
    default_threads,
    load_engine,
    model_digest,
)
from edge_runtime.link import Ready
from edge_runtime.manifest import load_bundle
from edge_runtime.models.signature import ModelKey, read_model_key
from edge_runtime.payloads import ModelPart
from edge_runtime.pipeline import Model, check_pipeline
from edge_runtime.watch.reference import References, load_references
from edge_runtime.worker.self_test import run_self_test, samples_at_once
from edge_runtime.worker.settings import WorkerSettings

DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that passed its self-test on the engine that will run it.

    Attributes:
        threshold: To start with.
        known: Of its calibration data; None: the bundle does not say.
    """

    model: Model
    ready: Ready
    threshold: float
    known: References | None = None

    @property
    def part(self) -> ModelPart:
        """Return how payloads name it."""
        return ModelPart(
            name=self.ready.model,
            version=self.ready.version,
            digest=f"sha256:{self.ready.digest[:DIGEST_DIGITS]}",
            backend=self.model.engine.backend,
        )

    @property
    def unit(self) -> str:
        """Return the unit of a regression's values, "" of anything else."""
        decoder = self.model.manifest.decoder
        return decoder.unit if isinstance(decoder, RegressionDecoder) else ""


@dataclass(frozen=True, slots=True)
class Models:
    """All models of a pipeline.

    Attributes:
        own: The pipeline's.
        further: Those of gates, then those of stages, as the configuration names them.
    """

    own: OpenModel
    further: tuple[OpenModel, ...] = ()

    @property
    def ready(self) -> Ready:
        """Return what the supervisor is told."""
        return replace(self.own.ready, further=tuple(m.ready for m in self.further))

    def timed_by(self, clock: Callable[[], float]) -> "Models":
        """Return the same models, their stages timed by another clock."""
        own, *further = (
            replace(opened, model=replace(opened.model, clock=clock))
            for opened in (self.own, *self.further)
        )
        return Models(own, tuple(further))


def open_models(settings: WorkerSettings) -> Models:
    """Return the pipeline's models, loaded and tested.

    Raises:
        BundleError: Incomplete, changed, not signed by the key, not for this daemon, or it fails
            its self-test.
        ConfigError: The key cannot be read.
        EngineError: No engine for it, or the engine refuses it.
    """
    key = None if settings.model_key is None else read_model_key(settings.model_key)
    own = open_model(settings.pipeline, settings.bundle, key, settings.pipeline.batch)
    pairs = zip(settings.pipeline.further_models, settings.further, strict=True)
    further = tuple(
        open_model(config, bundle, key, _crops_at_once(config)) for config, bundle in pairs
    )
    return Models(own, further)


def open_model(
    config: ModelConfig, bundle: Path, key: ModelKey | None = None, at_once: int = 1
) -> OpenModel:
    """Return one model, loaded and tested.

    Args:
        config: What runs it.
        bundle: Its directory.
        key: That the bundle has to be signed with.
        at_once: Samples that it would be given together; fewer where it does not take so many.

    Raises:
        BundleError: As `open_models`; EngineError likewise.
    """
    manifest = load_bundle(bundle, key)
    check_pipeline(manifest)
    name = choose_engine(config.engine, manifest)
    engine = load_engine(name, manifest, bundle, engine_settings(config))
    differs_by = run_self_test(engine, manifest, bundle)
    at_once = samples_at_once(engine, manifest, bundle, at_once)
    digest = model_digest(name, manifest)
    ready = Ready(manifest.name, manifest.version, digest, name, differs_by)
    threshold = first_threshold(config.threshold, manifest)
    model = Model(manifest, engine, at_once=at_once)
    return OpenModel(model, ready, threshold, load_references(manifest, bundle))


def _crops_at_once(config: ModelConfig) -> int:
    """Return how many inputs of one frame a model is asked about at most."""
    if isinstance(config, StageConfig) and config.on == "objects":
        return config.max_objects
    return 1


def engine_settings(config: ModelConfig) -> EngineSettings:
    """Return what a model's table says of its engine."""
    library = None if config.library is None else Path(config.library)
    return EngineSettings(config.threads or default_threads(), config.accelerator, library)
