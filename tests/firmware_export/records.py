"""Builders of records for tests."""

import msgspec

from firmware_export.record import SCHEMA, ExportRecord, LayerRecord, ModelRecord, VerifyRecord

LAYER = LayerRecord(
    name="y",
    operation="Conv2D",
    output_shape=(1, 4),
    macs=1000,
    calls=1,
    constants_bytes=70,
    live_bytes=30,
    arena_offset=0,
)

_EXPORT = ExportRecord(
    schema=SCHEMA,
    version="1",
    target="cortex-m4",
    prefix="m",
    profile="tflm",
    model=ModelRecord(name="m", sha256="0" * 64, original_profile="tflm", profile="tflm"),
    vectors=1,
    macs=1000,
    constants_bytes=70,
    flash_bytes=4096,
    ram_bytes=130,
    arena_bytes=30,
    arena_bound_bytes=30,
    stack_bytes=100,
    compiler="gcc 1",
    peak_layer="y",
    files=[],
    notes=[],
    layers=[LAYER],
)
_VERIFY = VerifyRecord(
    target="cortex-m4",
    machine="mps2-an386",
    prefix="m",
    profile="tflm",
    compiler="gcc 1",
    vectors=2,
    differing_bytes=0,
    first_difference=None,
    instructions=2500,
    macs=1000,
    flash_bytes=4096,
    ram_bytes=130,
    arena_bytes=30,
    stack_bytes=100,
    layers=[LAYER],
)


def export_record(**changes: object) -> ExportRecord:
    return msgspec.structs.replace(_EXPORT, **changes)


def verify_record(**changes: object) -> VerifyRecord:
    return msgspec.structs.replace(_VERIFY, **changes)
