"""Whether the models of a pipeline can do what its configuration asks of them."""

from edge_runtime.config.structs import PipelineConfig
from edge_runtime.config.vision import MotionGateConfig, StageConfig
from edge_runtime.decoders.specs import task_of
from edge_runtime.errors import ConfigError
from edge_runtime.manifest import ImageInput, Manifest

_WITH_OBJECTS = frozenset({"detection", "keypoints"})

_WITH_MEANS = frozenset({"classification", "regression"})


def check_suits(config: PipelineConfig, own: Manifest, further: tuple[Manifest, ...]) -> None:
    """Refuse a configuration that asks for what one of its models cannot do.

    Args:
        config: The pipeline's.
        own: Of its own model.
        further: Of `config.further_models`, in their order.

    Raises:
        ConfigError: It is named, with the key.
    """
    needs_image = {
        "roi": config.roi is not None,
        "gate motion": any(isinstance(gate, MotionGateConfig) for gate in config.gate),
    }
    for key, is_asked in needs_image.items():
        if is_asked and not _takes_images(own):
            raise ConfigError(f"{key}: model {own.name} takes samples, not images")
    needs_objects = {
        "zone": bool(config.zone),
        "labels": bool(config.labels),
        "track": config.track is not None,
    }
    for key, is_asked in needs_objects.items():
        if is_asked:
            _check_objects(key, own)
    if config.average > 1 and (own.decoder is None or task_of(own.decoder) not in _WITH_MEANS):
        raise ConfigError(f"average: model {own.name} gives neither class scores nor values")
    _check_labels("labels", config.labels, own)
    for zone in config.zone:
        _check_labels(f"zone {zone.name}: labels", zone.labels, own)
    _check_further(config, own, further)


def _check_further(config: PipelineConfig, own: Manifest, further: tuple[Manifest, ...]) -> None:
    by_name: dict[str | None, Manifest] = {None: own}
    for table, manifest in zip(config.further_models, further, strict=True):
        where = f"stage {table.name}" if isinstance(table, StageConfig) else f"gate {table.model}"
        takes_images = _takes_images(own)
        if isinstance(table, StageConfig):
            by_name[table.name] = manifest
            _check_stage(where, table, by_name[table.of])
            takes_images = takes_images or table.on == "objects"
        if _takes_images(manifest) != takes_images:
            raise ConfigError(
                f"{where}: model {manifest.name} does not take what the source delivers"
            )


def _check_stage(where: str, stage: StageConfig, asked: Manifest) -> None:
    if stage.on == "objects":
        _check_objects(where, asked)
    _check_labels(f"{where}: labels", stage.labels, asked)


def _check_objects(where: str, manifest: Manifest) -> None:
    if manifest.decoder is None or task_of(manifest.decoder) not in _WITH_OBJECTS:
        raise ConfigError(f"{where}: model {manifest.name} finds no objects")


def _check_labels(where: str, labels: tuple[str, ...], manifest: Manifest) -> None:
    known = manifest.labels
    unknown = [label for label in labels if label not in known]
    if known and unknown:
        allowed = ", ".join(known)
        raise ConfigError(f"{where}: {unknown[0]!r}, model {manifest.name} has {allowed}")


def _takes_images(manifest: Manifest) -> bool:
    return isinstance(manifest.preprocessing, ImageInput)
