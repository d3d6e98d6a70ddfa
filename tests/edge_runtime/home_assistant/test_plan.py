"""From a configuration to an introduction: the models' manifests decide on the entities."""

import json
from pathlib import Path

import msgspec

from edge_runtime.config.loading import decode_config
from edge_runtime.config.structs import Config
from edge_runtime.decoders.specs import RowsDecoder
from edge_runtime.home_assistant.known import Known
from edge_runtime.home_assistant.plan import plan_introduction
from edge_runtime.manifest import ImageInput, encode_manifest
from tests.edge_runtime.bundles import brightness_bundle, half_bundle, sum_bundle
from tests.edge_runtime.manifests import manifest_of


def config(*models: str, wanted: str = "true") -> Config:
    text = f'[device]\nid = "pi"\n[mqtt]\nhome_assistant = {wanted}\n[health]\ninterval_s = 2.5\n'
    for model in models:
        text += f'[[pipeline]]\nname = "{model}"\nmodel = "{model}"\n'
        text += 'source = { kind = "synthetic" }\n'
    return decode_config(text)


def test_each_model_has_the_entities_of_its_kind(tmp_path: Path) -> None:
    for make in (brightness_bundle, sum_bundle, half_bundle):
        make(tmp_path)

    said = plan_introduction(
        config("brightness", "total", "half"), tmp_path, None, has_temperature=False
    )

    assert said is not None
    components = json.loads(said.first[0].payload)["components"]
    assert {"brightness_class", "total_value0", "half_anomaly", "cpu"} <= set(components)
    assert components["total_value0"]["unit_of_measurement"] == "kg"
    assert components["cpu"]["expire_after"] == 8
    assert "temperature" not in components


def test_a_spoiled_manifest_leaves_what_was_said(tmp_path: Path) -> None:
    (brightness_bundle(tmp_path) / "manifest.json").write_text("{")
    known = Known("pi", {"brightness_class": "sensor"})

    assert plan_introduction(config("brightness"), tmp_path, known, has_temperature=True) is None


def test_switched_off_it_says_farewell_only_where_something_was_said(tmp_path: Path) -> None:
    off = config("brightness", wanted="false")

    assert plan_introduction(off, tmp_path, None, has_temperature=True) is None
    said = plan_introduction(off, tmp_path, Known("pi", {}), has_temperature=True)
    assert said is not None
    assert said.first[0].payload == b""


def test_labels_have_entities_where_they_are_few_or_chosen(tmp_path: Path) -> None:
    labels = tuple(f"thing{n}" for n in range(20))
    rows = RowsDecoder(outputs=("y",))
    manifest = manifest_of(rows, {"y": (1, 9, 24)}, ImageInput(width=8, height=8), labels)
    (tmp_path / "made" / "1").mkdir(parents=True)
    (tmp_path / "made" / "1" / "manifest.json").write_bytes(encode_manifest(manifest))
    many = config("made")
    chosen = msgspec.structs.replace(
        many, pipeline=(msgspec.structs.replace(many.pipeline[0], labels=("thing7",)),)
    )

    found = []
    for settings in (many, chosen):
        said = plan_introduction(settings, tmp_path, None, has_temperature=False)
        assert said is not None
        components = json.loads(said.first[0].payload)["components"]
        found.append([c["name"] for name, c in components.items() if "_count" in name])

    assert found == [[], ["made thing7 count"]]
