"""What those who describe the device to others have to know of its pipelines and their models."""

from dataclasses import dataclass
from pathlib import Path

from edge_runtime.config.structs import PipelineConfig
from edge_runtime.decoders.specs import Decoder
from edge_runtime.manifest import MANIFEST_NAME, decode_manifest
from edge_runtime.models.signature import ModelKey
from edge_runtime.models.store import find_bundle


@dataclass(frozen=True, slots=True)
class Described:
    """One pipeline.

    Attributes:
        decoder: Of its model; None where the model has none.
        has_state: Whether the pipeline publishes `state`.
        labels: Of its objects or areas; none where they are too many to name each.
    """

    name: str
    decoder: Decoder | None
    has_state: bool
    labels: tuple[str, ...] = ()


def describe_pipeline(
    pipeline: PipelineConfig, models: Path, most_labels: int, key: ModelKey | None = None
) -> Described:
    """Return what the configuration and the model's manifest say of a pipeline.

    Raises:
        BundleError: A model that is not there, that the key did not sign, or whose manifest is
            none.
        OSError: A manifest that cannot be read.
    """
    bundle = find_bundle(pipeline.model, models, key)
    data = (bundle / MANIFEST_NAME).read_bytes()
    if key is not None:
        key.check(bundle, data)
    manifest = decode_manifest(data)
    labels = pipeline.labels or manifest.labels
    shown = labels if len(labels) <= most_labels else ()
    return Described(pipeline.name, manifest.decoder, pipeline.publish.events, shown)
