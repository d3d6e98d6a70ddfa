"""Makes the source that a pipeline's configuration asks for, shaped for its model."""

from typing import assert_never

import numpy as np

from edge_runtime.config import (
    CameraConfig,
    CsvConfig,
    FilesConfig,
    SourceConfig,
    SyntheticConfig,
    VideoConfig,
)
from edge_runtime.errors import ConfigError
from edge_runtime.manifest import ImageInput, Manifest, WindowInput
from edge_runtime.sources.camera import CameraSource
from edge_runtime.sources.csv_replay import CsvSource, WindowShape
from edge_runtime.sources.files import FilesSource
from edge_runtime.sources.protocol import Source
from edge_runtime.sources.synthetic import SyntheticSource
from edge_runtime.sources.video import VideoSource


def make_source(config: SourceConfig, manifest: Manifest) -> Source:
    """Return the source, not yet open.

    Raises:
        ConfigError: The source cannot deliver what the model takes.
    """
    match config:
        case FilesConfig():
            return FilesSource(config)
        case VideoConfig():
            _check_takes_images("video", manifest)
            return VideoSource(config)
        case CameraConfig():
            _check_takes_images("camera", manifest)
            return CameraSource(config)
        case CsvConfig():
            return CsvSource(config, _window_shape(config, manifest))
        case SyntheticConfig():
            return _synthetic(config, manifest)
        case _:
            assert_never(config)


def source_name(config: SourceConfig) -> str:
    """Return the name in payloads: the configured one, else the kind."""
    return config.name or str(config.__struct_config__.tag)


def _check_takes_images(kind: str, manifest: Manifest) -> None:
    if not isinstance(manifest.preprocessing, ImageInput):
        raise ConfigError(f"source {kind}: model {manifest.name} takes samples, not images")


def _window_shape(config: CsvConfig, manifest: Manifest) -> WindowShape:
    spec = manifest.preprocessing
    if isinstance(spec, ImageInput):
        raise ConfigError(f"source csv: model {manifest.name} takes images, not samples")
    if isinstance(spec, WindowInput):
        return WindowShape(spec.columns, spec.length, spec.step)
    size, columns = int(np.prod(manifest.inputs[0].shape)), len(config.columns)
    if columns == 0 or size % columns:
        raise ConfigError(
            f"source csv: model {manifest.name} declares no columns and takes {size} values; "
            f"set columns to names whose number divides it, {columns} given"
        )
    return WindowShape(config.columns, size // columns, size // columns)


def _synthetic(config: SyntheticConfig, manifest: Manifest) -> SyntheticSource:
    spec = manifest.preprocessing
    if isinstance(spec, ImageInput):
        return SyntheticSource(config, None)
    if isinstance(spec, WindowInput):
        return SyntheticSource(config, (spec.length, len(spec.columns)), spec.step)
    shape = manifest.inputs[0].shape
    columns = shape[-1] if len(shape) > 2 else int(np.prod(shape))
    rows = int(np.prod(shape)) // columns
    return SyntheticSource(config, (rows, columns), rows)
