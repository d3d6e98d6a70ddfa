"""The description, judged by the keys that Home Assistant documents and by its template language.

The tables below are written by hand from home-assistant.io (integrations mqtt, sensor.mqtt,
binary_sensor.mqtt; sensor and binary_sensor device classes).
"""

import json
import re
from pathlib import Path
from typing import Any

import jinja2
import msgspec
import pytest

from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    ClassificationDecoder,
    Decoder,
    RegressionDecoder,
    RowsDecoder,
    SegmentationDecoder,
)
from edge_runtime.home_assistant.components import Machine
from edge_runtime.home_assistant.introduction import Introduction, farewell, introduce
from edge_runtime.home_assistant.known import Known
from edge_runtime.host.readings import HostReader
from edge_runtime.models.described import Described
from edge_runtime.mqtt.topics import Topics
from edge_runtime.payloads import (
    STATE_SCHEMA,
    ModelPart,
    StageMsPart,
    StatePayload,
    encode_payload,
)
from edge_runtime.records import (
    Anomaly,
    Area,
    Classification,
    ClassScore,
    Decoded,
    Detection,
    Regression,
    Segmentation,
)
from edge_runtime.results import results_of
from edge_runtime.supervisor.health import Numbers, Stamp
from edge_runtime.supervisor.health import make_health as health_of
from edge_runtime.supervisor.health_payloads import (
    MqttHealth,
    OutboxHealth,
    Percentiles,
    PipelineHealth,
    SourceHealth,
)

ROOT = "edge/v1/home/porch-pi"
DEVICE_KEYS = {
    "configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model",
    "model_id", "name", "serial_number", "suggested_area", "sw_version", "via_device",
}  # fmt: skip
SHARED_KEYS = {
    "availability", "availability_mode", "availability_template", "availability_topic",
    "command_topic", "encoding", "payload_available", "payload_not_available", "qos", "state_topic",
}  # fmt: skip
ENTITY_KEYS = (SHARED_KEYS - {"command_topic"}) | {
    "default_entity_id", "device_class", "enabled_by_default", "entity_category", "entity_picture",
    "expire_after", "force_update", "icon", "json_attributes_template", "json_attributes_topic",
    "name", "object_id", "platform", "unique_id", "value_template",
}  # fmt: skip
PLATFORM_KEYS = {
    "sensor": ENTITY_KEYS | {
        "last_reset_value_template", "options", "state_class", "suggested_display_precision",
        "unit_of_measurement",
    },
    "binary_sensor": ENTITY_KEYS | {"off_delay", "payload_off", "payload_on"},
}  # fmt: skip
UNITS_OF_CLASS = {
    "duration": {"d", "h", "min", "s", "ms", "μs"},
    "temperature": {"°C", "°F", "K"},
    "data_size": {"bit", "B", "kB", "MB", "GB", "KiB", "MiB", "GiB"},
}
PIPELINES = (
    Described("door", ClassificationDecoder(output="y"), has_state=True),
    Described("belt", AnomalyDecoder(output="y", threshold=1.0), has_state=True),
    Described(
        "tank", RegressionDecoder(output="y", names=("level", "inflow"), unit="l"), has_state=True
    ),
    Described("yard", RowsDecoder(outputs=("y",)), has_state=True, labels=("dog", "it's")),
    Described("road", SegmentationDecoder(output="y"), has_state=True, labels=("none", "lane")),
    Described("quiet", ClassificationDecoder(output="y"), has_state=False),
    Described("raw", None, has_state=True),
)


def introduction(*pipelines: Described, known: Known | None = None) -> Introduction:
    return introduce(Machine(Topics("home", "porch-pi"), 90, True), pipelines, known)


def description(*pipelines: Described, known: Known | None = None) -> dict[str, Any]:
    return json.loads(introduction(*pipelines, known=known).first[-1].payload)


