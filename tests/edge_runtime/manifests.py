"""A manifest around a decoder, for what needs one and no files."""

from collections.abc import Mapping

from edge_runtime.decoders.specs import Decoder, task_of
from edge_runtime.manifest import (
    Calibration,
    ImageInput,
    Manifest,
    Provenance,
    SelfTest,
    TensorSpec,
    decode_manifest,
    encode_manifest,
)


def manifest_of(
    decoder: Decoder,
    shapes: Mapping[str, tuple[int, ...]],
    image: ImageInput,
    labels: tuple[str, ...] = (),
) -> Manifest:
    """Return a manifest that has passed its own checks."""
    channels = 1 if image.colour == "grey" else 3
    manifest = Manifest(
        schema="edge.bundle/1",
        name="made",
        version=1,
        task=task_of(decoder),
        inputs=(
            TensorSpec(
                name="x", shape=(1, image.height, image.width, channels), scale=1.0, zero_point=0
            ),
        ),
        outputs=tuple(
            TensorSpec(name=name, shape=shape, scale=1.0, zero_point=0)
            for name, shape in shapes.items()
        ),
        preprocessing=image,
        decoder=decoder,
        labels=labels,
        files=(),
        self_test=SelfTest(samples=1, max_lsb={}),
        calibration=Calibration(samples=1, data_sha256="0" * 64),
        provenance=Provenance(
            model_sha256="0" * 64, model_format="test", profile="tflm", versions={}, recipe={}
        ),
        metrics={},
    )
    return decode_manifest(encode_manifest(manifest))
