"""What the page on pipelines shows is what the daemon and the quantizer read."""

import re
import tomllib
from pathlib import Path

import msgspec

from edge_runtime.config.loading import decode_config
from edge_runtime.config.structs import PipelineConfig, PublishConfig
from edge_runtime.config.vision import MotionGateConfig, StageConfig, TrackConfig, ZoneConfig
from edge_runtime.decoders.specs import ImageDecoder, Yolov8Decoder

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "pipelines.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_tables_of_a_pipeline_are_read() -> None:
    where, when, ask, follow, events, _ = BLOCKS
    source = 'source = { kind = "synthetic" }\n'
    head, _, tables = where.partition("[[pipeline.zone]]")

    text = f"""[device]\nid = "a"\n{head}{events}{source}
[[pipeline.zone]]{tables}{when}{ask}{follow}"""

    (pipeline,) = decode_config(text).pipeline
    assert [zone.name for zone in pipeline.zone] == ["drive", "street"]
    assert [stage.name for stage in pipeline.stage] == ["plate", "colour", "weather"]
    assert pipeline.track is not None
    assert pipeline.publish.release == 10


def test_the_decoder_is_read() -> None:
    facts = tomllib.loads(BLOCKS[-1])

    decoder = msgspec.convert({"type": facts.pop("kind"), **facts}, ImageDecoder)

    assert isinstance(decoder, Yolov8Decoder)
    assert len(decoder.heads) == 3


def test_every_key_and_every_kind_is_named() -> None:
    tables = (ZoneConfig, MotionGateConfig, TrackConfig, StageConfig)
    own = (
        "roi",
        "labels",
        "only_in_zones",
        "zone",
        "gate",
        "track",
        "stage",
        "max_age_ms",
        "average",
    )
    keys = [key for table in tables for key in table.__struct_fields__]
    keys += [key for key in PipelineConfig.__struct_fields__ if key in own]
    keys += [key for key in PublishConfig.__struct_fields__ if key in {"settle", "release"}]
    kinds = [str(s.tag) for s in msgspec.inspect.type_info(ImageDecoder).types]  # type: ignore[attr-defined]

    assert [word for word in (*keys, *kinds) if not re.search(rf"\b{word}\b", PAGE)] == []