def check(described: dict[str, Any]) -> None:
    """Refuse what Home Assistant's own validation would refuse or ignore."""
    assert described.keys() <= {"device", "origin", "components"} | SHARED_KEYS
    assert described["device"].keys() <= DEVICE_KEYS
    assert described["device"]["identifiers"]
    assert described["origin"].keys() <= {"name", "sw_version", "support_url"}
    assert described["origin"]["name"]
    assert described["qos"] in {0, 1, 2}
    check_availability(described["availability"])
    for name, component in described["components"].items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
        if set(component) != {"platform"}:
            check_component(component)


def check_component(component: dict[str, Any]) -> None:
    assert component.keys() <= PLATFORM_KEYS[component["platform"]]
    assert {"unique_id", "name", "state_topic"} <= component.keys()
    assert component["state_topic"].startswith(f"{ROOT}/")
    check_availability(component.get("availability", []))
    if "options" in component:
        assert component["device_class"] == "enum"
        assert not {"state_class", "unit_of_measurement"} & component.keys()
    if component.get("device_class") in UNITS_OF_CLASS:
        assert component["unit_of_measurement"] in UNITS_OF_CLASS[component["device_class"]]
    if "unit_of_measurement" in component:
        assert component["state_class"] == "measurement"


def check_availability(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert entry.keys() <= {
            "topic", "payload_available", "payload_not_available", "value_template",
        }  # fmt: skip
        assert entry["topic"].startswith(f"{ROOT}/")


def rendered(template: str, payload: bytes | str) -> str:
    """Render as Home Assistant does: the text as `value`, and as `value_json` where it is JSON."""
    text = payload if isinstance(payload, str) else payload.decode()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    values = {"value_json": json.loads(text)} if text.startswith("{") else {}
    return environment.from_string(template).render(value=text, **values)


def state(decoded: Decoded, text: str, counts: dict[str, int] | None = None) -> bytes:
    kind, results = results_of(decoded, "l")
    payload: StatePayload[Any] = StatePayload(
        schema=STATE_SCHEMA, id="0", boot="b", seq=0, ts="t", clock="synced", age_ms=1.0,
        source="s", frame=0, model=ModelPart(name="m", version=1, digest="d", backend="b"),
        ms=StageMsPart(pre=0.0, infer=0.0, post=0.0), kind=kind, results=results, state=text,
        counts=counts,
    )  # fmt: skip
    return encode_payload(payload)


def health(directory: Path, age_ms: Percentiles | None) -> bytes:
    pipeline = PipelineHealth(
        name="door", worker="running", why=None, restarts=0, fps_in=10.0, fps_infer=9.5, captured=1,
        inferred=1, in_flight=0, dropped={}, sequence_gaps=0, age_ms=age_ms, infer_ms=None,
        source=SourceHealth("online", "", 0, 0), model=None,
    )  # fmt: skip
    mqtt = MqttHealth(
        state="online", cause=None, why=None, protocol="5", reconnects_1h=0, takeovers=0, queued=7,
        queued_bytes=0, oldest_queued_s=0.0, dropped_total=0, dropped={}, live_dropped={},
        storage="disk", puback_ms=Percentiles(None, None, None),
        outbox=OutboxHealth(
            accepted=7, found=0, waiting=7, delivered=0, dropped=0, epoch="e", last_id=7
        ),
    )  # fmt: skip
    for number, degrees in enumerate(("51000", "62500")):
        zone = directory / f"sys/class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True, exist_ok=True)
        (zone / "temp").write_text(degrees)
    host = HostReader(directory, directory).read([], "synced")
    stamp = Stamp("b", 0, "t")
    return msgspec.json.encode(health_of(stamp, 1.0, (), Numbers((pipeline,), host, mqtt, None)))


def test_it_is_what_home_assistant_documents() -> None:
    check(description(*PIPELINES))


def test_it_is_one_retained_message_where_home_assistant_looks() -> None:
    said = introduction(*PIPELINES)

    (message,) = said.first
    assert Topics("home", "porch-pi").full(message.topic) == (
        "homeassistant/device/porch-pi/config"
    )
    assert message.retain
    assert said.later == said.first
    assert b": " not in message.payload.replace(b"': ", b"")  # no byte more than needed


def test_every_pipeline_has_its_entities() -> None:
    components = description(*PIPELINES)["components"]

    per_pipeline = {"source", "fps", "latency"}
    expected = {
        "door": {"class", "confidence"}, "belt": {"anomaly", "score"},
        "tank": {"value0", "value1"}, "quiet": set(), "raw": set(),
        "yard": {"present", "objects", "count0", "count1"}, "road": {"class", "share1"},
    }  # fmt: skip
    assert set(components) == {"cpu", "memory", "queued", "temperature"} | {
        f"{name}_{key}" for name, keys in expected.items() for key in keys | per_pipeline
    }
    assert components["belt_anomaly"]["platform"] == "binary_sensor"
    assert components["tank_value1"]["name"] == "tank inflow"
    assert components["tank_value1"]["unit_of_measurement"] == "l"
    diagnostic = {n for n, c in components.items() if c.get("entity_category") == "diagnostic"}
    assert {name for name in components if name not in diagnostic} == {
        "door_class", "door_confidence", "belt_anomaly", "belt_score", "tank_value0", "tank_value1",
        "yard_present", "yard_objects", "yard_count0", "yard_count1", "road_class", "road_share1",
    }  # fmt: skip


def test_ids_are_unique_even_where_names_of_pipelines_are_made_to_collide() -> None:
    plain = ClassificationDecoder(output="y")
    names = ("a", "a_class", "a_class_class", "cpu", "A", "a-class")

    components = description(*(Described(n, plain, has_state=True) for n in names))["components"]

    assert len(components) == 4 + 5 * len(names)
    assert len({component["unique_id"] for component in components.values()}) == len(components)


@pytest.mark.parametrize(
    ("component", "decoded", "text", "expected"),
    [
        ("door_class", Classification((ClassScore("cat", 1, 0.8766),)), "cat", "cat"),
        ("door_confidence", Classification((ClassScore("cat", 1, 0.8766),)), "cat", "87.7"),
        ("belt_anomaly", Anomaly(2.0, 1.0, is_anomalous=True), "anomaly", "ON"),
        ("belt_anomaly", Anomaly(0.5, 1.0, is_anomalous=False), "normal", "OFF"),
        ("belt_score", Anomaly(0.5, 1.0, is_anomalous=False), "normal", "0.5"),
        ("tank_value1", Regression((("level", 1.0), ("inflow", -2.5))), "measured", "-2.5"),
    ],
)
def test_the_templates_read_our_states(
    component: str, decoded: Decoded, text: str, expected: str
) -> None:
    found = description(*PIPELINES)["components"][component]

    assert found["state_topic"] == f"{ROOT}/p/{component.partition('_')[0]}/state"
    assert rendered(found["value_template"], state(decoded, text)) == expected


@pytest.mark.parametrize(
    ("component", "counts", "expected"),
    [
        ("yard_present", {}, "OFF"),
        ("yard_present", {"dog": 1}, "ON"),
        ("yard_objects", {"dog": 2, "it's": 1}, "3"),
        ("yard_objects", {}, "0"),
        ("yard_count0", {"dog": 2}, "2"),
        ("yard_count1", {"dog": 2, "it's": 1}, "1"),
        ("yard_count1", {}, "0"),
    ],
)
def test_objects_are_counted(component: str, counts: dict[str, int], expected: str) -> None:
    found = description(*PIPELINES)["components"][component]

    payload = state(Detection(()), ", ".join(counts) or "none", counts)

    assert rendered(found["value_template"], payload) == expected


def test_areas_are_shares() -> None:
    components = description(*PIPELINES)["components"]
    lane = Area("lane", 1, 0.256, (0.0, 0.0, 1.0, 1.0))

    covered, nothing = state(Segmentation((lane,)), "lane"), state(Segmentation(()), "none")

    assert rendered(components["road_class"]["value_template"], covered) == "lane"
    assert rendered(components["road_share1"]["value_template"], covered) == "25.6"
    assert rendered(components["road_share1"]["value_template"], nothing) == "0"


def test_the_templates_read_our_health(tmp_path: Path) -> None:
    components = description(PIPELINES[0])["components"]
    payload = health(tmp_path, Percentiles(41.5, 50.0, 60.0))
    starting = health(tmp_path, None)

    expected = {
        "door_fps": "9.5", "door_latency": "41.5", "queued": "7", "temperature": "62.5",
        "cpu": "None", "memory": "None",
    }  # fmt: skip
    for name, text in expected.items():
        assert components[name]["state_topic"] == f"{ROOT}/health"
        assert components[name]["expire_after"] == 90
        assert rendered(components[name]["value_template"], payload) == text
    assert rendered(components["door_latency"]["value_template"], starting) == "None"


@pytest.mark.parametrize(
    ("text", "device", "source"),
    [
        ("online", "online", "online"), ("degraded", "online", "offline"),
        ("stopped", "offline", "offline"), ("offline", "offline", "offline"),
        ("stalled", "offline", "offline"),
    ],
)  # fmt: skip
def test_a_degraded_device_is_available_and_a_stalled_source_is_not(
    text: str, device: str, source: str
) -> None:
    described = description(PIPELINES[0])
    shared = described["availability"]
    own = described["components"]["door_class"]

    assert [entry["topic"] for entry in shared] == [f"{ROOT}/status"]
    assert rendered(shared[0]["value_template"], text) == device
    assert own["availability_mode"] == "all"
    assert own["availability"][0] == shared[0]
    assert own["availability"][1]["topic"] == f"{ROOT}/p/door/source"
    assert rendered(own["availability"][1]["value_template"], text) == source
    assert "expire_after" not in own


def test_what_is_gone_is_said_to_be_gone_and_nothing_else_of_it() -> None:
    before = introduction(*PIPELINES[:2]).after

    said = introduction(PIPELINES[0], known=before)

    described = json.loads(said.first[0].payload)
    check(described)
    gone = {n: c for n, c in described["components"].items() if n.startswith("belt_")}
    assert gone == {
        "belt_anomaly": {"platform": "binary_sensor"},
        **{f"belt_{key}": {"platform": "sensor"} for key in ("score", "source", "fps", "latency")},
    }
    assert said.before == before
    assert said.after == introduction(PIPELINES[0]).after


def test_another_model_takes_the_entities_of_the_former_away() -> None:
    decoder: Decoder = AnomalyDecoder(output="y", threshold=1.0)
    before = introduction(Described("door", ClassificationDecoder(output="y"), True)).after

    described = description(Described("door", decoder, has_state=True), known=before)

    assert described["components"]["door_class"] == {"platform": "sensor"}
    assert described["components"]["door_anomaly"]["platform"] == "binary_sensor"


def test_a_device_with_another_id_says_farewell_under_its_old_one() -> None:
    said = introduction(PIPELINES[0], known=Known("old-pi", {"door_class": "sensor"}))

    assert [m.topic for m in said.first] == [
        "/homeassistant/device/old-pi/config", "/homeassistant/device/porch-pi/config",
    ]  # fmt: skip
    assert said.first[0].payload == b""
    assert said.later == said.first[1:]
    check(json.loads(said.first[1].payload))


def test_a_farewell_is_an_empty_retained_message_said_once() -> None:
    said = farewell(Known("porch-pi", {}))

    (message,) = said.first
    assert (message.payload, message.retain) == (b"", True)
    assert said.later == ()
    assert said.after is None
