"""Every value of our messages has a metric that a birth has told of, with its type."""

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
from edge_runtime.models.described import Described
from edge_runtime.payloads import (
    EVENT_SCHEMA,
    AnomalyResult,
    AreaResult,
    ClassResult,
    EventPayload,
    ModelPart,
    ObjectResult,
    Result,
    StageMsPart,
    StatePayload,
    ValueResult,
    encode_payload,
)
from edge_runtime.records import Delivery, Message
from edge_runtime.sparkplug.metrics import Update, device_metrics, updates_of

BOX = (0.0, 0.0, 1.0, 1.0)
LABELS = ("cat", "dog")


def payload_fields(kind: str, *results: Result) -> dict[str, object]:
    return {
        "schema": EVENT_SCHEMA, "id": "0", "boot": "b", "seq": 0, "ts": "1970-01-01T00:00:01.500Z",
        "clock": "synced", "age_ms": 1.0, "source": "s", "frame": 0,
        "model": ModelPart(name="m", version=1, digest="d", backend="b"),
        "ms": StageMsPart(pre=0.0, infer=0.0, post=0.0), "kind": kind, "results": results,
    }  # fmt: skip


def event(kind: str, *results: Result, **more: object) -> Update:
    payload = EventPayload(**payload_fields(kind, *results), change="start", **more)
    (update,) = updates_of(Message("p/door/event", encode_payload(payload), Delivery.ALL), 0)
    return update


CASES = {
    "classification": (
        ClassificationDecoder(output="y"),
        [ClassResult(label="cat", index=0, score=0.75), ClassResult(label="dog", index=1, score=0)],
        {"Class": "cat", "Score": 0.75},
    ),
    "anomaly": (
        AnomalyDecoder(output="y", threshold=0.5),
        [AnomalyResult(score=1.0, threshold=0.5, flag=True)],
        {"Anomaly/Flag": True, "Anomaly/Score": 1.0, "Anomaly/Threshold": 0.5},
    ),
    "regression": (
        RegressionDecoder(output="y", names=("sum", "mean")),
        [ValueResult(name="sum", value=2.0), ValueResult(name="mean", value=1.0)],
        {"Value/sum": 2.0, "Value/mean": 1.0},
    ),
    "segmentation": (
        SegmentationDecoder(output="y"),
        [AreaResult(label="cat", index=0, share=0.25, box=BOX)],
        {"Share/cat": 0.25},
    ),
    "detection": (
        RowsDecoder(outputs=("y",)),
        [ObjectResult(label="dog", index=1, score=0.9, box=BOX)] * 2,
        {"Objects": 2, "Count/dog": 2},
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_results_become_declared_metrics(kind: str) -> None:
    decoder, results, values = CASES[kind]

    update = event(kind, *results)
    declared = device_metrics(Described("door", decoder, True, LABELS))

    assert update.device == "door"
    assert update.at_ms == 1500
    assert update.values.items() >= values.items()
    assert update.values.keys() <= declared.keys()


@pytest.mark.parametrize("kind", ["classification", "anomaly", "detection"])
def test_a_message_without_results_breaks_nothing(kind: str) -> None:
    assert event(kind).values["Event/Change"] == "start"


def test_an_event_tells_what_and_how_long() -> None:
    update = event("detection", what="dog", track=7, duration_s=1.25)

    assert update.values["Event/What"] == "dog"
    assert update.values["Event/Track"] == 7
    assert update.values["Event/Seconds"] == 1.25
    assert update.whole == "Count/"


def test_a_state_counts_as_it_says() -> None:
    fields = payload_fields("detection", ObjectResult(label="cat", index=0, score=0.9, box=BOX))
    payload = encode_payload(StatePayload(**fields, state="dog", counts={"dog": 3}))

    (update,) = updates_of(Message("p/door/state", payload, Delivery.LATEST), 0)

    assert update.values == {"Objects": 3, "Count/dog": 3, "State": "dog"}


@pytest.mark.parametrize(
    ("decoder", "names"), [(None, set()), (ClassificationDecoder(output="y"), {"Class", "Score"})]
)
def test_a_pipeline_without_events_or_model_has_fewer_metrics(
    decoder: Decoder | None, names: set[str]
) -> None:
    declared = device_metrics(Described("door", decoder, has_state=False)).keys()

    assert {"Source", "Model/Name"} <= declared
    assert not any(name.startswith("Event/") for name in declared)
    assert {name for name in declared if "/" not in name} - {"Source"} == names


def test_what_is_no_matter_of_sparkplug_says_nothing() -> None:
    topics = ("alert", "gaps", "cfg/reported", "/homeassistant/device/pi/config")

    assert [updates_of(Message(topic, b"{}", Delivery.ALL), 0) for topic in topics] == [()] * 4


def test_a_payload_of_another_shape_is_an_error_of_decoding() -> None:
    with pytest.raises(msgspec.DecodeError):
        updates_of(Message("p/door/event", b'{"seq":1}', Delivery.ALL), 0)
